//! What is written, beside recorded streams and streams written out by hand.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::{
    content::{Choice, Logprobs, Speech, Text, Tokens, ToolCall},
    dialect::Padding,
};

/// A choice as it is read from a recording, chunk by chunk.
#[derive(Default)]
struct Heard {
    is_refusal: bool,
    has_words: bool,
    pieces: Vec<String>,
    logprobs: Option<Vec<f64>>,
    calls: Vec<(ToolCall, Vec<String>)>,
    finish: String,
}

impl Heard {
    fn opens(&mut self, choice: &Value) {
        self.is_refusal = choice["delta"]["refusal"].is_string();
        self.has_words = self.is_refusal || choice["delta"]["content"].is_string();
        self.logprobs = choice["logprobs"].is_object().then(Vec::new);
        self.calls(choice);
    }

    fn goes_on(&mut self, choice: &Value) {
        let key = if self.is_refusal { "refusal" } else { "content" };
        let piece = choice["delta"][key].as_str();
        self.pieces.extend(piece.map(str::to_owned));
        if let Some(logprobs) = &mut self.logprobs {
            for token in choice["logprobs"][key].as_array().into_iter().flatten() {
                logprobs.push(token["logprob"].as_f64().unwrap());
            }
        }
        self.calls(choice);
    }

    fn calls(&mut self, choice: &Value) {
        for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            if let Some(id) = call["id"].as_str() {
                let index = call["index"].as_u64().unwrap();
                let name = function["name"].as_str().unwrap().to_owned();
                let arguments = Text::given([""; 0]);
                self.calls.push((ToolCall { id: id.into(), index, name, arguments }, Vec::new()));
            } else {
                let fragment = function["arguments"].as_str().unwrap().to_owned();
                self.calls.last_mut().unwrap().1.push(fragment);
            }
        }
    }

    fn content(self) -> Choice {
        let text = Text::given(self.pieces);
        let speech = match (self.has_words, self.is_refusal) {
            (false, _) => Speech::Silent,
            (true, false) => Speech::Text(text),
            (true, true) => Speech::Refusal(text),
        };
        let call =
            |(call, fragments)| ToolCall { arguments: Text::given::<String>(fragments), ..call };
        Choice {
            speech,
            logprobs: self.logprobs.map(Logprobs::Given),
            calls: self.calls.into_iter().map(call).collect(),
            finish: self.finish.into(),
        }
    }
}

/// The content of a recorded stream, read as JSON and nothing else.
fn content(recorded: &str) -> (Envelope, Completion) {
    let mut heard: BTreeMap<u64, Heard> = BTreeMap::new();
    let mut envelope = Envelope::default();
    let mut usage = None;
    // How many parts each turn of the first choice has, and who spoke last.
    let mut turns: Vec<u64> = Vec::new();
    let mut before = None;
    for data in recorded.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let chunk: Value = serde_json::from_str(&format!("{{{data}")).unwrap();
        let text = |key: &str| chunk[key].as_str().unwrap().to_owned();
        envelope.id = text("id");
        envelope.created = chunk["created"].as_u64().unwrap();
        envelope.model = text("model");
        envelope.fingerprint = text("system_fingerprint");
        usage = chunk.get("usage").map(|usage| Tokens {
            prompt: usage["prompt_tokens"].as_u64().unwrap(),
            completion: usage["completion_tokens"].as_u64().unwrap(),
        });
        let Some(choice) = chunk["choices"].get(0) else { continue };
        let index = choice["index"].as_u64().unwrap();
        let one = heard.entry(index).or_default();
        let opens = choice["delta"].get("role").is_some();
        if opens {
            one.opens(choice);
        } else if let Some(finish) = choice["finish_reason"].as_str() {
            one.finish = finish.to_owned();
        } else {
            one.goes_on(choice);
        }
        if index == 0 {
            match turns.last_mut() {
                Some(said) if before == Some(0) => *said += u64::from(!opens),
                _ => turns.push(u64::from(!opens)),
            }
        }
        before = Some(index);
    }
    // A choice that talks alone has one endless turn, and its end is part of it.
    envelope.usage_chunk = usage.is_some();
    let choices = heard.into_values().map(Heard::content).collect();
    (envelope, Completion { choices, turns, usage })
}

