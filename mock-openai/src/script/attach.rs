//! Reads the recordings that a script names.

use super::{Script, Send, Step};
use crate::yaml::{Diagnostic, FILE_SIZE_MAX, Files, Place};

/// Reads the file of each `send: { file }` of a script that stands at a place of a document. Paths
/// count from the folder of the file that names them.
pub fn attach(
    script: &mut Script,
    place: Place<'_>,
    files: &dyn Files,
    wrong: &mut Vec<Diagnostic>,
) {
    for (index, rule) in script.iter_mut().enumerate() {
        steps(&mut rule.then, place.nth(index).key("then"), files, wrong);
    }
}

fn steps(list: &mut [Step], place: Place<'_>, files: &dyn Files, wrong: &mut Vec<Diagnostic>) {
    for (index, step) in list.iter_mut().enumerate() {
        let place = place.nth(index);
        match step {
            Step::Send(send) => read(send, place.key("send").key("file"), files, wrong),
            Step::Cut(cut) => {
                steps(&mut cut.steps, place.key("cut").key("steps"), files, wrong);
            }
            Step::Repeat(repeat) => {
                steps(&mut repeat.steps, place.key("repeat").key("steps"), files, wrong);
            }
            Step::Head(_)
            | Step::Stream(_)
            | Step::Json(_)
            | Step::Error(_)
            | Step::Wait(_)
            | Step::Trip(_)
            | Step::End(_)
            | Step::Mark(_) => {}
        }
    }
}

fn read(send: &mut Send, place: Place<'_>, files: &dyn Files, wrong: &mut Vec<Diagnostic>) {
    let Some(recording) = &mut send.file else { return };
    let path = place.folder().join(&recording.path);
    let shown = path.display();
    match files.read(&path) {
        Err(error) => {
            let message = format!("`{shown}` cannot be read: {error}");
            let help = "the path counts from the folder of the file that names it";
            wrong.push(place.wrong(message).help(help));
        }
        Ok(bytes) if bytes.len() > FILE_SIZE_MAX => {
            let message = format!("`{shown}` is larger than {} MiB", FILE_SIZE_MAX >> 20);
            wrong
                .push(place.wrong(message).help("cut the recording down to what the answer needs"));
        }
        Ok(bytes) if bytes.is_empty() => {
            wrong.push(place.wrong(format!("`{shown}` is empty, so nothing would be sent")));
        }
        Ok(bytes) => recording.bytes = bytes,
    }
}
