//! What a stream cost is told to those who asked, and to nobody else.

use std::borrow::Cow;

use serde_json::Value;

use super::{Level, Rule, payload, quote::quote};
use crate::{
    exchange::{Answer, Exchange, Fate, Frame, Frames, Run},
    verdict::{Breach, Inquiry, Verdict},
};

/// The last chunk before `[DONE]` holds `usage` and no choices where the client asked by
/// `stream_options: { include_usage: true }`. A relay that wants to know for itself asks for it too,
/// and then has to keep it: strict parsers read `choices[0]`.
pub(super) const RULE: Rule = Rule {
    id: "usage-honest",
    level: Level::Profile,
    citation: "OpenAI API reference, stream_options.include_usage",
    demand: "the usage chunk passes where the client asked for it, is not invented, and does not reach a client that did not ask",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer) in payload::streams(run) {
        let told = [&answer.body.bytes, &exchange.body.bytes].map(|body| usage_frames(body));
        if told.iter().all(Vec::is_empty) && !asks_for_usage(&exchange.asks) {
            continue;
        }
        inquiry.applies();
        if let Some(breach) = breach(run, index, exchange, answer) {
            inquiry.broke(breach);
        }
    }
    inquiry.verdict("nobody asked what a stream cost, and nobody was told")
}

/// Whether this rule judges usage that is missing or is there, so that others need not: it breaks, or
/// the relay has asked for itself and keeps what it heard.
pub(super) fn tells_of(run: &Run<'_>, index: usize, exchange: &Exchange, answer: &Answer) -> bool {
    let for_itself = asks_for_usage(&answer.asks) && !asks_for_usage(&exchange.asks);
    let keeps_it = for_itself && usage_frames(&exchange.body.bytes).is_empty();
    keeps_it || breach(run, index, exchange, answer).is_some()
}

fn breach(run: &Run<'_>, index: usize, exchange: &Exchange, answer: &Answer) -> Option<Breach> {
    let (wants, asked) = (asks_for_usage(&exchange.asks), asks_for_usage(&answer.asks));
    let [sent, got] = [&answer.body.bytes, &exchange.body.bytes].map(|body| usage_frames(body));
    let client = &exchange.client;
    let whole =
        || run.fate(index, answer) == Fate::Whole && !run.ended_from_outside(index, exchange);
    let (wanted, got) = if let Some((_, frame)) = got.iter().find(|one| !tells(&sent, one)) {
        let got = format!("{client} got {}, which the provider never sent", quote(frame));
        ("no usage but the provider's".to_owned(), got)
    } else if let Some((_, frame)) = got.first().filter(|_| asked && !wants) {
        let got = format!("{}, which the relay had asked for", quote(frame));
        (format!("no usage for {client}, which did not ask"), got)
    } else {
        let missing = sent.iter().find(|one| wants && !tells(&got, one));
        let (_, frame) = missing.filter(|_| whole())?;
        let ending = exchange.ending();
        let got = format!("{client} asked for the usage and never got it: {ending}");
        (format!("the usage {}", quote(frame)), got)
    };
    let breach = Breach::new(exchange.last_seen(), &run.relay, wanted, got);
    Some(breach.concerning(client))
}

