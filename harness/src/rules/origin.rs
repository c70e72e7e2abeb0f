//! Which page asks, and whether the relay was told to allow it.

use crate::{
    exchange::{Exchange, Run, header},
    plan::Client,
    scenario::Kind,
};

/// A page's origin, as the relay's configuration sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin<'a> {
    /// The relay was told to allow it.
    Allowed(&'a str),
    /// The relay was told which origins to allow, and this is none of them.
    Foreign(&'a str),
    /// The plan does not say.
    Unknown,
}

/// The exchanges that a browser asked.
pub(super) fn of_browsers<'a>(run: &'a Run<'_>) -> impl Iterator<Item = (usize, &'a Exchange)> {
    let by_browser = |exchange: &Exchange| {
        let is = |client: &Client| client.kind == Kind::Browser && *client.name == *exchange.client;
        run.plan.clients.iter().any(is)
    };
    run.exchanges.iter().enumerate().filter(move |(_, exchange)| by_browser(exchange))
}

/// The origin of the page that asks; by the relay's switch `origins`, a list of origins
/// separated by commas or blanks, or `*`.
pub(super) fn of<'a>(run: &Run<'_>, exchange: &'a Exchange) -> Origin<'a> {
    let (Some(allowed), Some(origin)) =
        (run.switch("origins"), header(&exchange.headers, "origin"))
    else {
        return Origin::Unknown;
    };
    let mut allowed = allowed.split([',', ' ']).map(str::trim).filter(|one| !one.is_empty());
    if allowed.any(|one| one == "*" || one == origin) {
        Origin::Allowed(origin)
    } else {
        Origin::Foreign(origin)
    }
}

/// Whether the page that asks sends its requests with credentials.
pub(super) fn sends_credentials(run: &Run<'_>, exchange: &Exchange) -> bool {
    let mut clients = run.plan.clients.iter();
    clients.any(|client| *client.name == *exchange.client && client.credentials)
}

/// What a response says of who may read it, where that covers an origin.
pub(super) fn is_granted(exchange: &Exchange, origin: &str) -> bool {
    let granted = exchange.header("access-control-allow-origin");
    granted.is_some_and(|granted| granted == "*" || granted == origin)
}
