//! Reads a stream to its end after its client has left, for the tokens that it costs.

use std::time::Duration;

use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::time::timeout;

use super::{Event, Events};
use crate::{
    account::Account,
    state::{Phase, Phases},
};

/// What an answer cost, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

/// Reads until the end, for at most `budget`. Then the account is closed, and with the body goes
/// the provider's connection.
pub(crate) async fn read_on(
    mut body: reqwest::Body,
    account: Account,
    budget: Duration,
    phases: Phases,
) {
    let mut events = Events::new();
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(bytes) = frame.into_data() else { continue };
            for event in events.read(&bytes) {
                if let Some(usage) = usage(&event) {
                    account.used(usage);
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = phases.reached(Phase::Ending) => {}
        read = timeout(budget, reading) => drop(read),
    }
}

/// The counts of the chat family's last chunk, or of the Responses API's last event.
fn usage(event: &Event) -> Option<Usage> {
    let Event::Data(data) = event else { return None };
    let json: Value = serde_json::from_slice(data).ok()?;
    let count = |usage: &Value, name: &str| usage.get(name).and_then(Value::as_u64);
    if let Some(usage) = json.get("usage") {
        let (input, output) = (count(usage, "prompt_tokens")?, count(usage, "completion_tokens")?);
        return Some(Usage { input, output });
    }
    let usage = json.get("response")?.get("usage")?;
    Some(Usage { input: count(usage, "input_tokens")?, output: count(usage, "output_tokens")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_from_both_families() {
        let of = |text: &str| usage(&Event::Data(text.as_bytes().to_vec()));
        let wanted = Some(Usage { input: 9, output: 4 });
        assert_eq!(
            of(r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#),
            wanted
        );
        assert_eq!(
            of(
                r#"{"type":"response.completed","response":{"usage":{"input_tokens":9,"output_tokens":4}}}"#
            ),
            wanted
        );
        for none in [r#"{"usage":null}"#, r#"{"response":{"usage":null}}"#, "[DONE]", "{}"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
