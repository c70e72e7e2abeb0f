//! How much an answer can send at most, where that can be known before it is played.

mod content;

use super::{After, Code, Dialect, End, ErrorAnswer, Rule, Send, Step, Stream};
use crate::{
    dialect::{Envelope, MODEL_BYTES_MAX, of_path},
    presets,
    yaml::FILE_SIZE_MAX,
};
use content::Content;

/// Frames and bytes that an answer never exceeds; `None` where nobody can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Whole frames.
    pub frames: Option<u64>,
    /// Body bytes.
    pub bytes: Option<u64>,
}

/// No frame has so many bytes beside what the model says in it (recorded streams: some 270, with
/// usage some 380), the longest names of a model and of a client included.
const FRAME_BYTES_MAX: u64 = 1024;

/// JSON writes one byte of text in at most six (`\u0000`).
const ESCAPED_BYTES_MAX: u64 = 6;

/// Most bytes that a counter adds to a text: `{i}` becomes a number below a million or that.
const COUNTER_BYTES_MAX: u64 = 8;

impl Extent {
    const NOTHING: Self = Self { frames: Some(0), bytes: Some(0) };

    /// What any of the rules can answer at most; nothing where there are none.
    pub fn of_rules(rules: &[Rule]) -> Self {
        rules.iter().fold(Self::NOTHING, |most, rule| {
            let asked = rule.matches.path.as_deref().map(of_path);
            most.or(Self::of_steps_in(&rule.then, asked))
        })
    }

    /// What the steps send at most, one after the other, whatever path is asked.
    pub fn of_steps(steps: &[Step]) -> Self {
        Self::of_steps_in(steps, None)
    }

    /// The same where the request's path asks for a dialect.
    pub fn of_steps_in(steps: &[Step], asked: Option<Dialect>) -> Self {
        steps.iter().fold(Self::NOTHING, |sum, step| sum.and(Self::of_step(step, asked)))
    }

    fn of_step(step: &Step, asked: Option<Dialect>) -> Self {
        match step {
            Step::Head(_) | Step::Wait(_) | Step::Trip(_) | Step::Mark(_) => Self::NOTHING,
            // The end of a stream may bring its terminator.
            Step::End(_) => Self { frames: Some(1), bytes: Some(FRAME_BYTES_MAX) },
            Step::Stream(stream) => Self::of_stream(stream, asked),
            Step::Send(send) => Self::of_send(send),
            Step::Json(value) => {
                let text = value.to_string();
                // A relay may make a stream of it, so nobody can know what frames come of it.
                Self { frames: None, bytes: Some(filled(&text)) }
            }
            Step::Error(error) => Self::of_error(error),
            Step::Cut(cut) => Self::of_steps_in(&cut.steps, asked),
            Step::Repeat(repeat) => Self::of_steps_in(&repeat.steps, asked).times(repeat.times),
        }
    }

    fn of_stream(stream: &Stream, asked: Option<Dialect>) -> Self {
        let whole = match stream.dialect.or(asked) {
            Some(Dialect::OpenaiChat) => Content::of(stream).in_chat(stream),
            Some(Dialect::OpenaiResponses) => Content::of(stream).in_responses(),
            None => {
                let content = Content::of(stream);
                content.in_chat(stream).or(content.in_responses())
            }
        };
        let Some(stop) = stream.stop else { return whole };
        // One that ends cleanly brings the terminator.
        let terminates =
            matches!(stop.end, End::Clean | End::CloseIdleAfter(_) | End::Goaway(Code::NoError));
        match stop.after {
            After::Frames(first) => {
                let first = first.saturating_add(u64::from(terminates));
                Self { frames: whole.frames.map(|frames| frames.min(first)), ..whole }
            }
            After::Bytes(first) => {
                let terminator = if terminates { FRAME_BYTES_MAX } else { 0 };
                let first = first.0.saturating_add(terminator);
                Self { bytes: whole.bytes.map(|bytes| bytes.min(first)), ..whole }
            }
            After::Time(_) => whole,
        }
    }

    fn of_error(error: &ErrorAnswer) -> Self {
        let message = error.message.as_deref().map_or(0, filled);
        let bytes = message.saturating_mul(ESCAPED_BYTES_MAX).saturating_add(FRAME_BYTES_MAX);
        Self { frames: None, bytes: Some(bytes) }
    }

