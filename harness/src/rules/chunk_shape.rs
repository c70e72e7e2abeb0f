//! The chunks of a chat keep their shape.

use serde_json_borrow::{OwnedValue, Value};

use super::{Level, Rule};
use crate::{
    exchange::{Exchange, Family, Frames, Run, is_event_stream},
    plan::RelayKind,
    verdict::{Breach, Inquiry, Verdict},
};

/// A relay that makes chunks anew, of another provider's answer or of its own objects, makes all that
/// clients read by type. Where the provider's own chunks have this shape, the client's have it too; where
/// the relay says that it translates, they have it whatever the provider's are.
pub(super) const RULE: Rule = Rule {
    id: "chunk-shape",
    level: Level::Profile,
    citation: "OpenAI API, chat completion chunk object",
    demand: "every chunk of a chat has its required keys with values of their types, and a stream has \
             one id and one time of creation",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    let translates = run.plan.claims.kind == RelayKind::Translating;
    for (index, exchange, answer) in run.answered() {
        let both_stream = exchange.is_stream() && is_event_stream(&answer.answer_headers);
        if !both_stream || exchange.family() != Family::Chat || !answer.succeeds() {
            continue;
        }
        let sent = Chunks::of(&Frames::of(&answer.body.bytes));
        let has_shape = sent.any && sent.wrong.is_none();
        if !(has_shape || translates) {
            continue;
        }
        // What passed as it came is read once: of all rules this one reads the most.
        let is_same = answer.body.bytes == exchange.body.bytes;
        let got = if is_same { sent } else { Chunks::of(&exchange.frames()) };
        if !got.any {
            continue;
        }
        inquiry.applies();
        if let Some((end, wrong)) = got.wrong {
            inquiry.broke(breach(run, index, exchange, end, wrong));
        }
    }
    inquiry.verdict("no chat was streamed in chunks that have their shape at the provider")
}

fn breach(run: &Run<'_>, index: usize, exchange: &Exchange, end: usize, wrong: Wrong) -> Breach {
    let host = run.blame(index, |passage| {
        let body = passage.outgoing().map(|message| message.body.as_slice()).unwrap_or_default();
        Chunks::of(&Frames::of(body)).wrong.is_some()
    });
    Breach::new(exchange.had(end), &host, wrong.wanted, wrong.got).concerning(&exchange.client)
}

/// What is not as it should be.
struct Wrong {
    wanted: String,
    got: String,
}

/// What a body's chunks come to.
struct Chunks {
    any: bool,
    /// The first that is wrong, and where its frame ends.
    wrong: Option<(usize, Wrong)>,
}

impl Chunks {
    fn of(frames: &Frames<'_>) -> Self {
        let (mut shape, mut any) = (Shape::default(), false);
        let wrong = frames.iter().find_map(|(range, frame)| {
            let chunk = frame.chunk()?;
            any = true;
            Some((range.end, shape.next(chunk)?))
        });
        Self { any, wrong }
    }
}

/// What a stream's first chunk says of all of it.
#[derive(Default)]
struct Shape {
    first: Option<OwnedValue>,
}

impl Shape {
    fn next(&mut self, chunk: OwnedValue) -> Option<Wrong> {
        let wrong = wrong_key(&chunk, "", REQUIRED, true)
            .or_else(|| wrong_key(&chunk, "", OPTIONAL, false))
            .or_else(|| get(&chunk, "choices")?.as_array()?.iter().find_map(wrong_choice));
        let Some(first) = &self.first else {
            self.first = Some(chunk);
            return wrong;
        };
        wrong.or_else(|| changed(first, &chunk, "id")).or_else(|| changed(first, &chunk, "created"))
    }
}

/// The value of an object's key.
fn get<'v, 'a>(object: &'v Value<'a>, key: &str) -> Option<&'v Value<'a>> {
    object.as_object()?.get(key)
}

