//! Bytes that real providers are known to send in the middle of a stream, by name.

mod anthropic;
mod azure;
mod compatible;
mod openai;

use std::fmt::Display;

use serde_json::Value;

use crate::{dialect::Envelope, script::SendPreset};

/// The frames of a preset: texts with LF line ends, each with the blank line that ends it.
///
/// Where the provider repeats id, model and time of the answer, they are the envelope's; a sequence
/// number is the envelope's first.
pub(crate) fn frames(preset: SendPreset, answer: &Envelope) -> Vec<String> {
    let one = |frame: String| vec![frame];
    match preset {
        SendPreset::OpenaiError => one(openai::error()),
        SendPreset::VllmError => compatible::vllm_error(),
        SendPreset::VllmFlatError => compatible::vllm_flat_error(),
        SendPreset::AzureFirstChunk => one(azure::first_chunk()),
        SendPreset::AzureFilterChunk => one(azure::filter_chunk()),
        SendPreset::OpenrouterComment => one(": OPENROUTER PROCESSING\n\n".to_owned()),
        SendPreset::OpenrouterError => one(compatible::openrouter_error(answer)),
        SendPreset::AnthropicMessageStart => one(anthropic::message_start(answer)),
        SendPreset::AnthropicContentBlockStart => one(anthropic::content_block_start()),
        SendPreset::AnthropicPing => one(anthropic::ping()),
        SendPreset::AnthropicContentBlockDelta => one(anthropic::content_block_delta()),
        SendPreset::AnthropicContentBlockStop => one(anthropic::content_block_stop()),
        SendPreset::AnthropicMessageDelta => one(anthropic::message_delta()),
        SendPreset::AnthropicMessageStop => one(anthropic::message_stop()),
        SendPreset::AnthropicError => one(anthropic::error()),
        SendPreset::LlamaCppError => one(compatible::llama_cpp_error()),
        SendPreset::RawJsonError => one(openai::raw_error()),
        SendPreset::ResponsesKeepalive => one(openai::responses_keepalive(answer)),
        SendPreset::ResponsesError => one(openai::responses_error(answer)),
        SendPreset::ResponsesFailed => one(openai::responses_failed(answer)),
    }
}

const DONE: &str = "data: [DONE]\n\n";

fn data(value: &impl Display) -> String {
    format!("data: {value}\n\n")
}

/// An event whose name is its object's `type`, as Anthropic and the Responses API have it.
fn event(value: &Value) -> String {
    let name = value.get("type").and_then(Value::as_str).unwrap_or_default();
    format!("event: {name}\ndata: {value}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(preset: SendPreset) -> String {
        let answer = Envelope {
            id: "chatcmpl-1".into(),
            created: 7,
            model: "m-1".into(),
            first_sequence_number: 466,
            ..Envelope::default()
        };
        frames(preset, &answer).concat()
    }

    #[test]
    fn errors_of_compatible_providers_have_the_shapes_that_clients_stumble_over() {
        for (preset, expected) in [
            (
                SendPreset::OpenaiError,
                r#"data: {"error":{"message":"The server had an error while it processed the request.","type":"server_error","param":null,"code":null}}

"#,
            ),
            (
                SendPreset::RawJsonError,
                r#"{"error":{"message":"The server had an error while it processed the request.","type":"server_error","param":null,"code":null}}

"#,
            ),
            (
                SendPreset::VllmError,
                r#"data: {"error":{"message":"The engine stopped while it answered.","type":"InternalServerError","param":null,"code":500}}

data: [DONE]

"#,
            ),
            (
                SendPreset::VllmFlatError,
                r#"data: {"object":"error","message":"The engine stopped while it answered.","type":"InternalServerError","param":null,"code":500}

data: [DONE]

"#,
            ),
            (
                SendPreset::OpenrouterError,
                r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m-1","provider":"mock","error":{"code":"server_error","message":"The provider went away."},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}

"#,
            ),
            (SendPreset::OpenrouterComment, ": OPENROUTER PROCESSING\n\n"),
            (
                SendPreset::LlamaCppError,
                r#"error: {"code":400,"message":"The request is not valid.","type":"invalid_request_error"}

"#,
            ),
        ] {
            assert_eq!(sent(preset), expected, "{preset:?}");
        }
    }

    #[test]
    fn chunks_of_azure_carry_filter_results_and_say_nothing_of_the_answer() {
        let results = r#"{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}"#;
        assert_eq!(
            sent(SendPreset::AzureFirstChunk),
            format!(
                r#"data: {{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{{"prompt_index":0,"content_filter_results":{results}}}]}}"#
            ) + "\n\n"
        );
        assert_eq!(
            sent(SendPreset::AzureFilterChunk),
            format!(
                r#"data: {{"id":"","object":"","created":0,"model":"","choices":[{{"index":0,"finish_reason":null,"content_filter_results":{results},"content_filter_offsets":{{"check_offset":44,"start_offset":44,"end_offset":198}}}}]}}"#
            ) + "\n\n"
        );
    }

    #[test]
    fn events_of_anthropic_are_named_and_make_up_a_whole_message_together() {
        let events = [
            SendPreset::AnthropicMessageStart,
            SendPreset::AnthropicContentBlockStart,
            SendPreset::AnthropicPing,
            SendPreset::AnthropicContentBlockDelta,
            SendPreset::AnthropicContentBlockStop,
            SendPreset::AnthropicMessageDelta,
            SendPreset::AnthropicMessageStop,
            SendPreset::AnthropicError,
        ];
        let expected = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"m-1","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

event: error
data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}

"#;
        assert_eq!(events.map(sent).concat(), expected);
    }

    #[test]
    fn oddities_of_the_responses_api_carry_sequence_numbers() {
        assert_eq!(
            sent(SendPreset::ResponsesKeepalive),
            "event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":466}\n\n"
        );
        assert_eq!(
            sent(SendPreset::ResponsesError),
            r#"event: error
data: {"type":"error","code":"server_is_overloaded","message":"The server is overloaded at present.","param":null,"sequence_number":466}

"#
        );
        let failed = sent(SendPreset::ResponsesFailed);
        let start = r#"event: response.failed
data: {"type":"response.failed","sequence_number":466,"response":{"id":"resp_1","object":"response","created_at":7,"status":"failed","background":false,"error":{"code":"server_error","message":"The server had an error while it processed the request."},"incomplete_details":null,"#;
        assert!(failed.starts_with(start), "{failed}");
    }
}
