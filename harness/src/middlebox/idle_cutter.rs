//! A hop that ends connections on which nothing moved for too long.
//!
//! Modelled on AWS's Application Load Balancer, which ends a connection on which no byte was sent
//! or received, either way, for its idle time-out (60 s by default; Elastic Load Balancing,
//! "Edit attributes for your Application Load Balancer"). How other hops end theirs is `by`:
//!
//! - `fin`: nginx 1.22.1 closes both its connections when `proxy_read_timeout` (60 s) has passed
//!   without a byte of the answer (`ngx_event_pipe.c`, `ngx_http_upstream.c`); haproxy 2.6 in TCP
//!   mode when `timeout client` or `timeout server` has. Both end without the final chunk.
//! - `reset`: AWS's Network Load Balancer answers what comes after 350 s of silence with RST. Here
//!   RST goes out at once.
//! - `forget`: Azure's Load Balancer drops its entry after 4 minutes and tells nobody, unless TCP
//!   reset is switched on for the rule. Here both connections stay open and are never read again:
//!   what comes is acknowledged until the receive buffer is full, and then no more.
//!
//! With `only_data_counts` comments and blank lines of an event stream are silence: no real hop is
//! known to read streams so, applications are.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{
    pipe::{self, Event, Forgotten, Pipe},
    watch::{Lines, Watch},
};
use crate::{net::Host, scenario::IdleCutter, trace::Name};
use mock_openai::quantity::Time;

/// AWS's Application Load Balancer `idle_timeout.timeout_seconds`, nginx's `proxy_read_timeout`.
const AFTER: Duration = Duration::from_mins(1);

pub(super) async fn serve(spec: IdleCutter, host: Host, next_hop: Name) {
    pipe::serve(host, next_hop, move |pipe| pass(spec.clone(), pipe)).await;
}

async fn pass(spec: IdleCutter, mut pipe: Pipe) -> Forgotten {
    let after = spec.after.map_or(AFTER, |time| time.0);
    let mut counts = Counting::new(spec.only_data_counts);
    let mut until = Instant::now() + after;
    loop {
        let event = tokio::select! {
            biased;
            event = pipe.next() => event?,
            () = sleep_until(until) => break,
        };
        if counts.count(&event) {
            until = Instant::now() + after;
        }
        pipe.pass_on(event);
    }
    let what = if spec.only_data_counts { "data" } else { "bytes" };
    pipe.cut(spec.by, format!("no {what} for {}", Time(after))).await
}

/// What keeps a connection.
enum Counting {
    AnyByte,
    Data(Box<Watch>, Lines),
}

impl Counting {
    fn new(only_data: bool) -> Self {
        if only_data { Self::Data(Box::default(), Lines::default()) } else { Self::AnyByte }
    }

    fn count(&mut self, event: &Event) -> bool {
        match self {
            Self::AnyByte => matches!(event, Event::Came(..)),
            Self::Data(watch, lines) => {
                let seen = watch.see(event);
                lines.carry_data(&seen.stream) || seen.other
            }
        }
    }
}
