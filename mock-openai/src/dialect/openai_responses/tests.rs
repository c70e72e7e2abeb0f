//! What is written, beside streams written out by hand.

use super::*;
use crate::{
    content::{Choice, Logprobs, Speech, Text, Tokens, ToolCall},
    dialect::{Padding, Settings},
};

fn envelope(items: &[&str]) -> Envelope {
    Envelope {
        id: "resp_1".into(),
        items: items.iter().map(|id| (*id).to_owned()).collect(),
        created: 7,
        model: "gpt-4o".into(),
        ..Envelope::default()
    }
}

fn choice(speech: Speech, calls: Vec<ToolCall>, finish: &'static str) -> Choice {
    Choice { speech, logprobs: None, calls, finish: finish.into() }
}

fn text(pieces: &[&str]) -> Text {
    Text::given(pieces.iter().copied())
}

fn completion(choices: Vec<Choice>) -> Completion {
    let usage = Some(Tokens { prompt: 3, completion: 2 });
    Completion { choices, turns: Vec::new(), usage }
}

fn stream(envelope: &Envelope, completion: &Completion) -> String {
    let frames: Vec<Bytes> = OpenaiResponses.frames(envelope, completion).collect();
    String::from_utf8(frames.concat()).unwrap()
}

/// A response object with what differs between the events of a stream.
fn response(status: &str, details: &str, output: &str, usage: &str) -> String {
    let start = format!(
        r#"{{"id":"resp_1","object":"response","created_at":7,"status":"{status}","background":false,"error":null,"incomplete_details":{details},"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"model":"gpt-4o","output":[{output}],"#
    );
    let end = format!(
        r#""parallel_tool_calls":true,"previous_response_id":null,"prompt_cache_key":null,"reasoning":{{"effort":null,"summary":null}},"safety_identifier":null,"service_tier":"default","store":true,"temperature":1.0,"text":{{"format":{{"type":"text"}}}},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","usage":{usage},"user":null,"metadata":{{}}}}"#
    );
    start + &end
}

const USAGE: &str = r#"{"input_tokens":3,"input_tokens_details":{"cache_write_tokens":0,"cached_tokens":0},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":5}"#;

/// The two events with which every stream begins.
fn beginning() -> String {
    let response = response("in_progress", "null", "", "null");
    format!(
        "event: response.created\n\
         data: {{\"type\":\"response.created\",\"sequence_number\":0,\"response\":{response}}}\n\n\
         event: response.in_progress\n\
         data: {{\"type\":\"response.in_progress\",\"sequence_number\":1,\"response\":{response}}}\n\n"
    )
}

#[test]
fn a_text_is_told_item_by_item_part_by_part_and_piece_by_piece() {
    let completion =
        completion(vec![choice(Speech::Text(text(&["é\"", " b"])), Vec::new(), "stop")]);
    let message = r#"{"id":"msg_1","type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"é\" b"}],"role":"assistant"}"#;
    let middle = r#"event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","content":[],"role":"assistant"}}

event: response.content_part.added
data: {"type":"response.content_part.added","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"é\"","logprobs":[]}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":5,"item_id":"msg_1","output_index":0,"content_index":0,"delta":" b","logprobs":[]}

event: response.output_text.done
data: {"type":"response.output_text.done","sequence_number":6,"item_id":"msg_1","output_index":0,"content_index":0,"text":"é\" b","logprobs":[]}

event: response.content_part.done
data: {"type":"response.content_part.done","sequence_number":7,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":"é\" b"}}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":8,"output_index":0,"item":MESSAGE}

event: response.completed
data: {"type":"response.completed","sequence_number":9,"response":RESPONSE}

"#;
    let whole = response("completed", "null", message, USAGE);
    let middle = middle.replace("MESSAGE", message).replace("RESPONSE", &whole);
    let envelope = envelope(&["msg_1"]);
    assert_eq!(stream(&envelope, &completion), beginning() + &middle);
    assert_eq!(OpenaiResponses.whole(&envelope, &completion), whole);
}

#[test]
fn a_call_is_an_item_with_its_arguments_in_fragments() {
    let call = ToolCall {
        id: "call_1".into(),
        index: 0,
        name: "f".into(),
        arguments: text(&["{\"a\":", "1}"]),
    };
    let completion = completion(vec![choice(Speech::Silent, vec![call], "tool_calls")]);
    let done = r#"{"id":"fc_1","type":"function_call","status":"completed","arguments":"{\"a\":1}","call_id":"call_1","name":"f"}"#;
    let middle = r#"event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"fc_1","type":"function_call","status":"in_progress","arguments":"","call_id":"call_1","name":"f"}}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":3,"item_id":"fc_1","output_index":0,"delta":"{\"a\":"}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":4,"item_id":"fc_1","output_index":0,"delta":"1}"}

event: response.function_call_arguments.done
data: {"type":"response.function_call_arguments.done","sequence_number":5,"item_id":"fc_1","output_index":0,"arguments":"{\"a\":1}"}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":6,"output_index":0,"item":DONE}

event: response.completed
data: {"type":"response.completed","sequence_number":7,"response":RESPONSE}

"#;
    let whole = response("completed", "null", done, USAGE);
    let middle = middle.replace("DONE", done).replace("RESPONSE", &whole);
    assert_eq!(stream(&envelope(&["fc_1"]), &completion), beginning() + &middle);
}

