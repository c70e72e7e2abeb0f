//! What the crate cannot model, told before anything runs.

use std::time::Duration;

use mock_openai::script::{End, Step};

use crate::{
    plan::{Client, Hop, HopKind, Link, Plan},
    scenario::{
        CutterEnd, Deadline, Does, Expect, HostLimits, IdleCutter, Leave, Middlebox, NetFault,
        Reads,
    },
};

/// Why a plan cannot run on this engine: the first reason, or `None` where it can.
pub(in crate::net) fn cannot(plan: &Plan) -> Option<String> {
    let links = plan.links.iter().find_map(link);
    let hosts = || {
        plan.hosts
            .iter()
            .find_map(|(name, limits)| host(limits).map(|what| format!("host `{name}` has {what}")))
    };
    let events = || plan.events.iter().find_map(|event| fault(event.fault));
    let answers = || {
        let resets = plan.upstream.iter().any(|rule| any_resets(&rule.then));
        resets
            .then(|| "the provider ends an answer by RST, which the crate does not send".to_owned())
    };
    let clients = || plan.clients.iter().find_map(client);
    let hops = || plan.hops.iter().find_map(hop);
    let times = || plan.expect.iter().find_map(time);
    let accepts = || {
        let waits = plan.switches.contains_key("max_connections");
        waits.then(|| {
            "the relay leaves connections waiting, and in the crate those are not made".to_owned()
        })
    };
    links
        .or_else(hosts)
        .or_else(events)
        .or_else(hops)
        .or_else(answers)
        .or_else(clients)
        .or_else(times)
        .or_else(accepts)
}

/// What five hosts in a row can add to a time, each stepping through it by a millisecond (measured: 5 ms).
const GRAIN: Duration = Duration::from_millis(5);

fn time(expect: &Expect) -> Option<String> {
    let bound = expect.first_frame?;
    let width =
        bound.at_most?.0.saturating_sub(bound.at_least.map_or(Duration::ZERO, |least| least.0));
    let told =
        "a first frame is expected to the millisecond, in which the crate steps from host to host";
    (width < GRAIN).then(|| told.to_owned())
}

fn hop(hop: &Hop) -> Option<String> {
    let HopKind::Middlebox(middlebox) = &hop.what else { return None };
    let what = match middlebox {
        Middlebox::IdleCutter(IdleCutter { by, .. }) | Middlebox::Deadline(Deadline { by, .. }) => {
            match by {
                CutterEnd::Fin => return None,
                CutterEnd::Reset => "ends connections by RST, which the crate does not send",
                CutterEnd::Forget => "stops reading, and the crate counts segments, not bytes",
            }
        }
        Middlebox::BufferingProxy(_)
        | Middlebox::Haproxy(_)
        | Middlebox::Compressor(_)
        | Middlebox::ReChunker(_)
        | Middlebox::HeaderStripper(_)
        | Middlebox::Http10Downgrade(_)
        | Middlebox::ConnectionLimit(_)
        | Middlebox::LoadBalancer(_) => return None,
    };
    Some(format!("`{}` {what}", hop.name))
}

fn host(limits: &HostLimits) -> Option<&'static str> {
    if limits.recv_buffer.or(limits.send_buffer).is_some() {
        Some("buffers of its own, and the crate counts segments, not bytes")
    } else if limits.files.is_some() {
        Some("so many files, and the crate's sockets take none up")
    } else if limits.keepalive.is_some() {
        Some("keep-alive, and the crate sends no probes")
    } else if limits.slow_cpu.is_some() {
        Some("a slow CPU, and the crate runs every host in each tick")
    } else {
        None
    }
}

fn link(link: &Link) -> Option<String> {
    let either = [link.down, link.up];
    let what = if either
        .iter()
        .any(|way| way.jitter.is_some_and(|jitter| jitter.most() != Some(Duration::ZERO)))
    {
        "jitter, which the crate draws from a shared stream"
    } else if either.iter().any(|way| way.bandwidth.is_some()) {
        "a bandwidth, and the crate's links have none"
    } else if either.iter().any(|way| way.loss.is_some_and(|share| share.0 > 0)) {
        "loss, and the crate never sends again"
    } else if link.mtu.is_some() {
        "a largest packet, and the crate sends each write as one segment"
    } else if link.down.latency.unwrap_or_default() != link.up.latency.unwrap_or_default() {
        "two latencies, and the crate's links have one for both ways"
    } else {
        return None;
    };
    Some(format!("link `{}` has {what}", link.name))
}

fn fault(fault: NetFault) -> Option<String> {
    let what = match fault {
        NetFault::Reset => "resets a link, and the crate sends no RST",
        NetFault::Drop => "drops what is sent, and the crate never sends again",
        NetFault::Blackhole => "leaves connects unanswered, and the crate sends no SYN again",
        NetFault::Terminate => {
            "tells a host to stop, and the crate closes a socket only for who holds it, not for a \
             process that exits"
        }
        NetFault::Hold | NetFault::Refuse | NetFault::Crash | NetFault::Restart => return None,
    };
    Some(format!("an event {what}"))
}

fn client(client: &Client) -> Option<String> {
    let leaves = client.does.iter().find_map(|does| match does {
        Does::Leave(Leave::Rst) => Some("leaves by RST, which the crate does not send"),
        Does::Leave(Leave::Vanish) => Some("vanishes, and the crate never sends again"),
        Does::Leave(Leave::Fin | Leave::HalfClose | Leave::StreamReset)
        | Does::Read(_)
        | Does::Wait(_)
        | Does::Reconnect(_) => None,
    });
    let reads = match client.reads {
        // A pause changes when frames are read, not which: only the provider feels less of it here,
        // since a writer is never blocked.
        Reads::Eagerly | Reads::Pause(_) => None,
        Reads::Rate(_) | Reads::None => {
            Some("does not read at once, and the crate counts segments, not bytes")
        }
    };
    leaves.or(reads).map(|what| format!("client `{}` {what}", client.name))
}

fn any_resets(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::End(end) => *end == End::Reset,
        Step::Trip(trip) => trip.end == End::Reset,
        Step::Stream(stream) => stream.stop.is_some_and(|stop| stop.end == End::Reset),
        Step::Cut(cut) => any_resets(&cut.steps),
        Step::Repeat(repeat) => any_resets(&repeat.steps),
        Step::Head(_)
        | Step::Send(_)
        | Step::Json(_)
        | Step::Error(_)
        | Step::Wait(_)
        | Step::Mark(_) => false,
    })
}