/// A key, what its value is in words, and whether a value is that.
type Key = (&'static str, &'static str, fn(&Value<'_>) -> bool);

const REQUIRED: &[Key] = &[
    ("id", "a string", |value| value.is_string()),
    ("object", "`chat.completion.chunk`", |value| value.as_str() == Some("chat.completion.chunk")),
    ("created", "a whole number", is_whole),
    ("model", "a string", |value| value.is_string()),
    ("choices", "an array", |value| value.is_array()),
];

const OPTIONAL: &[Key] =
    &[("usage", "an object or null", |value| value.is_object() || value.is_null())];

const OF_CHOICE: &[Key] = &[
    ("index", "a whole number", is_whole),
    ("delta", "an object", |value| value.is_object()),
    ("finish_reason", "a string or null", is_text_or_null),
];

const OF_DELTA: &[Key] = &[
    ("role", "a string", |value| value.is_string()),
    ("content", "a string or null", is_text_or_null),
    ("refusal", "a string or null", is_text_or_null),
    ("tool_calls", "an array", |value| value.is_array()),
];

fn is_whole(value: &Value<'_>) -> bool {
    value.is_u64()
}

fn is_text_or_null(value: &Value<'_>) -> bool {
    value.is_string() || value.is_null()
}

fn wrong_choice(choice: &Value<'_>) -> Option<Wrong> {
    wrong_key(choice, "choices[].", OF_CHOICE, true)
        .or_else(|| wrong_key(get(choice, "delta")?, "choices[].delta.", OF_DELTA, false))
}

fn wrong_key(object: &Value<'_>, path: &str, keys: &[Key], required: bool) -> Option<Wrong> {
    keys.iter().find_map(|(key, what, fits)| {
        let wanted = || format!("`{path}{key}` is {what}");
        match get(object, key) {
            None if required => Some(Wrong { wanted: wanted(), got: "it is absent".to_owned() }),
            Some(value) if !fits(value) => {
                Some(Wrong { wanted: wanted(), got: format!("it is `{value}`") })
            }
            _ => None,
        }
    })
}

/// What is another than in the first chunk.
fn changed(first: &Value<'_>, chunk: &Value<'_>, key: &str) -> Option<Wrong> {
    let (first, value) = (get(first, key)?, get(chunk, key)?);
    (first != value).then(|| Wrong {
        wanted: format!("`{key}` is `{first}` in every chunk of the stream"),
        got: format!("it is `{value}`"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::RULE;
    use crate::{exchange::testing::Story, plan::RelayKind, verdict::Verdict};

    /// The example of the API's reference, less its system fingerprint and logprobs.
    fn chunk() -> Value {
        json!({
            "id": "chatcmpl-123", "object": "chat.completion.chunk", "created": 1_694_268_190,
            "model": "gpt-4o-mini",
            "choices": [{
                "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null
            }],
        })
    }

    /// The provider sends a chunk twice, and the client gets it once and then another.
    fn second(other: &Value) -> Story {
        let mut story = Story::streaming();
        let frame = format!("data: {}\n\n", chunk());
        story.relays(1, "reader", &frame);
        story.provides(2, "reader", &frame);
        story.passes(2, "reader", &format!("data: {other}\n\n"));
        story
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut chunk = chunk();
        *chunk.pointer_mut(pointer).unwrap() = value;
        chunk
    }

    #[test]
    fn it_holds_where_chunks_are_made_anew_with_their_shape() {
        let mut last = with("/choices", json!([]));
        last["usage"] = json!({ "total_tokens": 3 });
        for other in [chunk(), with("/choices/0/delta", json!({ "content": null })), last] {
            assert_eq!(second(&other).verdict(&RULE), Verdict::Held, "{other}");
        }
    }

    #[test]
    fn it_breaks_where_a_value_is_of_another_type() {
        for (pointer, value, wanted, got) in [
            ("/id", json!(7), "`id` is a string", "it is `7`"),
            ("/object", json!("chunk"), "`object` is `chat.completion.chunk`", "it is `\"chunk\"`"),
            ("/created", json!("1"), "`created` is a whole number", "it is `\"1\"`"),
            ("/created", json!(1.5), "`created` is a whole number", "it is `1.5`"),
            ("/choices", json!({}), "`choices` is an array", "it is `{}`"),
            (
                "/choices/0/index",
                json!("0"),
                "`choices[].index` is a whole number",
                "it is `\"0\"`",
            ),
            (
                "/choices/0/finish_reason",
                json!(false),
                "`choices[].finish_reason` is a string or null",
                "it is `false`",
            ),
            (
                "/choices/0/delta/content",
                json!(["a"]),
                "`choices[].delta.content` is a string or null",
                "it is `[\"a\"]`",
            ),
        ] {
            let breach = second(&with(pointer, value)).breach(&RULE);
            assert_eq!((&*breach.wanted[0], &*breach.got), (wanted, got));
            assert_eq!(breach.at.as_millis(), 2);
        }
    }

    #[test]
    fn it_breaks_where_a_required_key_is_absent() {
        let mut other = chunk();
        other.as_object_mut().unwrap().remove("model");
        let breach = second(&other).breach(&RULE);
        assert_eq!(breach.wanted, ["`model` is a string"]);
        assert_eq!(breach.got, "it is absent");
    }

    #[test]
    fn a_stream_has_one_id_and_one_time() {
        let breach = second(&with("/id", json!("other"))).breach(&RULE);
        assert_eq!(breach.wanted, ["`id` is `\"chatcmpl-123\"` in every chunk of the stream"]);
        second(&with("/created", json!(1))).breach(&RULE);
    }

    #[test]
    fn a_provider_with_odd_chunks_is_passed_on_as_it_is_and_not_made_anew_so() {
        let odd = "data: {\"id\":7}\n\n";
        let why = "no chat was streamed in chunks that have their shape at the provider";
        let mut passed = Story::streaming();
        passed.relays(1, "reader", odd);
        passed.assert_not_applicable(&RULE, why);
        let mut translated = Story::streaming();
        translated.provides(1, "reader", odd);
        translated.passes(1, "reader", "data: {\"id\":\"7\"}\n\n");
        translated.assert_not_applicable(&RULE, why);
        translated.plan.claims.kind = RelayKind::Translating;
        translated.breach(&RULE);
    }

    #[test]
    fn what_is_no_chunk_has_another_shape() {
        let mut story = second(&chunk());
        story.passes(
            3,
            "reader",
            ": ping\n\ndata: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\n\n",
        );
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }
}
