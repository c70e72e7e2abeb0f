//! What is expected of the provider's side.

use mock_openai::yaml::{Diagnostic, Place};

use super::bound;
use crate::scenario::Upstream;

pub(super) fn check(upstream: &Upstream, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if *upstream == Upstream::default() {
        let help = "say what, such as `requests: 1`";
        wrong.push(place.at_key().wrong("nothing is expected of the provider").help(help));
    }
    bound::check(upstream.requests, place.key("requests"), wrong);
    bound::check(upstream.waits, place.key("waits"), wrong);
    bound::check(upstream.concurrent, place.key("concurrent"), wrong);
    bound::check(upstream.gaps, place.key("gaps"), wrong);
    let requests_max = upstream.requests.and_then(|bound| bound.at_most);
    if upstream.gaps.is_some() && requests_max.is_some_and(|most| most < 2) {
        let message = "a gap lies between two requests, and fewer are expected";
        wrong.push(place.key("gaps").at_key().wrong(message).help("leave one of them out"));
    }
}