    fn of_send(send: &Send) -> Self {
        let exact = if let Some(raw) = &send.raw {
            Some(filled(raw))
        } else if let Some(hex) = &send.hex {
            Some(size(hex).div_ceil(2))
        } else if let Some(base64) = &send.base64 {
            Some(size(base64))
        } else if let Some(file) = &send.file {
            // Before the loader has read it, it is as long as it may be.
            let read = file.bytes.len() as u64;
            Some(if read == 0 { FILE_SIZE_MAX as u64 } else { read })
        } else {
            None
        };
        let whole = match (exact, send.preset) {
            // Any byte of exact ones may end a frame that others began.
            (Some(bytes), _) => Self { frames: Some(bytes), bytes: Some(bytes) },
            (None, Some(preset)) => {
                let frames = presets::frames(preset, &longest_envelope());
                let bytes = frames.iter().map(|frame| size(frame)).sum::<u64>();
                Self { frames: Some(frames.len() as u64), bytes: Some(bytes.saturating_mul(2)) }
            }
            (None, None) => Self::of_event(send),
        };
        let bom = Self { frames: Some(0), bytes: Some(if send.bom { 3 } else { 0 }) };
        whole.and(bom)
    }

    /// Each line of data gets a name and line ends of its own.
    fn of_event(send: &Send) -> Self {
        let Send { comment, event, id, retry, data, .. } = send;
        let text = [comment, event, id, retry, data].into_iter().flatten();
        let bytes: u64 = text.map(|text| filled(text)).fold(0, u64::saturating_add);
        Self { frames: Some(1), bytes: Some(bytes.saturating_mul(8).saturating_add(64)) }
    }

    fn and(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b));
        Self { frames: sum(self.frames, other.frames), bytes: sum(self.bytes, other.bytes) }
    }

    fn or(self, other: Self) -> Self {
        let most = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.max(b));
        Self { frames: most(self.frames, other.frames), bytes: most(self.bytes, other.bytes) }
    }

    fn times(self, times: u64) -> Self {
        Self {
            frames: self.frames.map(|frames| frames.saturating_mul(times)),
            bytes: self.bytes.map(|bytes| bytes.saturating_mul(times)),
        }
    }
}

fn longest_envelope() -> Envelope {
    Envelope {
        id: "x".repeat(64),
        created: u64::MAX,
        model: "x".repeat(MODEL_BYTES_MAX),
        first_sequence_number: u64::MAX,
        ..Envelope::default()
    }
}

