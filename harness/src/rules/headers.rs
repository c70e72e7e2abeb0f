//! Headers of the provider's answer beside those that the client got.

use crate::{
    exchange::{Answer, Exchange, Head, Run},
    verdict::Breach,
};

/// Answers whose head came from the provider to a client: of the answers that were asked for when the
/// client's head came, the last, with its headers known; and the head that the client got. Where that
/// one had no head, the client's is the relay's own, whatever an attempt before was answered.
pub(super) fn forwarded<'a>(
    run: &'a Run<'_>,
) -> impl Iterator<Item = (usize, &'a Exchange, &'a Answer, &'a Head)> {
    run.exchanges.iter().enumerate().filter_map(|(index, exchange)| {
        let head = exchange.head.as_ref()?;
        let answer = run.answers_to(index).rfind(|answer| answer.received < head.moment)?;
        let was_there = answer.head.is_some_and(|(at, _)| at < head.moment);
        (was_there && !answer.answer_headers.is_empty()).then_some((index, exchange, answer, head))
    })
}

/// A breach that shows in the head that a client got. The host is the one nearest the provider
/// whose own head shows it too.
pub(super) fn breach(
    run: &Run<'_>,
    (index, exchange, head): (usize, &Exchange, &Head),
    wanted: String,
    got: String,
    shows: impl Fn(u16, &[(String, String)]) -> bool,
) -> Breach {
    let host = run.blame(index, |passage| {
        passage.outgoing().is_some_and(|message| shows(message.status, &message.headers))
    });
    Breach::new(head.moment, &host, wanted, got).concerning(&exchange.client)
}

/// All values of a header, in order.
pub(super) fn values<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    let same = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
    headers.iter().filter(same).map(|(_, value)| value.as_str()).collect()
}

/// Values of a header in words: `absent`, or the values.
pub(super) fn shown(values: &[&str]) -> String {
    if values.is_empty() { "absent".to_owned() } else { values.join(", ") }
}
