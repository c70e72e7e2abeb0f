//! What a `stream` step says to a request.

use serde_json::Value;

use super::{
    Choice, Completion, Logprobs, Speech, Text, Tokens, ToolCall, clip, pieces, sample, tools,
};
use crate::{
    identity::Identity,
    made_up::MadeUp,
    script::{self, Choices, Stream, Usage},
};

/// How many deltas a stream has that says nothing of it.
const CHUNKS_DEFAULT: u64 = 10;

/// Bytes of the client's name in made-up words, as JSON.
const CLIENT_BYTES_MAX: usize = 64;

/// The function that is called where neither script nor request names one.
const FUNCTION_DEFAULT: &str = "tool";

/// What of a request decides what is said to it.
pub(crate) struct Asked<'a> {
    /// Its body, where that is JSON.
    pub(crate) body: Option<&'a Value>,
    /// Tokens of its prompt.
    pub(crate) prompt: u64,
    /// Whose it is: what is made up is drawn from that.
    pub(crate) identity: &'a Identity,
    /// Puts counters of loops into a text of the script.
    pub(crate) fill: &'a dyn Fn(&str) -> String,
}

/// What the step says to it.
pub(crate) fn completion(step: &Stream, asked: &Asked<'_>) -> Completion {
    let blank = script::Choice::default();
    let choices: Vec<Choice> = match &step.choices {
        None => vec![asked.choice(step, &blank, 0)],
        Some(Choices::Count(count)) => {
            (0..*count).map(|at| asked.choice(step, &blank, at)).collect()
        }
        Some(Choices::Given(given)) => {
            given.iter().zip(0..).map(|(own, at)| asked.choice(step, own, at)).collect()
        }
    };
    let completion = choices.iter().map(Choice::tokens).sum();
    let usage = (step.usage != Usage::Never).then_some(Tokens { prompt: asked.prompt, completion });
    Completion { choices, turns: Vec::new(), usage }
}

impl Asked<'_> {
    /// What a choice leaves out is as the step says.
    fn choice(&self, step: &Stream, own: &script::Choice, at: u64) -> Choice {
        let (text, refusal) = if own.text.is_some() || own.refusal.is_some() {
            (&own.text, &own.refusal)
        } else {
            (&step.text, &step.refusal)
        };
        let calls = if own.tool_calls.is_empty() { &step.tool_calls } else { &own.tool_calls };
        let speech = match (refusal, text) {
            (Some(refusal), _) => Speech::Refusal(self.split(step, refusal)),
            (None, Some(text)) => Speech::Text(self.split(step, text)),
            (None, None) if calls.is_empty() => Speech::Text(self.made_up(step, at)),
            (None, None) => Speech::Silent,
        };
        let calls: Vec<ToolCall> =
            calls.iter().zip(0..).map(|(c, i)| self.call(c, at, i)).collect();
        let finish = match own.finish.as_ref().or(step.finish.as_ref()) {
            Some(finish) => (self.fill)(finish).into(),
            None if calls.is_empty() => "stop".into(),
            None => "tool_calls".into(),
        };
        Choice { speech, logprobs: step.logprobs.then_some(Logprobs::MadeUp), calls, finish }
    }

    fn split(&self, step: &Stream, text: &str) -> Text {
        let text = (self.fill)(text);
        Text::given(match (size(step), step.chunks) {
            (Some(size), _) => pieces::by_size(&text, size),
            (None, Some(chunks)) => pieces::by_count(&text, chunks),
            (None, None) => pieces::by_word(&text),
        })
    }

    fn made_up(&self, step: &Stream, choice: u64) -> Text {
        Text::MadeUp(MadeUp {
            seed: self.identity.seed,
            label: self.label("words", choice),
            client: clip(&self.identity.client, CLIENT_BYTES_MAX).to_owned(),
            pieces: step.chunks.unwrap_or(CHUNKS_DEFAULT),
            size: size(step),
        })
    }

    fn call(&self, call: &script::ToolCall, choice: u64, at: u64) -> ToolCall {
        let given = |text: &Option<String>| text.as_deref().map(self.fill);
        let name = given(&call.name);
        let tool = tools::find(self.body, name.as_deref());
        let arguments = given(&call.arguments).unwrap_or_else(|| {
            let label = self.label(&format!("arguments of call {at}"), choice);
            sample::arguments(tool.and_then(|tool| tool.parameters), self.identity.seed, &label)
        });
        let name = name.or_else(|| tool.map(|tool| tool.name.to_owned()));
        ToolCall {
            id: given(&call.id).unwrap_or_else(|| self.identity.call_id(choice, at)),
            index: call.index.unwrap_or(at),
            name: name.unwrap_or_else(|| FUNCTION_DEFAULT.to_owned()),
            arguments: Text::given(pieces::by_fragment(&arguments)),
        }
    }

    /// The first choice draws under the plain name, so that more of them do not change it.
    fn label(&self, what: &str, choice: u64) -> String {
        match choice {
            0 => self.identity.label(what),
            other => self.identity.label(&format!("{what} in choice {other}")),
        }
    }
}

