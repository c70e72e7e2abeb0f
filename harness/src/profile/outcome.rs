//! What an application saw, held against what the provider meant.

use super::{End, Meant, Seen, chunks::Text};
use crate::scenario::Outcome;

impl Outcome {
    /// Every one, the good ones first.
    pub const ALL: [Self; 9] = [
        Self::Whole,
        Self::Error,
        Self::FalseAlarm,
        Self::SilentTruncation,
        Self::NoFinish,
        Self::SilentLoss,
        Self::Empty,
        Self::WrongText,
        Self::Stall,
    ];

    /// What an application that saw this makes of what was meant.
    pub fn of(seen: &Seen, meant: &Meant) -> Self {
        let said = seen.said();
        match &seen.end {
            End::Waits => Self::Stall,
            End::Failed(_) if meant.is_whole && !meant.is_odd => Self::FalseAlarm,
            End::Failed(_) => Self::Error,
            End::Over if meant.is_whole && said == meant.text => {
                let told = seen.finish.is_some() || !meant.has_finish;
                if told { Self::Whole } else { Self::NoFinish }
            }
            End::Over if said == Text::default() => Self::Empty,
            End::Over if meant.text.starts_with(&said) => Self::SilentTruncation,
            End::Over if meant.text.holds(&said) => Self::SilentLoss,
            End::Over => Self::WrongText,
        }
    }

    /// Whether the application knows how things stand.
    pub fn is_right(self) -> bool {
        matches!(self, Self::Whole | Self::Error)
    }

    /// What it means, for those who read a report.
    pub fn says(self) -> &'static str {
        match self {
            Self::Whole => "all that the model said, and no error",
            Self::Error => "an error is raised, and there is one",
            Self::FalseAlarm => "an error is raised, and the provider's answer is whole",
            Self::SilentTruncation => "the end is missing, and no error is raised",
            Self::NoFinish => "all of the text, but not that the model finished, and no error",
            Self::SilentLoss => "something before the end is missing, and no error is raised",
            Self::Empty => "nothing is seen of an answer, and no error is raised",
            Self::WrongText => "other text than the model's, and no error is raised",
            Self::Stall => "the application still waits when the run is over",
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{super::ALL, *};
    use crate::profile::{Ending, Received};

    const ONE: &str = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"one "},"finish_reason":null}]}"#;
    const TWO: &str = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"two"},"finish_reason":null}]}"#;
    const STOP: &str = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    const ERROR: &str =
        r#"{"error":{"message":"too much","type":"server_error","param":null,"code":null}}"#;

    fn body(chunks: &[&str]) -> String {
        format!("data: {}\n\n", chunks.join("\n\ndata: "))
    }

    /// What openai-python sees of a body that ends as its framing says, held against another.
    fn of(meant: &str, got: &str) -> &'static str {
        let meant = Meant::of(200, meant.as_bytes()).unwrap();
        let received =
            Received { status: 200, headers: &[], body: got.as_bytes(), end: Ending::Complete };
        Outcome::of(&(ALL[0].sees)(&received), &meant).name()
    }

    #[rstest]
    #[case::all(&[ONE, TWO, STOP, "[DONE]"], "whole")]
    #[case::no_terminator(&[ONE, TWO, STOP], "whole")]
    #[case::no_end(&[ONE, "[DONE]"], "silent truncation")]
    #[case::no_finish(&[ONE, TWO, "[DONE]"], "no finish")]
    #[case::no_beginning(&[TWO, STOP, "[DONE]"], "silent loss")]
    #[case::nothing(&["[DONE]"], "empty")]
    #[case::twice(&[ONE, ONE, TWO, STOP, "[DONE]"], "wrong text")]
    #[case::error(&[ONE, ERROR], "false alarm")]
    fn an_answer_is_held_against_what_was_meant(#[case] got: &[&str], #[case] outcome: &str) {
        assert_eq!(of(&body(&[ONE, TWO, STOP, "[DONE]"]), &body(got)), outcome);
    }

    /// Measured of openai-python: the first event after a byte order mark is lost (its finish is not).
    #[test]
    fn text_that_is_lost_at_a_byte_order_mark_is_not_whole() {
        let marked = format!("\u{feff}{}", body(&[ONE, TWO, STOP, "[DONE]"]));
        assert_eq!(of(&marked, &marked), "silent loss");
        let lone = format!("\u{feff}{}", body(&[ONE, STOP, "[DONE]"]));
        assert_eq!(of(&lone, &lone), "empty");
    }

    #[rstest]
    #[case::error_event(&[ONE, ERROR], &[ONE, ERROR], "error")]
    #[case::swallowed(&[ONE, ERROR], &[ONE, "[DONE]"], "silent truncation")]
    #[case::no_finish(&[ONE], &[ONE], "silent truncation")]
    #[case::refused_in_a_stream(&[ERROR], &["[DONE]"], "empty")]
    fn where_the_provider_failed_only_an_error_is_right(
        #[case] meant: &[&str],
        #[case] got: &[&str],
        #[case] outcome: &str,
    ) {
        assert_eq!(of(&body(meant), &body(got)), outcome);
    }

    #[test]
    fn what_is_no_chat_completion_is_not_spoken_of() {
        assert_eq!(Meant::of(200, b"data: event 1\n\ndata: [DONE]\n\n"), None);
        assert_eq!(Meant::of(200, b""), None);
        assert_eq!(Meant::of(429, b""), Some(Meant::failure()));
    }

    #[test]
    fn an_answer_is_whole_by_its_finish_or_its_terminator() {
        for (chunks, whole) in [
            (&[ONE, STOP][..], true),
            (&[ONE, "[DONE]"], true),
            (&[ONE], false),
            (&[STOP, ERROR], false),
        ] {
            assert_eq!(
                Meant::of(200, body(chunks).as_bytes()).unwrap().is_whole,
                whole,
                "{chunks:?}"
            );
        }
        // An error is right where the answer was odd.
        let odd = body(&[ONE, "{", STOP, "[DONE]"]);
        assert_eq!(of(&odd, &odd), "error");
    }

    #[test]
    fn every_outcome_has_a_name_of_its_own_and_two_are_right() {
        let names: std::collections::BTreeSet<_> = Outcome::ALL.map(Outcome::name).into();
        assert_eq!(names.len(), Outcome::ALL.len());
        let right = Outcome::ALL.into_iter().filter(|outcome| outcome.is_right());
        assert_eq!(right.map(Outcome::name).collect::<Vec<_>>(), ["whole", "error"]);
    }
}