/// Whether a request asks for what it costs.
fn asks_for_usage(body: &[u8]) -> bool {
    // Few requests do, and some are long.
    if memchr::memmem::find(body, b"include_usage").is_none() {
        return false;
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body.pointer("/stream_options/include_usage") == Some(&true.into())
}

const USAGE_KEY: &[u8] = b"\"usage\"";

/// The data of a frame that tells usage, and the frame as it stands there.
type Told<'a> = (Cow<'a, [u8]>, &'a [u8]);

/// Whether one of these says the same, in whatever bytes: an id may have come to it.
fn tells(frames: &[Told<'_>], one: &Told<'_>) -> bool {
    frames.iter().any(|(data, _)| *data == one.0)
}

/// The frames that tell usage and nothing else.
fn usage_frames(body: &[u8]) -> Vec<Told<'_>> {
    // Few bodies do: the others are not worth taking apart.
    if memchr::memmem::find(body, USAGE_KEY).is_none() {
        return Vec::new();
    }
    let frames = Frames::of(body);
    let told = frames.iter().filter(|(_, frame)| tells_usage(*frame));
    told.filter_map(|(_, frame)| Some((frame.data()?, frame.0))).collect()
}

/// Whether a frame tells usage and nothing else.
pub(super) fn tells_usage(frame: Frame<'_>) -> bool {
    // Nor are the other frames worth parsing.
    if memchr::memmem::find(frame.0, USAGE_KEY).is_none() {
        return false;
    }
    let data: Value =
        frame.data().and_then(|d| serde_json::from_slice(&d).ok()).unwrap_or_default();
    let no_choices = data.get("choices").and_then(Value::as_array).is_some_and(Vec::is_empty);
    no_choices && data.get("usage").is_some_and(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, verdict::Verdict};

    const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";
    const ASKS: &str = "{\"user\":\"reader\",\"stream_options\":{\"include_usage\":true}}";

    /// A client asks so; the provider sends this and the relay passes that.
    fn told(asks: &str, provider: &str, client: &str) -> Story {
        let mut story = Story::new();
        story.asks_with(0, "reader", "POST", &[], asks);
        story.forwards(0, "reader");
        let stream = crate::exchange::testing::STREAM;
        story.answers(0, "reader", 200, stream);
        story.replies(0, "reader", 200, stream);
        story.provides(1, "reader", &format!("data: 1\n\n{provider}"));
        story.passes(1, "reader", &format!("data: 1\n\n{client}"));
        story.finishes(2, "reader");
        story
    }

    #[test]
    fn it_holds_where_usage_passes_and_where_the_provider_has_none() {
        assert_eq!(told(ASKS, USAGE, USAGE).verdict(&RULE), Verdict::Held);
        assert_eq!(told(ASKS, "", "").verdict(&RULE), Verdict::Held);
        // Nobody asked, and the provider tells it all the same: its own doing.
        assert_eq!(told("{\"user\":\"reader\"}", USAGE, USAGE).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_usage_is_lost_or_invented() {
        let lost = told(ASKS, USAGE, "").breach(&RULE);
        assert_eq!(lost.at.as_millis(), 2);
        assert!(lost.wanted[0].starts_with("the usage `data: {\"choices\":[]"), "{lost:?}");
        let invented = told(ASKS, "", USAGE).breach(&RULE);
        assert_eq!(invented.wanted, ["no usage but the provider's"]);
    }

    #[test]
    fn it_breaks_where_what_the_relay_asked_for_reaches_the_client() {
        let mut story = told("{\"user\":\"reader\"}", USAGE, USAGE);
        story.was_asked_instead(ASKS);
        assert_eq!(story.breach(&RULE).wanted, ["no usage for reader, which did not ask"]);
    }

    #[test]
    fn it_does_not_apply_where_usage_is_no_matter() {
        let why = "nobody asked what a stream cost, and nobody was told";
        told("{\"user\":\"reader\"}", "", "").assert_not_applicable(&RULE, why);
    }

    #[test]
    fn it_holds_where_usage_has_an_id_that_a_relay_gave_it_or_stands_in_other_bytes() {
        let named = USAGE.replace("\n\n", "\nid: 7\n\n");
        let tight = USAGE.replace("data: ", "data:");
        for passed in [named, tight] {
            assert_eq!(told(ASKS, USAGE, &passed).verdict(&RULE), Verdict::Held, "{passed}");
        }
        let other = USAGE.replace('3', "4");
        assert_eq!(told(ASKS, USAGE, &other).breach(&RULE).wanted, ["no usage but the provider's"]);
    }
}
