//! What a client does on one connection or on several, and how far it has come.

use crate::scenario::{ClientWait, Does, LastEventId, Leave, ReadPoint};

/// What has been received of the bodies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Received {
    pub(super) frames: u64,
    pub(super) bytes: u64,
}

impl Received {
    /// How many bytes may be read at most so as not to pass the point; 0 where it is reached. The
    /// end of a frame is not known before it comes.
    pub(super) fn missing(self, point: ReadPoint) -> u64 {
        match point {
            ReadPoint::Bytes(bytes) => bytes.0.saturating_sub(self.bytes),
            ReadPoint::Frames(frames) if self.frames < frames => u64::MAX,
            ReadPoint::Frames(_) => 0,
        }
    }
}

/// The moves that are left, and what they are counted by. A client that comes back by itself goes on
/// with the same course.
#[derive(Debug, Default)]
pub(super) struct Course {
    does: Vec<Does>,
    done: usize,
    pub(super) received: Received,
}

impl Course {
    pub(super) fn of(does: &[Does]) -> Self {
        Self { does: does.to_vec(), ..Self::default() }
    }

    /// The move that is to be done.
    pub(super) fn next(&self) -> Option<Does> {
        self.does.get(self.done).cloned()
    }

    /// It is done.
    pub(super) fn did_one(&mut self) {
        self.done += 1;
    }

    /// Whether what was received lets the client leave now.
    pub(super) fn leaves(&mut self) -> bool {
        while let Some(Does::Read(point)) = self.next()
            && self.received.missing(point) == 0
        {
            self.did_one();
        }
        matches!(self.next(), Some(Does::Leave(_)))
    }
}

/// What a client does on one connection, and before the next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Visit<'a> {
    /// What it does while it is connected, with its leaving.
    pub(super) does: &'a [Does],
    /// What it waits for after that.
    pub(super) waits: Vec<&'a ClientWait>,
    /// What it says when it comes back, where it does.
    pub(super) comes_back: Option<&'a LastEventId>,
}

/// The moves of a client, cut where it comes back.
pub(super) fn visits(does: &[Does]) -> impl Iterator<Item = Visit<'_>> {
    does.split_inclusive(|step| matches!(step, Does::Reconnect(_)))
        .chain(ends_connected(does).then_some(&[] as &[Does]))
        .map(visit)
}

/// Whether the last connection has no moves of its own.
fn ends_connected(does: &[Does]) -> bool {
    does.last().is_none_or(|last| matches!(last, Does::Reconnect(_)))
}

fn visit(moves: &[Does]) -> Visit<'_> {
    let goes = |step: &Does| matches!(step, Does::Leave(how) if !matches!(how, Leave::HalfClose | Leave::StreamReset));
    let (moves, comes_back) = match moves {
        [moves @ .., Does::Reconnect(how)] => (moves, Some(&how.last_event_id)),
        moves => (moves, None),
    };
    let connected = moves.iter().position(goes).map_or(moves.len(), |leave| leave + 1);
    let (does, after) = moves.split_at(connected);
    let waits = after.iter().filter_map(|step| match step {
        Does::Wait(wait) => Some(wait),
        Does::Read(_) | Does::Leave(_) | Does::Reconnect(_) => None,
    });
    Visit { does, waits: waits.collect(), comes_back }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Reconnect;

    #[test]
    fn moves_are_cut_where_the_client_comes_back() {
        let back = |id: LastEventId| Does::Reconnect(Reconnect { last_event_id: id });
        let read = Does::Read(ReadPoint::Frames(1));
        let shut = Does::Leave(Leave::HalfClose);
        let wait = ClientWait::Mark("m".to_owned());
        let does = [
            shut.clone(),
            Does::Wait(wait.clone()),
            read.clone(),
            Does::Leave(Leave::Fin),
            Does::Wait(wait.clone()),
            back(LastEventId::Kept),
            back(LastEventId::Forgotten),
        ];
        let visits: Vec<_> = visits(&does).collect();
        let kept = LastEventId::Kept;
        assert_eq!(visits[0].does, &does[..4]);
        assert_eq!((visits[0].waits.as_slice(), visits[0].comes_back), (&[&wait][..], Some(&kept)));
        assert_eq!(
            (visits[1].does, visits[1].comes_back),
            (&[][..], Some(&LastEventId::Forgotten))
        );
        assert_eq!((visits[2].does, visits[2].comes_back), (&[][..], None));
        assert_eq!(visits.len(), 3);
        assert_eq!(super::visits(&[read]).count(), 1);
        assert_eq!(super::visits(&[]).count(), 1);
    }
}
