//! Whether statuses, header names and header values can stand on the wire.

use std::time::Duration;

use crate::{
    script::{Headers, Values, dates},
    yaml::{Diagnostic, Place},
};

pub(super) fn check_status(status: Option<u16>, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if let Some(status) = status
        && !(200..=599).contains(&status)
    {
        let message = format!("`{status}` is no status of a final response");
        wrong.push(place.wrong(message).wanted("wanted: 200 to 599"));
    }
}

/// Checks the headers of an answer.
pub(super) fn check_headers(headers: &Headers, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    for (index, (name, values)) in headers.iter().enumerate() {
        let at = place.key(name);
        if let Some(first) =
            headers.keys().take(index).find(|first| first.eq_ignore_ascii_case(name))
        {
            let message = format!("`{name}` and `{first}` are one header");
            let help = format!("give it several values: `{first}: [\"1\", \"2\"]`");
            wrong.push(at.at_key().wrong(message).help(help));
        }
        check_dates(values, at, wrong);
        match values.0.as_slice() {
            [] => {
                let help = format!("to take a usual header away, write `{name}: absent`");
                wrong.push(at.wrong("a header without a value is not sent").help(help));
            }
            [one] => check_header(name, one, at, wrong),
            several => {
                for (index, value) in several.iter().enumerate() {
                    check_header(name, value, at.nth(index), wrong);
                    if value == "absent" {
                        let message = "`absent` takes the header away, and other values stay";
                        let help = "let it stand alone, or leave it out";
                        wrong.push(at.nth(index).wrong(message).help(help));
                    }
                }
            }
        }
    }
}

fn check_dates(values: &Values, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let is_one = values.0.len() == 1;
    for (index, value) in values.0.iter().enumerate() {
        if let Err(what) = dates::filled(value, Duration::ZERO) {
            let at = if is_one { place } else { place.nth(index) };
            let wanted = "wanted: `{now}`, `{now+3s}` or `{now-1h}`";
            wrong.push(at.wrong(format!("`{what}` is no date")).wanted(wanted));
        }
    }
}

/// Checks one header line.
pub(super) fn check_header(name: &str, value: &str, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if !is_header_name(name) {
        wrong.push(place.at_key().wrong(format!("`{name}` cannot be the name of a header")));
    }
    if !is_header_value(value) {
        wrong.push(place.wrong("a header's value holds a control character"));
    }
}

/// Whether a text can be a header's name: a token of RFC 9110 5.6.2.
pub fn is_header_name(name: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(token)
}

/// Whether a text can be a header's value (RFC 9110 5.5): no control character but the tab.
pub fn is_header_value(value: &str) -> bool {
    !value.chars().any(|c| c.is_ascii_control() && c != '\t')
}
