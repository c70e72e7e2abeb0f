//! What must hold of the stream core whatever it is fed, judged by an independent reader of events
//! that sees the whole text. The property tests and the fuzz target share it.

use std::time::Duration;

use bytes::Bytes;
use relay::{
    MissingDone,
    stream::{Core, EndReason, Family, Heartbeat, HeartbeatForm, Input, Note, Policy, Then},
};

/// The most that a core may take, in bytes, however long the stream and its lines are: what it
/// keeps is in place, and what it was fed goes on uncopied. Measured: less than half of it.
pub(crate) const CORE_BYTES_MAX: usize = 512;

/// One input, and how much later than the one before it comes.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) after: Duration,
    pub(crate) what: What,
}

/// What comes; an [`Input`] that can be printed and drawn.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Bytes(Vec<u8>),
    Silence,
    End,
    Failed,
    Shutdown,
}

/// A policy and steps out of any bytes; `None` for too few. Six bytes say the policy, then each
/// byte is a step: its upper half how many seconds later, its lower half what comes, which for
/// bytes is how many of those that follow.
pub(crate) fn drawn(bytes: &[u8]) -> Option<(Policy, Vec<Step>)> {
    let ([family, form, every, first_byte, idle_warn, idle], mut rest) =
        bytes.split_first_chunk()?;
    let time = |byte: &u8| match *byte {
        0 => None,
        u8::MAX => Some(Duration::MAX / 4),
        seconds => Some(Duration::from_secs(seconds.into())),
    };
    let form = if form & 1 == 0 { HeartbeatForm::Comment } else { HeartbeatForm::Event };
    let policy = Policy {
        family: [Family::Chat, Family::Responses, Family::Opaque][usize::from(family % 3)],
        ids: None,
        heartbeat: time(every).map(|every| Heartbeat { every, form }),
        first_byte: time(first_byte),
        idle_warn: time(idle_warn),
        idle: time(idle),
        missing_done: if family & 128 == 0 { MissingDone::Error } else { MissingDone::Tolerate },
    };
    let mut steps = Vec::new();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let what = match byte & 15 {
            0 => What::End,
            1 => What::Failed,
            2 => What::Shutdown,
            3 => What::Silence,
            length => {
                let length = usize::from(length - 3).pow(2).min(rest.len());
                let piece;
                (piece, rest) = rest.split_at(length);
                What::Bytes(piece.to_vec())
            }
        };
        steps.push(Step { after: Duration::from_secs((byte >> 4).into()), what });
    }
    Some((policy, steps))
}

/// Everything that a client got, and what of it is whose.
#[derive(Debug, Default)]
struct Sent {
    all: Vec<u8>,
    providers: Vec<u8>,
    heartbeats: usize,
}

impl Sent {
    /// What of the provider's bytes goes on. A byte-order mark behind a heartbeat would be none any
    /// more, and is taken away; `None` where it is cut, which its own tests look at.
    fn passing<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let late = self.providers.is_empty() && !self.all.is_empty();
        if !late || !bytes.starts_with(b"\xEF") {
            return Some(bytes);
        }
        if bytes.len() < 3 {
            None
        } else {
            Some(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
        }
    }
}

