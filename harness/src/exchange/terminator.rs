//! What ends a stream, by the family of API that was asked.

use super::frames::{Frame, Frames};

/// The families of streams, told by the path of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Chat completions, and completions before them: `data: [DONE]` comes last (`OpenAI` API, chat
    /// completion streaming).
    Chat,
    /// Responses: one of three last events, and no `[DONE]`; an `error` event ends it too (`OpenAI`
    /// API, Responses streaming events).
    Responses,
    /// Any other path: nothing demands a terminator, and `[DONE]` is one where it stands.
    Other,
}

/// The events after which a Responses stream has nothing more to say.
const RESPONSES_LAST: &[&str] = &["response.completed", "response.incomplete", "response.failed"];

impl Family {
    /// The family of a request's target.
    pub fn of(target: &str) -> Self {
        match target.split(['?', '#']).next().unwrap_or(target) {
            "/v1/chat/completions" | "/v1/completions" => Self::Chat,
            "/v1/responses" => Self::Responses,
            _ => Self::Other,
        }
    }

    /// Whether a frame is a terminator, which only the provider may say. `[DONE]` is one in every
    /// family, where it belongs or not. An error event is none: a relay may write one of its own.
    pub fn is_terminator(self, frame: &Frame<'_>) -> bool {
        frame.is_done() || (self == Self::Responses && is_last_of_response(frame))
    }

    /// Whether a body says that it is complete: it holds the last word of its family.
    pub fn is_complete(self, frames: &Frames<'_>) -> bool {
        let completes = |frame: &Frame<'_>| match self {
            Self::Chat | Self::Other => frame.is_done(),
            Self::Responses => is_last_of_response(frame) || frame.error().is_some(),
        };
        // It is near the end, where it is anywhere.
        frames.iter().rev().any(|(_, frame)| completes(&frame))
    }

    /// Whether a stream without a terminator lacks something.
    pub fn needs_terminator(self) -> bool {
        self != Self::Other
    }

    /// The terminator in words, for a report.
    pub fn terminator(self) -> &'static str {
        match self {
            Self::Chat | Self::Other => "`[DONE]`",
            Self::Responses => "`response.completed`",
        }
    }
}

fn is_last_of_response(frame: &Frame<'_>) -> bool {
    frame.event_type().is_some_and(|name| RESPONSES_LAST.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_path_tells_the_family_whatever_its_query() {
        assert_eq!(Family::of("/v1/chat/completions"), Family::Chat);
        assert_eq!(Family::of("/v1/completions"), Family::Chat);
        assert_eq!(Family::of("/v1/responses?a=b"), Family::Responses);
        for other in ["/v1/responses/resp_1", "/v1/models", "/", ""] {
            assert_eq!(Family::of(other), Family::Other, "{other}");
        }
    }

    /// Names and shapes as the `OpenAI` API reference has them (Responses, streaming events).
    #[rstest]
    #[case::done(Family::Chat, "data: [DONE]\n\n", true)]
    #[case::done_without_a_space(Family::Chat, "data:[DONE]\n\n", true)]
    #[case::chat_that_speaks_of_responses(
        Family::Chat,
        "event: response.completed\ndata: {}\n\n",
        false
    )]
    #[case::completed(
        Family::Responses,
        "event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n",
        true
    )]
    #[case::incomplete(
        Family::Responses,
        "event: response.incomplete\ndata: {\"type\":\"response.incomplete\"}\n\n",
        true
    )]
    #[case::failed(Family::Responses, "data: {\"type\":\"response.failed\"}\n\n", true)]
    #[case::error(
        Family::Responses,
        "event: error\ndata: {\"type\":\"error\",\"message\":\"x\"}\n\n",
        true
    )]
    #[case::created(
        Family::Responses,
        "event: response.created\ndata: {\"type\":\"response.created\"}\n\n",
        false
    )]
    #[case::text_that_names_it(
        Family::Responses,
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"response.completed\"}\n\n",
        false
    )]
    #[case::done_of_the_other_family(Family::Responses, "data: [DONE]\n\n", false)]
    #[case::done_elsewhere(Family::Other, "data: [DONE]\n\n", true)]
    #[case::error_of_a_chat(Family::Chat, "data: {\"error\":{}}\n\n", false)]
    fn each_family_is_complete_with_its_own_last_word(
        #[case] family: Family,
        #[case] body: &str,
        #[case] complete: bool,
    ) {
        assert_eq!(family.is_complete(&Frames::of(body.as_bytes())), complete);
    }

    #[test]
    fn an_error_event_is_no_terminator_and_done_is_one_everywhere() {
        let terminates = |body: &[u8]| Family::Responses.is_terminator(&Frame::amid(body));
        assert!(!terminates(b"event: error\ndata: {\"type\":\"error\"}\n\n"));
        assert!(terminates(b"data: [DONE]\n\n"));
        assert!(terminates(b"data: {\"type\":\"response.failed\"}\n\n"));
        let chat = Frame::amid(b"data: {\"type\":\"response.failed\"}\n\n");
        assert!(!Family::Chat.is_terminator(&chat));
    }
}
