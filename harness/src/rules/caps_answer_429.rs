//! Who is over a cap is told so at once, and when to come again; a place is given back.

use std::{ptr, time::Duration};

use mock_openai::quantity::Time;

use super::{Level, Rule, limits::Limit};
use crate::{
    exchange::{Exchange, Moment, Run, header},
    plan::Number,
    trace::Name,
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const REFUSED: Limit = Limit {
    name: "caps-answer-429.refusal",
    default: Number::Time(Time(Duration::from_secs(1))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how long a refusal may take",
    source: "ours",
};

pub(super) const GIVEN_BACK: Limit = Limit {
    name: "caps-answer-429.place",
    default: Number::Time(Time(Duration::from_secs(1))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how long after its end a stream may hold its place",
    source: "ours, as for `cancel-upstream`",
};

/// A refusal is the relay's own where the provider was not asked. The caps are those that the
/// scenario sets. RFC 6585 4 lets a 429 say when to come again; here it must, since clients that
/// are not told come back at once.
pub(super) const RULE: Rule = Rule {
    id: "caps-answer-429",
    level: Level::Profile,
    citation: "RFC 6585 4; RFC 9110 10.2.3",
    demand: "over a cap or a rate a client gets 429 with Retry-After within {caps-answer-429.refusal}, and every stream that ends gives its place back within {caps-answer-429.place}",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    let caps: Vec<Places> = CAPS.iter().filter_map(|cap| Places::of(run, cap)).collect();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let broke = if is_refused(run, index) {
            inquiry.applies();
            let kept = kept(run, index, &caps);
            [bare(run, index, exchange), late(run, index, exchange), kept]
        } else {
            let over = caps.iter().find_map(|cap| over(run, index, cap));
            if over.is_some() {
                inquiry.applies();
            }
            [over, None, None]
        };
        let broke = broke.into_iter().flatten();
        broke.for_each(|breach| inquiry.broke(breach.concerning(&exchange.client)));
    }
    inquiry.verdict("nobody was over a cap or a rate of the relay's own")
}

/// Whether the relay itself answered 429, or a box before it.
fn is_refused(run: &Run<'_>, index: usize) -> bool {
    run.exchanges[index].status() == Some(429) && run.answers_to(index).next().is_none()
}

/// The refusal does not say when to come again, in seconds or as a date (RFC 9110 10.2.3).
fn bare(run: &Run<'_>, index: usize, exchange: &Exchange) -> Option<Breach> {
    let head = exchange.head.as_ref()?;
    let said = exchange.header("retry-after");
    let is_date = |text: &str| text.ends_with(" GMT");
    if said.is_some_and(|text| text.trim().parse::<u64>().is_ok() || is_date(text.trim())) {
        return None;
    }
    let said = said.map_or_else(|| "without Retry-After".to_owned(), |s| format!("with `{s}`"));
    let wanted = "429 with Retry-After: a number of seconds or a date";
    let host = run.head_by(index, &["retry-after"]);
    Some(Breach::new(head.moment, &host, wanted, format!("429 {said}")))
}

/// The refusal came late.
fn late(run: &Run<'_>, index: usize, exchange: &Exchange) -> Option<Breach> {
    let at = run.at_relay(index)?;
    let asked = at.below.request.end.and_then(|end| at.below_tcp.up.read.when(end - 1))?;
    let left = at.below_tcp.down.wrote.marks.when(at.outgoing()?.start)?;
    let took = left.at.saturating_sub(asked.at);
    let within = REFUSED.time(run);
    let wanted = format!("the refusal within {} of the request", Time(within));
    let got = format!("{} waited {} for it", exchange.client, Time(took));
    (took > within).then(|| Breach::new(left, &run.relay, wanted, got))
}

/// A cap: the switch that sets it, and what those who share it have in common.
struct Cap {
    switch: &'static str,
    shared: fn(&Run<'_>, &Exchange) -> Option<String>,
}

const CAPS: [Cap; 3] = [
    Cap { switch: "max_streams_per_address", shared: address },
    Cap { switch: "max_streams_per_key", shared: key },
    Cap { switch: "max_streams", shared: |_, _| Some("all".to_owned()) },
];

fn address(run: &Run<'_>, exchange: &Exchange) -> Option<String> {
    let client = run.plan.clients.iter().find(|client| *client.name == *exchange.client)?;
    Some(client.from.clone())
}

fn key(_: &Run<'_>, exchange: &Exchange) -> Option<String> {
    header(&exchange.headers, "authorization").map(str::to_owned)
}

/// The places of a cap that the scenario sets, and who could hold one.
struct Places {
    switch: &'static str,
    most: usize,
    stays: Vec<Option<Stay>>,
}

/// An exchange at the relay that it came to.
struct Stay {
    relay: Name,
    /// What it shares with those that it shares its places with.
    group: Option<String>,
    /// When the first byte of the request was read there, and when the last one was.
    began: Moment,
    whole: Option<Moment>,
    /// When the provider was asked, which needs a place.
    asked: Option<Moment>,
    /// When the answer began to leave.
    answered: Option<Moment>,
    /// When the relay could know that it was over.
    gone: Option<Moment>,
    /// Whether it was let in: neither refused, nor a preflight.
    is_in: bool,
}

impl Stay {
    fn of(run: &Run<'_>, index: usize, cap: &Cap) -> Option<Self> {
        let (at, exchange) = (run.at_relay(index)?, &run.exchanges[index]);
        let (up, request) = (&at.below_tcp.up, &at.below.request);
        let wrote = |byte| at.below_tcp.down.wrote.marks.when(byte);
        let written = at.outgoing().and_then(|message| wrote(message.end?.checked_sub(1)?));
        // Without packets nobody sees how long the word that the client has gone is on its way; and who
        // only ends its sending side has not gone.
        let left = if run.shows_packets() && exchange.half_closed.is_none() {
            up.end.arrived
        } else {
            exchange.over()
        };
        Some(Self {
            relay: at.host.clone(),
            group: (cap.shared)(run, exchange),
            began: up.read.when(request.start)?,
            whole: request.end.and_then(|end| up.read.when(end.checked_sub(1)?)),
            asked: run.answers_to(index).next().map(|answer| answer.received),
            answered: at.outgoing().and_then(|message| wrote(message.start)),
            gone: [written, at.below_tcp.acceptor.finished, left].into_iter().flatten().min(),
            is_in: !exchange.is_preflight() && !is_refused(run, index),
        })
    }

    /// Whether it held a place from before another came until after.
    fn held_through(&self, other: &Self) -> bool {
        let came = other.whole.unwrap_or(other.began);
        self.asked.is_some_and(|asked| asked < other.began)
            && self.gone.is_none_or(|gone| gone > came)
    }

    /// Whether it can have held a place when another came, or was given `time` to give it back.
    fn may_have_held(&self, other: &Self, time: Duration) -> bool {
        other.answered.is_none_or(|answered| self.began < answered)
            && self.gone.is_none_or(|gone| gone.at + time >= other.began.at)
    }
}

impl Places {
    fn of(run: &Run<'_>, cap: &Cap) -> Option<Self> {
        let most = run.switch(cap.switch)?.parse().ok()?;
        let stays = (0..run.exchanges.len()).map(|index| Stay::of(run, index, cap)).collect();
        Some(Self { switch: cap.switch, most, stays })
    }

    /// How many others had a place of those that one asks for one of.
    fn taken(&self, index: usize, had: impl Fn(&Stay, &Stay) -> bool) -> Option<usize> {
        let this = self.stays[index].as_ref()?;
        let others = self.stays.iter().flatten().filter(|other| !ptr::eq(*other, this));
        let shares = |other: &&Stay| other.relay == this.relay && other.group == this.group;
        Some(others.filter(shares).filter(|other| other.is_in && had(other, this)).count())
    }
}

/// It was let in although every place was taken. What the provider is not asked for needs no place.
fn over(run: &Run<'_>, index: usize, places: &Places) -> Option<Breach> {
    run.answers_to(index).next()?;
    let exchange = &run.exchanges[index];
    let head = exchange.head.as_ref().filter(|_| !exchange.is_preflight())?;
    let Places { switch, most, .. } = *places;
    let taken = places.taken(index, Stay::held_through).filter(|taken| *taken >= most)?;
    let wanted = format!("429: {taken} of {most} places are taken ({switch})");
    let relay = run.relay_of(index);
    Some(Breach::new(head.moment, &relay, wanted, format!("status {}", head.status)))
}

/// It was refused although no place could still be taken. Not judged where streams go on without
/// their clients, where a rate may be what refused, and where the cap of an address is the relay's
/// own default.
fn kept(run: &Run<'_>, index: usize, caps: &[Places]) -> Option<Breach> {
    let is_set = |name: &str| run.switch(name).is_some_and(|value| value != "off");
    let others = ["resume", "read_on", "rate_per_address", "rate_per_key"];
    run.switch("max_streams_per_address")?;
    if others.into_iter().any(is_set) {
        return None;
    }
    let ago = GIVEN_BACK.time(run);
    let may = |other: &Stay, this: &Stay| other.may_have_held(this, ago);
    let full = caps.iter().map(|cap| Some((cap.most, cap.taken(index, may)?)));
    let places = full.collect::<Option<Vec<(usize, usize)>>>()?;
    if places.iter().any(|(most, taken)| taken >= most) {
        return None;
    }
    let exchange = &run.exchanges[index];
    let head = exchange.head.as_ref()?;
    let (most, taken) = places.first()?;
    let wanted = format!("an answer: {taken} of {most} places are taken");
    let client = &exchange.client;
    let got =
        format!("{client} got 429: the places of streams that have ended were not given back");
    Some(Breach::new(head.moment, &run.relay_of(index), wanted, got))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{JSON, Story},
        scenario::{Kind, Leave},
        trace::BodyEnd,
        verdict::Verdict,
    };

    const WAIT: &[(&str, &str)] = &[("content-type", "application/json"), ("retry-after", "1")];

    /// Two clients of one address, which may have one stream; the first has begun one.
    fn capped() -> Story {
        let mut story = Story::new();
        story.client("second", Kind::Raw);
        story.plan.clients[1].from = "reader".to_owned();
        story.plan.switches.insert("max_streams_per_address".to_owned(), "1".to_owned());
        story.begins(0, "reader");
        story
    }

    fn refused(mut story: Story, ms: u64, headers: &[(&str, &str)]) -> Story {
        story.asks(ms, "second");
        story.replies(ms, "second", 429, headers);
        story.closes(ms, "second", BodyEnd::Complete);
        story
    }

    #[test]
    fn it_holds_where_the_second_is_told_to_come_again() {
        assert_eq!(refused(capped(), 10, WAIT).verdict(&RULE), Verdict::Held);
        // RFC 9110 10.2.3: a date is as good.
        let date = [("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")];
        assert_eq!(refused(capped(), 10, &date).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_refusal_does_not_say_when() {
        let breach = refused(capped(), 10, JSON).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 10);
        assert_eq!(breach.wanted, ["429 with Retry-After: a number of seconds or a date"]);
        assert_eq!(breach.got, "429 without Retry-After");
        let soon = refused(capped(), 10, &[("retry-after", "soon")]).breach(&RULE);
        assert_eq!(soon.got, "429 with `soon`");
    }

    #[test]
    fn it_breaks_where_the_refusal_takes_its_time() {
        let mut story = capped();
        story.asks(10, "second");
        story.replies(1_011, "second", 429, WAIT);
        let breach = story.breach(&RULE);
        assert_eq!(breach.at.as_millis(), 1_011);
        assert_eq!(breach.got, "second waited 1001ms for it");
    }

    #[test]
    fn it_breaks_where_the_second_is_let_in() {
        let mut story = capped();
        story.begins(10, "second");
        let breach = story.breach(&RULE);
        assert_eq!(breach.wanted, ["429: 1 of 1 places are taken (max_streams_per_address)"]);
        assert_eq!(breach.got, "status 200");
    }

    #[test]
    fn what_the_provider_is_not_asked_for_needs_no_place() {
        for status in [200, 401, 404, 405] {
            let mut story = capped();
            story.asks(10, "second");
            story.replies(10, "second", status, JSON);
            let why = "nobody was over a cap or a rate of the relay's own";
            story.assert_not_applicable(&RULE, why);
        }
    }

    #[test]
    fn it_breaks_where_the_place_of_one_that_left_is_not_given_back() {
        let left = |ms| {
            let mut story = capped();
            story.leaves(1_000, "reader", Leave::Rst);
            story.fin(1_000, "reader", 0, Some(1_000));
            refused(story, ms, WAIT)
        };
        let breach = left(2_001).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 2_001);
        assert_eq!(breach.wanted, ["an answer: 0 of 1 places are taken"]);
        // The relay may take a second to notice.
        assert_eq!(left(2_000).verdict(&RULE), Verdict::Held);
        let mut resumes = left(60_000);
        resumes.plan.switches.insert("resume".to_owned(), "on".to_owned());
        assert_eq!(resumes.verdict(&RULE), Verdict::Held);
    }

    /// The clients' clocks say the one, and the relay's the other.
    #[test]
    fn what_counts_is_when_requests_and_ends_come_to_the_relay() {
        let late = |heard: u64, asks: u64| {
            let mut story = capped();
            story.leaves(1_000, "reader", Leave::Fin);
            story.fin(1_000, "reader", 0, Some(heard));
            refused(story, asks, WAIT)
        };
        assert_eq!(late(5_000, 5_500).verdict(&RULE), Verdict::Held);
        assert_eq!(late(5_000, 6_001).breach(&RULE).at.as_millis(), 6_001);

        // Who only ends its sending side keeps its place.
        let mut halved = capped();
        halved.leaves(1_000, "reader", Leave::HalfClose);
        halved.fin(1_000, "reader", 0, Some(1_000));
        halved.leaves(9_000, "reader", Leave::Fin);
        assert_eq!(refused(halved, 9_500, WAIT).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn caps_of_others_do_not_count() {
        let mut story = capped();
        story.plan.clients[1].from = "second".to_owned();
        story.begins(10, "second");
        let why = "nobody was over a cap or a rate of the relay's own";
        story.assert_not_applicable(&RULE, why);
        let mut providers = Story::new();
        providers.asks(0, "reader");
        providers.forwards(0, "reader");
        providers.answers(0, "reader", 429, JSON);
        providers.replies(0, "reader", 429, JSON);
        providers.assert_not_applicable(&RULE, why);
    }
}