/// Feeds a core all steps.
///
/// # Panics
/// Something does not hold; so does the core where it must not panic.
pub(crate) fn check(policy: &Policy, steps: &[Step]) {
    assert!(size_of::<Core>() <= CORE_BYTES_MAX, "a core takes {} bytes", size_of::<Core>());
    let mut core = Core::new(policy.clone());
    let mut sent = Sent::default();
    let mut now = Duration::ZERO;
    let mut ended = false;
    for step in steps {
        now += step.after;
        let _ = core.wake_at();
        if let What::Bytes(bytes) = &step.what {
            let Some(passing) = sent.passing(bytes) else { return };
            let output = core.feed(now, Input::Bytes(Bytes::from(bytes.clone())));
            if ended {
                continue;
            }
            let passed = output.emit.unwrap_or_default();
            assert_eq!(passed, passing, "they pass at once, as they are");
            assert!(
                passed.is_empty() || passed.is_unique(),
                "the core keeps what it has passed on"
            );
            assert_eq!(output.then, Then::Continue, "bytes end nothing");
            sent.all.extend_from_slice(passing);
            sent.providers.extend_from_slice(bytes);
            continue;
        }
        let output = core.feed(now, input(&step.what));
        // The caller feeds nothing after an end; all that is asked then is that nothing panics.
        if ended {
            continue;
        }
        let own = output.emit.unwrap_or_default();
        assert!(!contains(&own, b"[DONE]"), "the last word is never the relay's");
        match output.then {
            Then::Continue => check_heartbeat(policy, &mut sent, &own, output.note),
            Then::Finish(reason) => {
                assert!(own.is_empty(), "a good end has nothing added to it");
                check_finish(policy.family, &sent, reason);
            }
            Then::Break(reason) => check_break(policy.family, &sent, &own, reason),
        }
        ended = output.then != Then::Continue;
        if ended {
            sent.all.extend_from_slice(&own);
        }
    }
}