fn size(step: &Stream) -> Option<usize> {
    step.chunk_size.map(|size| usize::try_from(size.0).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(yaml: &str, body: &Value) -> Completion {
        let step: Stream = crate::yaml::load("test", yaml.as_bytes()).unwrap();
        let identity = Identity { seed: 1, client: "ann".into(), ordinal: 0 };
        let fill = |text: &str| text.replace("{i}", "4");
        completion(&step, &Asked { body: Some(body), prompt: 3, identity: &identity, fill: &fill })
    }

    fn words(choice: &Choice) -> String {
        choice.speech.words().map_or_else(String::new, |text| text.whole().to_string())
    }

    #[test]
    fn what_a_choice_leaves_out_is_as_the_step_says() {
        let yaml =
            "{text: 'a {i}', finish: length, choices: [{}, {text: b}, {refusal: no, finish: x}]}";
        let completion = said(yaml, &Value::Null);
        let got: Vec<_> =
            completion.choices.iter().map(|c| (words(c), c.finish.as_ref().to_owned())).collect();
        let expected = [("a 4", "length"), ("b", "length"), ("no", "x")];
        assert_eq!(got, expected.map(|(text, finish)| (text.to_owned(), finish.to_owned())));
        assert!(matches!(completion.choices[2].speech, Speech::Refusal(_)));
        assert_eq!(completion.usage, Some(Tokens { prompt: 3, completion: 4 }));
    }

    #[test]
    fn several_made_up_choices_differ_and_the_first_is_as_if_it_were_alone() {
        let one = said("{chunks: 4}", &Value::Null);
        let three = said("{chunks: 4, choices: 3}", &Value::Null);
        assert_eq!(three.choices.len(), 3);
        assert_eq!(one.choices[0], three.choices[0]);
        assert_ne!(words(&three.choices[1]), words(&three.choices[2]));
    }

    #[test]
    fn a_call_without_a_word_takes_the_first_tool_of_either_request_shape() {
        let schema = json!({
            "type": "object",
            "properties": { "unit": { "enum": ["c", "f"] }, "city": { "type": "string" } },
            "required": ["unit"],
        });
        let chat = json!({ "tools": [
            { "type": "function", "function": { "name": "weather", "parameters": schema } },
            { "type": "function", "function": { "name": "other" } },
        ]});
        let responses = json!({ "tools": [
            { "type": "web_search" },
            { "type": "function", "name": "weather", "parameters": schema },
        ]});
        for body in [chat, responses] {
            let completion = said("{tool_calls: [{}]}", &body);
            let choice = &completion.choices[0];
            assert_eq!(choice.speech, Speech::Silent);
            assert_eq!(choice.finish, "tool_calls");
            let call = &choice.calls[0];
            assert_eq!(call.name, "weather");
            assert_eq!(call.arguments.whole().to_string(), r#"{"unit":"c"}"#);
            // `call_CTf1nWJLqSeRgDqaCG27xZ74` in a recorded stream.
            assert_eq!(call.id.len(), "call_CTf1nWJLqSeRgDqaCG27xZ74".len());
            assert!(call.id.starts_with("call_"));
        }
    }

    #[test]
    fn a_call_is_as_the_script_says_and_two_may_collide() {
        let yaml =
            "{text: hm, tool_calls: [{name: f, arguments: '{\"a', id: x, index: 2}, {index: 2}]}";
        let completion = said(yaml, &Value::Null);
        let [first, second] = &completion.choices[0].calls[..] else { panic!("two calls") };
        assert_eq!((first.id.as_str(), first.index, first.name.as_str()), ("x", 2, "f"));
        assert_eq!(first.arguments.whole().to_string(), "{\"a");
        assert_eq!((second.index, second.name.as_str()), (2, "tool"));
        assert_eq!(second.arguments.whole().to_string(), "{}");
        assert_eq!(words(&completion.choices[0]), "hm");
    }

    #[test]
    fn an_answer_of_a_gigabyte_is_not_made_before_it_is_asked_for() {
        let completion = said("{chunks: 1000000, chunk_size: 1MiB}", &Value::Null);
        let Some(text) = completion.choices[0].speech.words() else { panic!("a text") };
        assert_eq!(text.pieces(), 1_000_000);
        assert_eq!(text.piece(999_999).len(), 1 << 20);
    }
}
