//! What applications make of the bytes that a client received, through the SDK that they use.
//!
//! A profile is a pure function: one file an SDK. Each is written from that SDK's source, and those of
//! Python and Node are compared with the SDK itself on real sockets (`harness/tests/real`). What an
//! application does with the chunks is the usual loop: it joins the text of the first choice and
//! keeps the finish reason.

mod ai_sdk;
mod async_openai;
mod chunks;
mod go_openai;
mod lines;
mod meant;
mod openai_node;
mod openai_python;
mod outcome;
mod reading;
mod retrying;

pub use crate::scenario::Outcome;
pub use chunks::{End, Problem, Seen};
pub use meant::Meant;
pub use reading::{Reading, readings, seen_by};
pub use retrying::{Hears, Lost, Patience, Retrying};

use retrying::{AI_SDK, ASYNC_OPENAI, FOR_EVER, HTTPX, NEVER, OFFICIAL, UNDICI};

/// What of an answer reached a client.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Status code.
    pub status: u16,
    /// In order, names as received.
    pub headers: &'a [(String, String)],
    /// The body, after transfer decoding.
    pub body: &'a [u8],
    /// How it ended.
    pub end: Ending,
}

/// How an answer ended at the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By its framing.
    Complete,
    /// By FIN before its framing's end.
    Truncated,
    /// By RST.
    Reset,
    /// Not at all: the connection fell silent.
    Silent,
}

/// An SDK.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Its word in the language: `openai-python-3`.
    pub name: &'static str,
    /// The version that it was written from.
    pub library: &'static str,
    /// What its application sees.
    pub sees: fn(&Received<'_>) -> Seen,
    /// When it asks again, before it shows anything; after the head has come none of them does.
    pub retries: Retrying,
    /// How long it waits where its application does not say otherwise.
    pub patience: Patience,
}

/// The profile of that name.
pub fn find(name: &str) -> Option<&'static Profile> {
    ALL.iter().find(|profile| profile.name == name)
}