fn stream(envelope: &Envelope, completion: &Completion) -> String {
    let frames: Vec<Bytes> = OpenaiChat.frames(envelope, completion).collect();
    String::from_utf8(frames.concat()).unwrap()
}

#[test]
fn all_recorded_streams_are_reproduced_byte_for_byte() {
    // The recordings lie beside the checkout where there are any; they are not part of it.
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/captures");
    let Ok(folder) = std::fs::read_dir(beside) else {
        println!("skipped: no recorded streams at {beside}");
        return;
    };
    let (mut count, mut seen) = (0, [false; 5]);
    for file in folder.map(|entry| entry.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "sse") {
            continue;
        }
        let recorded = std::fs::read_to_string(&file).unwrap();
        let (envelope, completion) = content(&recorded);
        assert_eq!(stream(&envelope, &completion), recorded, "{}", file.display());
        let choices = &completion.choices;
        for (at, has) in [
            choices.len() > 1,
            matches!(choices[0].speech, Speech::Text(_)),
            matches!(choices[0].speech, Speech::Refusal(_)),
            !choices[0].calls.is_empty(),
            choices[0].logprobs.is_some(),
        ]
        .into_iter()
        .enumerate()
        {
            seen[at] |= has;
        }
        count += 1;
    }
    assert_eq!((count, seen), (8, [true; 5]), "recordings, and what is in them");
}

fn envelope() -> Envelope {
    Envelope {
        id: "chatcmpl-1".into(),
        created: 7,
        model: "gpt-4o".into(),
        fingerprint: "fp_1".into(),
        usage_chunk: true,
        ..Envelope::default()
    }
}

fn choice(speech: Speech, calls: Vec<ToolCall>, finish: &'static str) -> Choice {
    Choice { speech, logprobs: None, calls, finish: finish.into() }
}

fn text(pieces: &[&str]) -> Speech {
    Speech::Text(Text::given(pieces.iter().copied()))
}

fn call(id: &str, index: u64, fragments: &[&str]) -> ToolCall {
    let arguments = Text::given(fragments.iter().copied());
    ToolCall { id: id.into(), index, name: "f".into(), arguments }
}

