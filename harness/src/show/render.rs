//! What is shown, as text for people and as JSON for programs.

use std::io::{self, Write};

use super::{Answer, Asker, Choice, Ending, LeftOut, SHOWN_BYTES_MAX, Shown};
use crate::visible::{Notation, visible};

/// As one object on one line.
///
/// # Errors
/// Those of the writer.
pub fn json(shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, shown)?;
    writeln!(out)
}

/// The plan as JSON, then each answer: one line a write, `|` before its bytes and `=` before what
/// becomes of the connection; times are virtual, from the request on.
///
/// # Errors
/// Those of the writer.
pub fn text(shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &shown.plan)?;
    writeln!(out)?;
    answers(shown, out)
}

/// The answers alone.
///
/// # Errors
/// Those of the writer.
pub fn answers(shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    for answer in &shown.answers {
        one(answer, out)?;
    }
    for rule in &shown.unshown {
        writeln!(out, "\nupstream[{rule}] is not shown: no request was found that it answers")?;
    }
    writeln!(out)
}

fn one(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}, {}", who(answer), answer.request)?;
    for write in &answer.writes {
        let bytes = visible(&write.bytes, Notation::Escapes);
        writeln!(out, "{:11.3} s | {bytes}", write.at.as_secs_f64())?;
    }
    if let Some(LeftOut { writes, bytes }) = answer.left_out {
        let shown = SHOWN_BYTES_MAX >> 10;
        writeln!(
            out,
            "              … {bytes} bytes in {writes} writes are left out after {shown} KiB"
        )?;
    }
    writeln!(out, "{:11.3} s = {}", answer.ended_at.as_secs_f64(), ending(answer.ending))
}

fn who(answer: &Answer) -> String {
    let request = match &answer.asker {
        Asker::Client { name, nth, alike } => {
            let alike = match alike {
                0 => String::new(),
                1 => " (and 1 more of its group)".to_owned(),
                more => format!(" (and {more} more of its group)"),
            };
            format!("request {nth} of `{name}`{alike}")
        }
        Asker::MadeUp { nth: 1 } => "a request that was made up to fit it".to_owned(),
        Asker::MadeUp { nth } => format!("request {nth} of those that were made up to fit it"),
    };
    match &answer.choice {
        Choice::Answers(rule) => format!("upstream[{rule}] answers {request}"),
        Choice::Limited(rule) => format!("the quota of upstream[{rule}] refuses {request}"),
        Choice::Unmatched(nearest) => format!("no rule answers {request} ({nearest})"),
        Choice::Refused(why) => format!("the provider refuses {request} ({why})"),
    }
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Fin => "FIN",
        Ending::Rst => "RST",
        Ending::HalfClosed => "FIN, and it goes on reading",
        Ending::Kept => "over; the connection is kept for another request",
        Ending::Held => "nothing more; the connection is held open",
        Ending::StillAtLimit => "still under way at the limit of the scenario",
    }
}
