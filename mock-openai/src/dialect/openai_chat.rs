//! Chat completions as `OpenAI` streams them, byte for byte as recorded in September 2024.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Serialize;

use super::Envelope;
use crate::content::{Completion, Finish, Tokens};

/// What ends a stream.
pub const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    /// Always present, and null where none were asked for.
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Delta<'a> {
    Opening { role: &'static str, content: &'static str, refusal: Option<()> },
    Content { content: &'a str },
    Finish {},
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    completion_tokens_details: Details,
}

#[derive(Serialize)]
struct Details {
    reasoning_tokens: u64,
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        Self {
            prompt_tokens: tokens.prompt,
            completion_tokens: tokens.completion,
            total_tokens: tokens.prompt + tokens.completion,
            completion_tokens_details: Details { reasoning_tokens: 0 },
        }
    }
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
    }
}

/// The frames of an answer in order, made one by one; [`DONE`] is not among them.
pub fn frames<'a>(
    envelope: &'a Envelope,
    completion: &'a Completion,
) -> impl Iterator<Item = Bytes> + Send + 'a {
    let opening = Delta::Opening { role: "assistant", content: "", refusal: None };
    let opening = std::iter::once_with(|| frame(envelope, Some((opening, None)), None));
    let deltas = (0..completion.text.pieces()).map(|index| {
        let content = completion.text.piece(index);
        frame(envelope, Some((Delta::Content { content: &content }, None)), None)
    });
    let finish = std::iter::once_with(|| {
        frame(envelope, Some((Delta::Finish {}, Some(reason(completion.finish)))), None)
    });
    let usage = completion.usage.into_iter().map(|tokens| frame(envelope, None, Some(tokens)));
    opening.chain(deltas).chain(finish).chain(usage)
}

fn frame(
    envelope: &Envelope,
    choice: Option<(Delta<'_>, Option<&'static str>)>,
    usage: Option<Tokens>,
) -> Bytes {
    let choice = choice.map(|(delta, finish_reason)| Choice {
        index: 0,
        delta,
        logprobs: None,
        finish_reason,
    });
    let chunk = Chunk {
        id: &envelope.id,
        object: "chat.completion.chunk",
        created: envelope.created,
        model: &envelope.model,
        system_fingerprint: &envelope.fingerprint,
        choices: choice.as_slice(),
        usage: usage.map(Usage::from),
    };
    let mut bytes = BytesMut::with_capacity(256);
    bytes.put_slice(b"data: ");
    serde_json::to_writer((&mut bytes).writer(), &chunk).expect("memory takes all bytes");
    bytes.put_slice(b"\n\n");
    bytes.freeze()
}

#[derive(Serialize)]
struct Whole<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [WholeChoice<'a>; 1],
    usage: Usage,
    system_fingerprint: &'a str,
}

#[derive(Serialize)]
struct WholeChoice<'a> {
    index: u32,
    message: Message<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    refusal: Option<()>,
}

/// The same answer for a request that wants no stream.
pub fn whole(envelope: &Envelope, completion: &Completion, usage: Tokens) -> String {
    let content = completion.text.whole();
    let whole = Whole {
        id: &envelope.id,
        object: "chat.completion",
        created: envelope.created,
        model: &envelope.model,
        choices: [WholeChoice {
            index: 0,
            message: Message { role: "assistant", content: &content, refusal: None },
            logprobs: None,
            finish_reason: reason(completion.finish),
        }],
        usage: usage.into(),
        system_fingerprint: &envelope.fingerprint,
    };
    serde_json::to_string(&whole).expect("strings and numbers always have a JSON form")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::content::Text;

    /// The content of a recorded stream of one choice of plain text, read as JSON and nothing else.
    fn content(recorded: &str) -> Option<(Envelope, Completion)> {
        let mut pieces = Vec::new();
        let mut usage = None;
        let mut envelope = None;
        for data in recorded.lines().filter_map(|line| line.strip_prefix("data: {")) {
            let chunk: Value = serde_json::from_str(&format!("{{{data}")).unwrap();
            let text = |key: &str| chunk[key].as_str().unwrap().to_owned();
            envelope = Some(Envelope {
                id: text("id"),
                created: chunk["created"].as_u64().unwrap(),
                model: text("model"),
                fingerprint: text("system_fingerprint"),
            });
            usage = chunk.get("usage").map(|usage| Tokens {
                prompt: usage["prompt_tokens"].as_u64().unwrap(),
                completion: usage["completion_tokens"].as_u64().unwrap(),
            });
            let Some(choice) = chunk["choices"].get(0) else { continue };
            let delta = &choice["delta"];
            let is_plain = choice["index"] == 0
                && choice["logprobs"].is_null()
                && delta.get("tool_calls").is_none()
                && delta.get("refusal").is_none_or(Value::is_null);
            if !is_plain {
                return None;
            }
            if delta.get("role").is_none() {
                pieces.extend(delta.get("content").map(|c| c.as_str().unwrap().to_owned()));
            }
        }
        let text = Text::Given(pieces);
        envelope.map(|envelope| (envelope, Completion { text, finish: Finish::Stop, usage }))
    }

    #[test]
    fn recorded_streams_of_plain_text_are_reproduced_byte_for_byte() {
        // The recordings lie beside the checkout where there are any; they are not part of it.
        let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/captures");
        let Ok(folder) = std::fs::read_dir(beside) else {
            println!("skipped: no recorded streams at {beside}");
            return;
        };
        let mut compared = 0;
        for file in folder.map(|entry| entry.unwrap().path()) {
            if file.extension().is_none_or(|extension| extension != "sse") {
                continue;
            }
            let recorded = std::fs::read_to_string(&file).unwrap();
            if let Some((envelope, completion)) = content(&recorded) {
                let mut ours = frames(&envelope, &completion).collect::<Vec<_>>().concat();
                ours.extend_from_slice(&DONE);
                assert_eq!(String::from_utf8(ours).unwrap(), recorded, "{}", file.display());
                compared += 1;
            }
        }
        assert!(compared >= 2, "only {compared} recordings are of plain text");
    }

    #[test]
    fn a_stream_is_written_as_the_provider_writes_it() {
        let envelope = Envelope {
            id: "chatcmpl-1".into(),
            created: 7,
            model: "gpt-4o".into(),
            fingerprint: "fp_1".into(),
        };
        let completion = Completion {
            text: Text::Given(vec!["é\"".into()]),
            finish: Finish::Stop,
            usage: Some(Tokens { prompt: 3, completion: 1 }),
        };
        let start = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"gpt-4o","system_fingerprint":"fp_1","choices":["#;
        let expected: Vec<String> = [
            r#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}"#,
            r#"{"index":0,"delta":{"content":"é\""},"logprobs":null,"finish_reason":null}]}"#,
            r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}"#,
            r#"],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4,"completion_tokens_details":{"reasoning_tokens":0}}}"#,
        ]
        .map(|end| format!("{start}{end}\n\n"))
        .into();
        assert_eq!(frames(&envelope, &completion).collect::<Vec<_>>(), expected);
        assert_eq!(
            whole(&envelope, &completion, Tokens { prompt: 3, completion: 1 }),
            r#"{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"é\"","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4,"completion_tokens_details":{"reasoning_tokens":0}},"system_fingerprint":"fp_1"}"#
        );
    }
}