/// Feeds the bytes of all steps to a core that gives events their ids: they are numbered one after
/// the other, and besides those lines all is as it came.
///
/// # Panics
/// Something does not hold.
pub(crate) fn check_ids(policy: &Policy, steps: &[Step]) {
    const NAME: &str = "f1b6c1e4a8d20c97";
    let mut core = Core::new(Policy { ids: Some(NAME.into()), ..policy.clone() });
    let (mut meant, mut got, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for step in steps {
        let What::Bytes(bytes) = &step.what else { continue };
        meant.extend_from_slice(bytes);
        let output = core.feed(Duration::ZERO, Input::Bytes(Bytes::from(bytes.clone())));
        ends.extend(output.ends.iter().map(|end| got.len() + end));
        got.extend_from_slice(&output.emit.unwrap_or_default());
    }
    if contains(&meant, NAME.as_bytes()) {
        return;
    }
    assert_eq!(read(&got), read(&meant), "{}", got.escape_ascii());
    let mut rest = got.clone();
    for number in 1..=ends.len() {
        let line = format!("id: {NAME}-{number}");
        let at = rest.windows(line.len()).position(|text| text == line.as_bytes());
        let at = at.unwrap_or_else(|| panic!("{line} of {}", got.escape_ascii()));
        let behind = at + line.len();
        let line_end = if rest[behind..].starts_with(b"\r\n") { 2 } else { 1 };
        rest.drain(at..behind + line_end);
    }
    assert_eq!(rest, meant, "{}", got.escape_ascii());
    for (nth, end) in ends.iter().enumerate() {
        assert!(between(&got[..*end]), "an offset inside an event");
        let last = format!("id: {NAME}-{}", nth + 1);
        assert!(contains(&got[..*end], last.as_bytes()), "{last} behind its offset");
    }
}

fn input(what: &What) -> Input {
    match what {
        What::Bytes(bytes) => Input::Bytes(Bytes::from(bytes.clone())),
        What::Silence => Input::Silence,
        What::End => Input::End,
        What::Failed => Input::Failed,
        What::Shutdown => Input::Shutdown,
    }
}

/// Own bytes in a stream that goes on are a heartbeat, and change nothing of what the provider says.
fn check_heartbeat(policy: &Policy, sent: &mut Sent, own: &[u8], note: Option<Note>) {
    assert_eq!(note == Some(Note::Heartbeat), !own.is_empty(), "each heartbeat is told of");
    if own.is_empty() {
        return;
    }
    assert_ne!(policy.family, Family::Opaque, "nothing is put into bytes");
    assert!(between(&sent.all), "a heartbeat stands inside an event: {}", sent.all.escape_ascii());
    sent.all.extend_from_slice(own);
    let alone = read(own);
    let form = policy.heartbeat.expect("none is sent where it is off").form;
    assert_eq!(alone.len(), usize::from(form == HeartbeatForm::Event), "{}", own.escape_ascii());
    sent.heartbeats += alone.len();
    // Looked at once more with every end: what follows must not be changed either.
    check_events(sent);
}

/// The client reads the provider's events, with the heartbeats between.
fn check_events(sent: &Sent) {
    let is_heartbeat =
        |event: &Event| event.name == b"keepalive" || event.data.contains_empty_chunk();
    let split = |bytes: &[u8]| -> (Vec<Event>, usize) {
        let (beats, others): (Vec<Event>, Vec<Event>) =
            read(bytes).into_iter().partition(is_heartbeat);
        (others, beats.len())
    };
    let (got, beats) = split(&sent.all);
    let (meant, beats_of_provider) = split(&sent.providers);
    assert_eq!(got, meant, "{}", sent.all.escape_ascii());
    assert_eq!(beats, beats_of_provider + sent.heartbeats, "{}", sent.all.escape_ascii());
}

fn check_finish(family: Family, sent: &Sent, reason: EndReason) {
    check_events(sent);
    let chat = family == Family::Chat;
    // A last event without its blank line counts as the end; a client that drops it loses nothing.
    let closed = [&sent.providers[..], b"\n\n"].concat();
    let is_done = |bytes: &[u8]| read(bytes).iter().any(|event| event.data == b"[DONE]");
    if chat && reason == EndReason::Complete {
        assert!(is_done(&closed), "complete without [DONE]: {}", closed.escape_ascii());
    }
    if chat && reason == EndReason::MissingDone {
        assert!(!is_done(&sent.providers), "{}", sent.providers.escape_ascii());
    }
}

/// What is said last, if anything, is one error event that stands alone.
fn check_break(family: Family, sent: &Sent, own: &[u8], reason: EndReason) {
    check_events(sent);
    if own.is_empty() {
        return;
    }
    assert_ne!(family, Family::Opaque, "nothing is put into bytes");
    let before = read(&sent.all);
    let after = read(&[&sent.all[..], own].concat());
    let (error, rest) = after.split_last().expect("there is one");
    let code = format!("\"code\":\"{}\"", reason.code());
    assert!(error.data.starts_with(b"{") && contains(&error.data, code.as_bytes()));
    assert!(!error.data.contains(&b'\n'), "it has shared its event: {}", own.escape_ascii());
    // The half event before it becomes whole, and must not be what ends a stream well.
    assert!(rest.starts_with(&before) && rest.len() <= before.len() + 1);
    if family == Family::Chat {
        let finished = rest.iter().any(|event| event.data == b"[DONE]");
        assert!(!finished, "an error after the end: {}", sent.all.escape_ascii());
    }
}

trait Chunk {
    fn contains_empty_chunk(&self) -> bool;
}

impl Chunk for Vec<u8> {
    fn contains_empty_chunk(&self) -> bool {
        contains(self, b"\"choices\":[]")
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|found| found == word)
}

/// An event as a client dispatches it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    name: Vec<u8>,
    data: Vec<u8>,
}

/// The lines of a text, and what follows the last one that has ended (HTML 9.2.5).
fn lines(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut rest = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut lines = Vec::new();
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        lines.push(&rest[..end]);
        let skip = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[end + skip..];
    }
    (lines, rest)
}

/// Whether a text ends between two events.
fn between(bytes: &[u8]) -> bool {
    let (lines, rest) = lines(bytes);
    rest.is_empty() && lines.last().is_none_or(|line| line.is_empty())
}

/// Reads all events of a text (HTML 9.2.6), the slow and plain way.
fn read(bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    let (mut name, mut data): (Vec<u8>, Vec<&[u8]>) = (Vec::new(), Vec::new());
    for line in lines(bytes).0 {
        if line.is_empty() {
            let event = Event { name: std::mem::take(&mut name), data: data.join(&b'\n') };
            if !std::mem::take(&mut data).is_empty() {
                events.push(event);
            }
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => data.push(value),
            b"event" => name = value.to_vec(),
            _ => {}
        }
    }
    events
}