fn size(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// Bytes of a text once the counters of loops stand in it.
fn filled(text: &str) -> u64 {
    let counters = text.matches("{i}").count() + text.matches("{n}").count();
    let counters = u64::try_from(counters).unwrap_or(u64::MAX);
    size(text).saturating_add(counters.saturating_mul(COUNTER_BYTES_MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        content::{self, Asked, clip},
        dialect::{Padding, named},
        identity::Identity,
        script::Usage,
    };

    fn steps(yaml: &str) -> Vec<Step> {
        crate::yaml::load("test", yaml.as_bytes()).unwrap()
    }

    /// Frames and bytes of a stream that is asked for with the most expensive of names.
    fn sent(stream: &Stream, dialect: Dialect) -> (u64, u64) {
        let identity = Identity { seed: 1, client: "\u{1}".repeat(500), ordinal: 0 };
        let body = json!({ "temperature": 0.123_456_789, "max_output_tokens": u64::MAX });
        let fill = |text: &str| text.replace("{i}", "999999");
        let asked =
            Asked { body: Some(&body), prompt: u64::MAX >> 1, identity: &identity, fill: &fill };
        let completion = content::completion(stream, &asked);
        let dialect = named(dialect);
        let (id, items) = dialect.ids(&identity, &completion);
        let envelope = Envelope {
            id,
            items,
            created: u64::MAX,
            model: clip(&"\"".repeat(500), MODEL_BYTES_MAX).to_owned(),
            fingerprint: identity.fingerprint(),
            usage_chunk: stream.usage != Usage::Never,
            null_usage: stream.null_usage,
            obfuscation: stream.obfuscation.then(|| Padding { seed: 1, label: "test".into() }),
            first_sequence_number: 0,
            settings: crate::dialect::Settings::of(Some(&body)),
        };
        let frames = dialect.frames(&envelope, &completion);
        frames.fold((0, 0), |(count, bytes), frame| (count + 1, bytes + frame.len() as u64))
    }

    #[test]
    fn no_stream_sends_more_than_is_said_in_either_dialect() {
        for yaml in [
            "{}",
            "{text: ''}",
            "{text: 'a  b c ', logprobs: true}",
            "{text: '{i}{i}{i}', chunk_size: 1B, logprobs: true, obfuscation: true, null_usage: true}",
            "{text: \"\\u0001\\u0002 \\u0003\", chunks: 7, logprobs: true}",
            "{chunks: 50, chunk_size: 1KiB, logprobs: true, choices: 3}",
            "{chunks: 500}",
            "{refusal: 'no no', finish: \"\\u0001\\u0001\", usage: never}",
            "{tool_calls: [{name: f, arguments: '{\"a\":[1,2,3]}'}, {name: g, arguments: ''}]}",
            "{text: a, choices: [{}, {text: b c}, {refusal: d, finish: length}, {tool_calls: [{name: f, arguments: '{}'}]}]}",
        ] {
            let [Step::Stream(stream)] = &steps(&format!("[stream: {yaml}]"))[..] else {
                panic!("one stream")
            };
            let both = Extent::of_stream(stream, None);
            for dialect in [Dialect::OpenaiChat, Dialect::OpenaiResponses] {
                let (frames, bytes) = sent(stream, dialect);
                let extent = Extent::of_stream(stream, Some(dialect));
                let most = (extent.frames.unwrap(), extent.bytes.unwrap());
                assert!(
                    frames <= most.0 && bytes <= most.1,
                    "{yaml} {dialect:?}: {frames} {bytes} {most:?}"
                );
                assert!(most.0 <= both.frames.unwrap() && most.1 <= both.bytes.unwrap());
            }
        }
    }

    #[test]
    fn frames_of_a_made_up_stream_are_counted_exactly() {
        let all = steps("[stream: {chunks: 10}]");
        let frames = |dialect| Extent::of_steps_in(&all, Some(dialect)).frames;
        assert_eq!(frames(Dialect::OpenaiChat), Some(1 + 10 + 1 + 1 + 1));
        assert_eq!(frames(Dialect::OpenaiResponses), Some(2 + 2 + 10 + 3 + 1));
        assert_eq!(Extent::of_steps(&all).frames, Some(18));
        let rule = |path: &str| {
            let yaml = format!("[{{match: {{path: {path}}}, then: [stream: {{chunks: 10}}]}}]");
            crate::yaml::load::<Vec<Rule>>("test", yaml.as_bytes()).unwrap()
        };
        assert_eq!(Extent::of_rules(&rule("/v1/chat/completions")).frames, Some(14));
        assert_eq!(Extent::of_rules(&rule("/v1/responses")).frames, Some(18));
    }

    #[test]
    fn what_the_request_decides_nobody_can_know() {
        let extent = Extent::of_steps(&steps("[stream: {tool_calls: [{}]}]"));
        assert_eq!(extent, Extent { frames: None, bytes: None });
        let extent = Extent::of_steps(&steps("[stream: {tool_calls: [{arguments: '{}'}]}]"));
        assert_eq!((extent.frames.is_some(), extent.bytes), (true, None));
    }

    #[test]
    fn exact_bytes_and_presets_are_measured_as_they_are_sent() {
        let of = |yaml: &str| {
            let extent = Extent::of_steps(&steps(&format!("[send: {yaml}]")));
            (extent.frames.unwrap(), extent.bytes.unwrap())
        };
        // Five characters are at most three bytes.
        assert_eq!(of("{hex: '64 61'}"), (3, 3));
        assert_eq!(of("{base64: ZGF0YTo=}"), (8, 8));
        assert_eq!(of("{file: a.sse}"), (1 << 20, 1 << 20));
        assert_eq!(of("{raw: ab, bom: true}"), (2, 5));
        // Two frames of 112 and 14 bytes, each line end of which may become two.
        let (frames, bytes) = of("{preset: vllm-error, eol: crlf}");
        assert_eq!(frames, 2);
        assert!((130..=400).contains(&bytes), "{bytes}");
        let (frames, bytes) = of("{data: \"a\\n\\n\\nb\", eol: crlf}");
        assert!(frames == 1 && bytes >= 4 * 9 + 2, "{bytes}");
    }

    #[test]
    fn a_stop_bounds_a_stream_and_a_clean_one_adds_its_terminator() {
        let frames = |end: &str| {
            let yaml =
                format!("[stream: {{chunks: 10, stop: {{after: {{frames: 3}}, end: {end}}}}}]");
            Extent::of_steps(&steps(&yaml)).frames
        };
        assert_eq!((frames("reset"), frames("clean")), (Some(3), Some(4)));
    }
}