/// Frames whose chunks begin alike.
fn written(ends: &[&str]) -> String {
    let start = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"gpt-4o","system_fingerprint":"fp_1","choices":["#;
    let frames = ends.iter().map(|end| format!("{start}{end}\n\n"));
    frames.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

#[test]
fn a_stream_is_written_as_the_provider_writes_it() {
    let completion = Completion {
        choices: vec![choice(text(&["é\""]), Vec::new(), "stop")],
        turns: Vec::new(),
        usage: Some(Tokens { prompt: 3, completion: 1 }),
    };
    let expected = written(&[
        r#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"index":0,"delta":{"content":"é\""},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}"#,
        r#"],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4,"completion_tokens_details":{"reasoning_tokens":0}}}"#,
    ]);
    assert_eq!(stream(&envelope(), &completion), expected);
    assert_eq!(
        OpenaiChat.whole(&envelope(), &completion),
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"é\"","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4,"completion_tokens_details":{"reasoning_tokens":0}},"system_fingerprint":"fp_1"}"#
    );
}

#[test]
fn choices_of_any_length_talk_by_turns_one_chunk_each() {
    let choices = vec![
        choice(text(&["a", "b"]), Vec::new(), "stop"),
        choice(text(&[]), Vec::new(), "abort"),
        choice(text(&["c"]), Vec::new(), "length"),
    ];
    let completion = Completion { choices, ..Completion::default() };
    let opening = |at: u8| {
        format!(
            r#"{{"index":{at},"delta":{{"role":"assistant","content":"","refusal":null}},"logprobs":null,"finish_reason":null}}]}}"#
        )
    };
    let delta = |at: u8, text: &str| {
        format!(
            r#"{{"index":{at},"delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}]}}"#
        )
    };
    let end = |at: u8, why: &str| {
        format!(r#"{{"index":{at},"delta":{{}},"logprobs":null,"finish_reason":"{why}"}}]}}"#)
    };
    let chunks = [
        opening(0),
        delta(0, "a"),
        opening(1),
        end(1, "abort"),
        opening(2),
        delta(2, "c"),
        delta(0, "b"),
        end(2, "length"),
        end(0, "stop"),
    ];
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    assert_eq!(stream(&envelope(), &completion), written(&chunks));
}

#[test]
fn calls_after_a_text_open_in_chunks_of_their_own() {
    let calls = vec![call("call_1", 0, &["{}"]), call("call_2", 1, &[])];
    let completion = Completion {
        choices: vec![choice(text(&["hm"]), calls, "tool_calls")],
        ..Completion::default()
    };
    let expected = written(&[
        r#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"index":0,"delta":{"content":"hm"},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"f","arguments":""}}]},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]}"#,
    ]);
    assert_eq!(stream(&envelope(), &completion), expected);
    assert_eq!(
        OpenaiChat.whole(&envelope(), &completion),
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"hm","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"call_2","type":"function","function":{"name":"f","arguments":""}}],"refusal":null},"logprobs":null,"finish_reason":"tool_calls"}],"system_fingerprint":"fp_1"}"#
    );
}

#[test]
fn log_probabilities_stand_on_deltas_of_the_text_and_in_the_whole_answer() {
    let mut one = choice(text(&["é"]), Vec::new(), "stop");
    one.logprobs = Some(Logprobs::Given(vec![-0.25]));
    let completion = Completion { choices: vec![one], ..Completion::default() };
    let token = r#"{"token":"é","logprob":-0.25,"bytes":[195,169],"top_logprobs":[]}"#;
    let delta = format!(
        r#"{{"index":0,"delta":{{"content":"é"}},"logprobs":{{"content":[{token}],"refusal":null}},"finish_reason":null}}]}}"#
    );
    let expected = written(&[
        r#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":{"content":[],"refusal":null},"finish_reason":null}]}"#,
        &delta,
        r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}"#,
    ]);
    assert_eq!(stream(&envelope(), &completion), expected);
    let whole = OpenaiChat.whole(&envelope(), &completion);
    assert!(
        whole.contains(&format!(r#""logprobs":{{"content":[{token}],"refusal":null}}"#)),
        "{whole}"
    );
}

#[test]
fn null_usage_and_obfuscation_stand_last_in_a_chunk() {
    let completion = Completion {
        choices: vec![choice(text(&["a"]), Vec::new(), "stop")],
        turns: Vec::new(),
        usage: Some(Tokens { prompt: 3, completion: 1 }),
    };
    let envelope = Envelope {
        null_usage: true,
        obfuscation: Some(Padding { seed: 1, label: "test".into() }),
        ..envelope()
    };
    let frames: Vec<Bytes> = OpenaiChat.frames(&envelope, &completion).collect();
    let lengths = [Some(16), Some(15), Some(16), None, None];
    assert_eq!(frames.len(), lengths.len());
    for (frame, length) in frames.iter().zip(lengths) {
        let frame = std::str::from_utf8(frame).unwrap();
        let Some(length) = length else {
            assert!(!frame.contains("obfuscation") && !frame.contains("null"), "{frame}");
            continue;
        };
        let (_, padding) = frame.split_once(r#"}],"usage":null,"obfuscation":""#).unwrap();
        let padding = padding.strip_suffix("\"}\n\n").unwrap();
        assert_eq!(padding.len(), length, "{frame}");
    }
}
