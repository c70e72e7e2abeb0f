//! Which frames are expected of a client.

use mock_openai::yaml::{Diagnostic, Place};

use super::{super::clients, bound};
use crate::{
    scenario::{Client, Does, Frames, Leave, ReadPoint, Scenario},
    wire,
};

pub(super) fn check(
    scenario: &Scenario,
    client: &Client,
    frames: &Frames,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    let (least, here) = match frames {
        // Of the most, an error event of the relay's and a usage chunk may not come.
        Frames::AsSent => match clients::frames_max(scenario) {
            Some(most) => (most.saturating_sub(2), place),
            None => return,
        },
        Frames::List(list) => {
            check_list(list, place.key("list"), wrong);
            (list.len() as u64, place.key("list"))
        }
        Frames::AsSentFirst(first) => (*first, place.key("as_sent")),
        Frames::Count(bound) => {
            bound::check(Some(*bound), place.key("count"), wrong);
            (bound.at_least.unwrap_or(0), place.key("count"))
        }
    };
    if let Some(most) = clients::frames_max(scenario)
        && least > most
    {
        wrong.push(clients::beyond(least, most, here));
    } else {
        check_leaver(client, least, here, wrong);
    }
}

/// Frames that come after the client has left by its own will. It may have read on past the point
/// at which it left, so this asks only what can never hold.
fn check_leaver(client: &Client, least: u64, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    // What is expected of a client is expected of its last answer.
    let back = client.does.iter().rposition(|step| matches!(step, Does::Reconnect(_)));
    let moves = &client.does[back.map_or(0, |back| back + 1)..];
    let mut read = None;
    for step in moves {
        match *step {
            Does::Read(ReadPoint::Frames(frames)) => read = Some(frames),
            // Who shuts its sending side alone reads on.
            Does::Read(ReadPoint::Bytes(_))
            | Does::Wait(_)
            | Does::Reconnect(_)
            | Does::Leave(Leave::HalfClose) => read = None,
            Does::Leave(Leave::Fin | Leave::Rst | Leave::Vanish | Leave::StreamReset) => {
                if let Some(read) = read.filter(|read| least > *read) {
                    let message = format!("`{}` leaves after {read} frames", client.name);
                    let help = format!("expect `frames: {{ as_sent: {read} }}`, or read on");
                    wrong.push(place.wrong(message).help(help));
                }
                return;
            }
        }
    }
}

/// Each entry is one frame, without its blank line.
fn check_list(list: &[String], place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    for (index, text) in list.iter().enumerate() {
        let here = place.nth(index);
        let inside = text.trim_end_matches(['\r', '\n']);
        let whole = [inside.as_bytes(), b"\n\n"].concat();
        match wire::whole_frames(&whole).as_slice() {
            [one] if one.len() == whole.len() => {}
            _ if inside.is_empty() => {
                let help = "write its lines, such as `\"data: [DONE]\"`";
                wrong.push(here.wrong("a frame without any text never comes").help(help));
            }
            _ => {
                let message = "a blank line ends a frame, and one stands inside";
                wrong.push(here.wrong(message).help("make each frame an entry of its own"));
            }
        }
    }
}