#[test]
fn a_refusal_that_is_cut_short_is_incomplete() {
    for (finish, reason) in [("length", "max_output_tokens"), ("content_filter", "content_filter")]
    {
        let completion =
            completion(vec![choice(Speech::Refusal(text(&["no"])), Vec::new(), finish)]);
        let done = r#"{"id":"msg_1","type":"message","status":"incomplete","content":[{"type":"refusal","refusal":"no"}],"role":"assistant"}"#;
        let middle = r#"event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","content":[],"role":"assistant"}}

event: response.content_part.added
data: {"type":"response.content_part.added","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"refusal","refusal":""}}

event: response.refusal.delta
data: {"type":"response.refusal.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"no"}

event: response.refusal.done
data: {"type":"response.refusal.done","sequence_number":5,"item_id":"msg_1","output_index":0,"content_index":0,"refusal":"no"}

event: response.content_part.done
data: {"type":"response.content_part.done","sequence_number":6,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"refusal","refusal":"no"}}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":7,"output_index":0,"item":DONE}

event: response.incomplete
data: {"type":"response.incomplete","sequence_number":8,"response":RESPONSE}

"#;
        let details = format!(r#"{{"reason":"{reason}"}}"#);
        let whole = response("incomplete", &details, done, USAGE);
        let middle = middle.replace("DONE", done).replace("RESPONSE", &whole);
        assert_eq!(stream(&envelope(&["msg_1"]), &completion), beginning() + &middle, "{finish}");
    }
}

/// What each event says of itself under a key, read from the stream as JSON.
fn told(stream: &str, key: &str) -> Vec<serde_json::Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str::<serde_json::Value>(data).unwrap()[key].clone()).collect()
}

#[test]
fn a_text_its_calls_and_further_choices_are_items_one_after_the_other() {
    let call =
        |id: &str| ToolCall { id: id.into(), index: 0, name: "f".into(), arguments: text(&["{}"]) };
    let completion = completion(vec![
        choice(Speech::Text(text(&["a"])), vec![call("call_1"), call("call_2")], "tool_calls"),
        choice(Speech::Text(text(&["b"])), Vec::new(), "stop"),
    ]);
    let mut envelope = envelope(&["msg_1", "fc_1", "fc_2", "msg_2"]);
    envelope.first_sequence_number = 5;
    let stream = stream(&envelope, &completion);
    let types = told(&stream, "type");
    let names: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names, types, "each event is named by its type");
    let numbers: Vec<u64> =
        told(&stream, "sequence_number").iter().map(|n| n.as_u64().unwrap()).collect();
    assert_eq!(numbers, (5..5 + [2, 6, 4, 4, 6, 1].iter().sum::<u64>()).collect::<Vec<_>>());
    let indexes = told(&stream, "output_index");
    let indexes: Vec<u64> = indexes.iter().filter_map(serde_json::Value::as_u64).collect();
    assert_eq!(indexes, [[0; 6].as_slice(), &[1; 4], &[2; 4], &[3; 6]].concat());
    let responses = told(&stream, "response");
    let output = responses.last().unwrap()["output"].as_array().unwrap();
    let ids: Vec<_> = output.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["msg_1", "fc_1", "fc_2", "msg_2"]);
}

#[test]
fn log_probabilities_and_padding_stand_on_deltas_of_text() {
    let mut one = choice(Speech::Text(text(&["a"])), Vec::new(), "stop");
    one.logprobs = Some(Logprobs::Given(vec![-0.5]));
    let padded = Envelope {
        obfuscation: Some(Padding { seed: 1, label: "test".into() }),
        settings: Settings::of(Some(&serde_json::json!({ "temperature": 0.5, "store": false }))),
        ..envelope(&["msg_1"])
    };
    let stream = stream(&padded, &completion(vec![one]));
    let token = r#""logprobs":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}]"#;
    let delta = format!(r#""delta":"a",{token},"obfuscation":""#);
    assert!(stream.contains(&delta), "{stream}");
    // The delta, and each event that tells the whole text.
    assert_eq!(stream.matches(token).count(), 5, "{stream}");
    assert_eq!(stream.matches("obfuscation").count(), 1, "{stream}");
    assert_eq!(stream.matches(r#""store":false,"temperature":0.5,"#).count(), 3, "{stream}");
}