/// Every profile.
pub const ALL: &[Profile] = &[
    Profile {
        name: "openai-python-3",
        library: "openai 3.54.0 (PyPI)",
        sees: openai_python::version_3,
        retries: OFFICIAL,
        patience: HTTPX,
    },
    Profile {
        name: "openai-python-1",
        library: "openai 1.109.1 (PyPI)",
        sees: openai_python::version_1,
        retries: Retrying { hears: Hears::UpToAMinute, ..OFFICIAL },
        patience: HTTPX,
    },
    Profile {
        name: "openai-node-6",
        library: "openai 6.49.0 (npm), Node 20.20.2",
        sees: openai_node::sees,
        retries: Retrying { hears: Hears::Everything, ..OFFICIAL },
        patience: UNDICI,
    },
    Profile {
        name: "ai-sdk-6",
        library: "ai 6.0.326 with @ai-sdk/openai 3.0.141 (npm), Node 20.20.2",
        sees: ai_sdk::sees,
        retries: AI_SDK,
        patience: UNDICI,
    },
    Profile {
        name: "go-openai",
        library: "sashabaranov/go-openai",
        sees: go_openai::sees,
        retries: NEVER,
        patience: FOR_EVER,
    },
    Profile {
        name: "async-openai",
        library: "async-openai 0.43 (crates.io)",
        sees: async_openai::sees,
        retries: ASYNC_OPENAI,
        patience: FOR_EVER,
    },
];

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const FIRST: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"},\"finish_reason\":null}]}\n\n";
    const LAST: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    const ERROR: &str = "data: {\"error\":{\"message\":\"too much\"}}\n\n";

    fn seen(name: &str, body: &str, end: Ending) -> Seen {
        let profile = ALL.iter().find(|profile| profile.name == name).unwrap();
        (profile.sees)(&Received { status: 200, headers: &[], body: body.as_bytes(), end })
    }

    /// Held against what the same bytes mean by the standard.
    fn outcome(name: &str, body: &str, end: Ending) -> &'static str {
        let meant = Meant::of(200, body.as_bytes()).unwrap_or_else(Meant::failure);
        Outcome::of(&seen(name, body, end), &meant).name()
    }

    /// What go-openai and async-openai 0.43 were measured to make of such streams on raw sockets.
    #[rstest]
    #[case::whole(&format!("{FIRST}{LAST}"), Ending::Complete, "whole", "whole")]
    #[case::crlf(&format!("{FIRST}{LAST}").replace('\n', "\r\n"), Ending::Complete, "whole", "whole")]
    #[case::no_space(&format!("{FIRST}{LAST}").replace("data: ", "data:"), Ending::Complete, "whole", "whole")]
    #[case::cr(&format!("{FIRST}{LAST}").replace('\n', "\r"), Ending::Complete, "empty", "whole")]
    #[case::multi_line(&format!("{FIRST}{LAST}").replace(",\"choices\"", ",\ndata: \"choices\""), Ending::Complete, "false alarm", "whole")]
    #[case::comments(&format!("{FIRST}: beat\n\n{LAST}"), Ending::Complete, "whole", "whole")]
    #[case::comments_of_hours(&format!("{FIRST}{}{LAST}", ": beat\n\n".repeat(151)), Ending::Complete, "false alarm", "whole")]
    #[case::retry(&format!("retry: 3000\n\n{FIRST}{LAST}"), Ending::Complete, "whole", "whole")]
    #[case::event_without_data(&format!("{FIRST}event: x\n\n{LAST}"), Ending::Complete, "whole", "whole")]
    #[case::empty_data(&format!("{FIRST}data:\n\n{LAST}"), Ending::Complete, "error", "error")]
    #[case::keepalive(&format!("{FIRST}event: keepalive\ndata: {{}}\n\n{LAST}"), Ending::Complete, "whole", "whole")]
    #[case::byte_order_mark(&format!("\u{feff}{FIRST}"), Ending::Complete, "empty", "empty")]
    #[case::no_done(FIRST, Ending::Complete, "silent truncation", "silent truncation")]
    #[case::cut(FIRST, Ending::Truncated, "error", "error")]
    #[case::reset(FIRST, Ending::Reset, "error", "error")]
    #[case::cut_after_done(&format!("{FIRST}{LAST}"), Ending::Truncated, "whole", "whole")]
    #[case::error(&format!("{FIRST}{ERROR}"), Ending::Complete, "error", "error")]
    #[case::error_event(&format!("{FIRST}event: error\n{ERROR}"), Ending::Complete, "error", "error")]
    #[case::json_with_200("{\"error\":{}}", Ending::Complete, "empty", "empty")]
    fn what_was_measured_of_go_and_rust(
        #[case] body: &str,
        #[case] end: Ending,
        #[case] go: &str,
        #[case] rust: &str,
    ) {
        assert_eq!(outcome("go-openai", body, end), go);
        assert_eq!(outcome("async-openai", body, end), rust);
    }

    #[test]
    fn go_loses_the_words_of_an_error_that_has_an_events_name() {
        let said = |body: &str| match seen("go-openai", body, Ending::Complete).end {
            End::Failed(problem) => problem.message,
            End::Over | End::Waits => None,
        };
        assert_eq!(said(&format!("{FIRST}{ERROR}")).as_deref(), Some("too much"));
        assert_eq!(said(&format!("{FIRST}event: error\n{ERROR}")), None);
    }

    #[test]
    fn every_sdk_of_the_language_has_its_profile() {
        use crate::scenario::schema;
        let words = schema::words().iter();
        let sdks: Vec<&str> = words
            .filter(|word| word.is_value && word.places.iter().any(|place| place.contains(".sdk")))
            .map(|word| word.name.as_str())
            .collect();
        assert_eq!(sdks, ALL.iter().map(|profile| profile.name).collect::<Vec<_>>());
        for name in sdks {
            let sdk: crate::scenario::Sdk = serde_json::from_value(name.into()).unwrap();
            assert_eq!((sdk.name(), find(name).map(|profile| profile.name)), (name, Some(name)));
        }
    }

    #[test]
    fn nothing_makes_a_profile_panic_and_silence_is_a_stall() {
        let odd: [&[u8]; 6] =
            [b"", b"\r", b"data", b"data: 5\n\n", b"data: [[]]\n\n", b"\xEF\xBB\xBF\xFF\n\r\n"];
        for profile in ALL {
            for body in odd {
                for end in [Ending::Complete, Ending::Truncated, Ending::Reset, Ending::Silent] {
                    (profile.sees)(&Received { status: 200, headers: &[], body, end });
                }
            }
            assert_eq!(outcome(profile.name, FIRST, Ending::Silent), "stall", "{}", profile.name);
        }
    }
}
