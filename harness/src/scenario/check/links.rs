//! What of one link contradicts itself.

use mock_openai::{
    quantity::Size,
    script::check_distribution,
    yaml::{Diagnostic, Place},
};

use crate::scenario::{Jitter, LinkSpec, Links};

/// The least that every host on the Internet takes in one piece (RFC 791 3.2).
const MTU_MIN: u64 = 68;

/// That of Ethernet: what the socket layer cuts at by itself.
const MTU_MAX: u64 = 1_500;

pub(super) fn check(link: &Links, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if let Some(Size(mtu)) = link.mtu
        && !(MTU_MIN..=MTU_MAX).contains(&mtu)
    {
        let message = format!("no link takes packets of {} at most", Size(mtu));
        wrong.push(place.key("mtu").wrong(message).wanted("wanted: 68B to 1500B"));
    }
    let packet = link.mtu.map_or(MTU_MAX, |mtu| mtu.0);
    let both = LinkSpec {
        latency: link.latency,
        jitter: link.jitter,
        bandwidth: link.bandwidth,
        loss: link.loss,
        queue: link.queue,
    };
    let ways = [("down", link.down), ("up", link.up)];
    let narrow = ways.iter().any(|(_, way)| way.is_some_and(|way| way.bandwidth.is_some()));
    check_way(&both, both.bandwidth.is_some() || narrow, packet, place, wrong);
    for (key, way) in ways {
        if let Some(way) = way {
            let narrow = way.bandwidth.or(both.bandwidth).is_some();
            check_way(&way, narrow, packet, place.key(key), wrong);
        }
    }
}

fn check_way(
    way: &LinkSpec,
    is_narrow: bool,
    packet: u64,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    if let Some(Jitter::Drawn(distribution)) = &way.jitter {
        check_distribution(distribution, place.key("jitter"), wrong);
    }
    let Some(queue) = way.queue else { return };
    if !is_narrow {
        let message = "nothing waits where the bandwidth has no bound";
        let help = "name one, such as `bandwidth: 256KiB/s`";
        wrong.push(place.key("queue").at_key().wrong(message).help(help));
    } else if queue.0 < packet {
        let message = format!("a queue of {queue} has no room for a packet of {}", Size(packet));
        wrong.push(place.key("queue").wrong(message));
    }
}
