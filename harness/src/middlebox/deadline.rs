//! A hop that ends every exchange after a total time, however alive it is.
//!
//! Modelled on the backend service time-out of Google Cloud's Application Load Balancers, 30 s by
//! default, which bounds the whole exchange and not its silences ("Backend services overview",
//! "Backend service timeout"), and on the 29 s of AWS API Gateway. The time runs from the first byte
//! of a request to the last of its answer; a connection without an exchange has none.
//!
//! By FIN the client sees its answer end without the final chunk, as behind nginx 1.22.1 when
//! `worker_shutdown_timeout` has passed (`ngx_cycle.c`, `ngx_shutdown_timer_handler`).

use tokio::time::{Instant, sleep_until};

use super::{
    pipe::{self, Forgotten, Pipe},
    watch::Watch,
};
use crate::{net::Host, scenario::Deadline, trace::Name};

pub(super) async fn serve(spec: Deadline, host: Host, next_hop: Name) {
    pipe::serve(host, next_hop, move |pipe| pass(spec.clone(), pipe)).await;
}

async fn pass(spec: Deadline, mut pipe: Pipe) -> Forgotten {
    let mut watch = Watch::default();
    let mut until = None;
    loop {
        let event = tokio::select! {
            biased;
            event = pipe.next() => event?,
            () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => break,
        };
        watch.see(&event);
        if watch.is_open() {
            until.get_or_insert_with(|| Instant::now() + spec.after.0);
        } else {
            until = None;
        }
        pipe.pass_on(event);
    }
    pipe.cut(spec.by, format!("the exchange has lasted {}", spec.after)).await
}
