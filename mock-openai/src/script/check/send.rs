//! Whether a `send` says one thing, and one that can be sent.

use super::check_one_of;
use crate::{
    script::{Eol, Send, exact},
    yaml::{Diagnostic, Place},
};

pub(super) fn check_send(send: &Send, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let lines = [
        ("comment", &send.comment),
        ("event", &send.event),
        ("id", &send.id),
        ("retry", &send.retry),
        ("data", &send.data),
    ];
    let field = lines.iter().find(|(_, text)| text.is_some()).map(|(name, _)| *name);
    let whole = [
        ("raw", send.raw.is_some()),
        ("hex", send.hex.is_some()),
        ("base64", send.base64.is_some()),
        ("preset", send.preset.is_some()),
        ("file", send.file.is_some()),
    ];
    let whole = whole.iter().filter(|(_, given)| *given).map(|(name, _)| *name);
    let given: Vec<&str> = field.into_iter().chain(whole).collect();
    match given.as_slice() {
        [] => {
            let help = "say `data: ...` or `raw: ...`";
            wrong.push(place.at_key().wrong("`send` sends nothing").help(help));
        }
        [_] => {}
        [first, second, ..] if field.is_some() => {
            let message = format!("`{second}` and `{first}` stand together");
            let help = format!("`{second}` is the whole of what is sent: write the fields into it");
            wrong.push(place.key(second).at_key().wrong(message).help(help));
        }
        _ => check_one_of(&given, "each is the whole of what is sent", place, wrong),
    }
    for (name, text) in lines {
        let breaks: &[char] = if name == "data" { &['\r'] } else { &['\n', '\r'] };
        if text.as_ref().is_some_and(|text| text.contains(breaks)) {
            let message = if name == "data" {
                "`data` holds a CR, which would end its line".to_owned()
            } else {
                format!("`{name}` is one line of the stream and holds a line break")
            };
            let help = "to send broken lines, write `raw`";
            wrong.push(place.key(name).wrong(message).help(help));
        }
    }
    check_exact(send, place, wrong);
    if let Some(kind) = ["raw", "hex", "base64", "file"].iter().find(|kind| given.contains(kind)) {
        check_form(send, kind, place, wrong);
    }
}

fn check_exact(send: &Send, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let decoded = [
        ("raw", send.raw.as_ref().map(|raw| Ok(raw.clone().into_bytes()))),
        ("hex", send.hex.as_deref().map(exact::hex)),
        ("base64", send.base64.as_deref().map(exact::base64)),
    ];
    for (name, bytes) in decoded {
        match bytes {
            Some(Err(why)) => {
                let help =
                    if name == "hex" { "write `\"64 61 ff\"`" } else { "write `\"ZGF0YQ==\"`" };
                wrong.push(place.key(name).wrong(why).help(help));
            }
            Some(Ok(bytes)) if bytes.is_empty() && !send.bom => {
                wrong.push(place.key(name).wrong(format!("`{name}` holds no bytes to send")));
            }
            Some(Ok(_)) | None => {}
        }
    }
}

/// Exact bytes have their own line ends.
fn check_form(send: &Send, kind: &str, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let asked = [("eol", send.eol != Eol::Lf), ("final_blank_line", !send.final_blank_line)];
    for (name, _) in asked.iter().filter(|(_, asked)| *asked) {
        let message = format!("`{name}` changes nothing: `{kind}` gives the exact bytes");
        let help = "it is for the fields of an event and for presets";
        wrong.push(place.key(name).at_key().wrong(message).help(help));
    }
}
