//! How much an answer can send at most, where that can be known before it is played.

use super::{After, Rule, Send, Step, Stream, Usage};

/// Frames and bytes that an answer never exceeds; `None` where nobody can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Whole frames.
    pub frames: Option<u64>,
    /// Body bytes.
    pub bytes: Option<u64>,
}

/// No frame of a completion has so many bytes beside its text (recorded streams: some 270, with
/// usage some 380).
const FRAME_BYTES_MAX: u64 = 1024;

/// JSON writes one byte of text in at most six (`\u0000`).
const ESCAPED_BYTES_MAX: u64 = 6;

impl Extent {
    const NOTHING: Self = Self { frames: Some(0), bytes: Some(0) };
    const UNKNOWN: Self = Self { frames: None, bytes: None };

    /// What any of the rules can answer at most; nothing where there are none.
    pub fn of_rules(rules: &[Rule]) -> Self {
        rules.iter().fold(Self::NOTHING, |most, rule| {
            let one = Self::of_steps(&rule.then);
            Self {
                frames: most.frames.zip(one.frames).map(|(a, b)| a.max(b)),
                bytes: most.bytes.zip(one.bytes).map(|(a, b)| a.max(b)),
            }
        })
    }

    /// What the steps send at most, one after the other.
    pub fn of_steps(steps: &[Step]) -> Self {
        steps.iter().fold(Self::NOTHING, |sum, step| sum.and(Self::of_step(step)))
    }

    fn of_step(step: &Step) -> Self {
        match step {
            Step::Head(_) | Step::Wait(_) | Step::Trip(_) | Step::Mark(_) => Self::NOTHING,
            // The end of a stream may bring its terminator.
            Step::End(_) => Self { frames: Some(1), bytes: Some(FRAME_BYTES_MAX) },
            Step::Stream(stream) => Self::of_stream(stream),
            Step::Send(send) => Self::of_send(send),
            Step::Json(_) | Step::Error(_) => Self::UNKNOWN,
            Step::Cut(cut) => Self::of_steps(&cut.steps),
            Step::Repeat(repeat) => Self::of_steps(&repeat.steps).times(repeat.times),
        }
    }

    fn of_stream(stream: &Stream) -> Self {
        let text = stream.text.as_deref().map(|text| (size(text), text));
        let deltas = match (stream.chunks, text) {
            (Some(chunks), _) => chunks,
            (None, Some((bytes, _))) if stream.chunk_size.is_some() => bytes,
            (None, Some((_, text))) => size_of_words(text),
            (None, None) => 10,
        };
        // Opening chunk, finish, terminator; and the usage.
        let around = if stream.usage == Usage::Never { 3 } else { 4 };
        let frames = deltas.saturating_add(around);
        let content = match (text, stream.chunk_size) {
            (Some((bytes, _)), _) => bytes.saturating_mul(ESCAPED_BYTES_MAX),
            (None, Some(each)) => deltas.saturating_mul(each.0),
            // A made-up word.
            (None, None) => deltas.saturating_mul(32),
        };
        let bytes = frames.saturating_mul(FRAME_BYTES_MAX).saturating_add(content);
        let whole = Self { frames: Some(frames), bytes: Some(bytes) };
        match stream.stop.map(|stop| stop.after) {
            Some(After::Frames(first)) => Self { frames: Some(frames.min(first)), ..whole },
            Some(After::Bytes(first)) => Self { bytes: Some(bytes.min(first.0)), ..whole },
            Some(After::Time(_)) | None => whole,
        }
    }

    fn of_send(send: &Send) -> Self {
        let Send { comment, event, id, retry, data, raw, hex, base64, preset, file, .. } = send;
        if hex.is_some() || base64.is_some() || preset.is_some() || file.is_some() {
            return Self::UNKNOWN;
        }
        let text = [comment, event, id, retry, data, raw];
        let bytes: u64 = text.into_iter().flatten().map(|text| size(text)).sum();
        // Each line of data gets a name of its own; raw bytes may be blank lines throughout.
        let frames = raw.as_ref().map_or(1, |raw| size(raw));
        Self { frames: Some(frames), bytes: Some(bytes.saturating_mul(8).saturating_add(64)) }
    }

    fn and(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b));
        Self { frames: sum(self.frames, other.frames), bytes: sum(self.bytes, other.bytes) }
    }

    fn times(self, times: u64) -> Self {
        Self {
            frames: self.frames.map(|frames| frames.saturating_mul(times)),
            bytes: self.bytes.map(|bytes| bytes.saturating_mul(times)),
        }
    }
}

fn size(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// Words, counted as generously as they can be: by the gaps between them.
fn size_of_words(text: &str) -> u64 {
    let gaps = text.chars().filter(|c| c.is_whitespace()).count();
    u64::try_from(gaps).unwrap_or(u64::MAX).saturating_add(1)
}
