//! What is expected of the relay itself: how much it holds, what its metrics say, what it logs.

use mock_openai::quantity::Size;

use super::{
    Labelled,
    bound::{holds, words},
    metrics,
};
use crate::{
    exchange::{Moment, Run},
    scenario::{Bound, Relay, is_of_a_word},
    trace::Fact,
    verdict::{Breach, Verdict},
};

/// Judges every key that speaks of the relay.
pub(super) fn judge(run: &Run<'_>, expect: &Relay) -> Vec<Labelled> {
    let held = expect.held_bytes.as_ref().map(|bound| held_bytes(run, bound));
    let held = held.map(|verdict| ("relay: held_bytes".to_owned(), verdict));
    let open = expect.open_streams.as_ref().map(|bound| metrics::open_streams(run, bound));
    let metrics = expect.metric.iter().map(|(name, bound)| metrics::metric(run, name, bound));
    let logged = expect.logged.as_ref().map(|word| logged(run, word));
    held.into_iter().chain(open).chain(metrics).chain(logged).collect()
}

/// Whether any line of the relay's log holds the word.
fn logged(run: &Run<'_>, word: &str) -> Labelled {
    let lines = run.trace.events.iter().filter_map(|event| {
        let Fact::Logged { text } = &event.fact else { return None };
        Some(text)
    });
    let is_whole = |text: &String| text.split(|c| !is_of_a_word(c)).any(|other| other == word);
    let verdict = if lines.clone().any(is_whole) {
        Verdict::Held
    } else {
        let wanted = format!("`{word}` in its log");
        let got = match lines.count() {
            0 => "it logged nothing".to_owned(),
            1 => "1 line without it".to_owned(),
            count => format!("{count} lines without it"),
        };
        Verdict::Broke(Breach::new(Moment::last(run.trace), &run.relay, wanted, got))
    };
    (format!("relay: logged {word}"), verdict)
}

/// The most that the relay held of any one answer.
fn held_bytes(run: &Run<'_>, bound: &Bound<Size>) -> Verdict {
    let held = (0..run.exchanges.len()).filter_map(|index| {
        let steps = run.at_relay(index)?.held();
        let client = &run.exchanges[index].client;
        steps.into_iter().map(|(at, bytes)| (bytes as u64, at, client)).reduce(most)
    });
    let Some((bytes, at, client)) = held.reduce(most) else {
        let got = "no answer passed the relay".to_owned();
        let breach = Breach::new(Moment::last(run.trace), &run.relay, words(bound), got);
        return Verdict::Broke(breach);
    };
    if holds(bound, &Size(bytes)) {
        return Verdict::Held;
    }
    let got = format!("{} of one answer", Size(bytes));
    Verdict::Broke(Breach::new(at, &run.relay, words(bound), got).concerning(client))
}

/// The greater; of equals the first.
fn most<'a, T>(one: (u64, Moment, &'a T), other: (u64, Moment, &'a T)) -> (u64, Moment, &'a T) {
    if other.0 > one.0 { other } else { one }
}
