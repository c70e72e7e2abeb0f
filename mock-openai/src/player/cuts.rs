//! Where `cut` steps divide what is sent.

use std::time::Duration;

use super::{inside::Finder, outgoing::Outgoing};
use crate::{
    draw::draw_below,
    script::{Cut, CutBy, CutLevel, Random},
};

/// A place before a byte, and the pause there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) gap: Option<Duration>,
}

/// The cuts in force, outermost first. Those of one level add up.
///
/// Each frame is a write and an HTTP chunk of its own, and cuts divide it further.
#[derive(Debug, Default)]
pub(super) struct Cuts<'a> {
    active: Vec<Active<'a>>,
}

#[derive(Debug)]
struct Active<'a> {
    points: Points<'a>,
    level: CutLevel,
    gap: Option<Duration>,
    /// How many bytes of the body came before it.
    origin: u64,
}

#[derive(Debug)]
enum Points<'a> {
    Nowhere,
    At(&'a [u64]),
    Every(usize),
    Inside(Finder),
    Random { sizes: Random, seed: u64, label: String, drawn: u64 },
}

impl<'a> Cuts<'a> {
    /// Puts a cut in force. `label` names it where it draws.
    pub(super) fn enter(&mut self, cut: &'a Cut, origin: u64, seed: u64, label: String) {
        let size = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX).max(1);
        let points = match cut {
            Cut { at: Some(at), .. } => Points::At(at),
            Cut { every: Some(every), .. } => Points::Every(size(*every)),
            Cut { inside: Some(inside), .. } => Points::Inside(Finder::new(*inside)),
            Cut { random: Some(sizes), .. } => {
                Points::Random { sizes: *sizes, seed, label, drawn: 0 }
            }
            Cut { by: Some(CutBy::Bytes(every)), .. } => Points::Every(size(*every)),
            Cut { by: Some(CutBy::Inside(inside)), .. } => Points::Inside(Finder::new(*inside)),
            Cut { by: Some(CutBy::Nothing) | None, .. } => Points::Nowhere,
        };
        let gap = cut.gap.map(|gap| gap.0);
        self.active.push(Active { points, level: cut.level, gap, origin });
    }

    /// Ends the innermost.
    pub(super) fn leave(&mut self) {
        self.active.pop();
    }

    /// Where a frame is cut into chunks; `offset` is its place in the body. A place at 0 lies
    /// between it and the frame before.
    pub(super) fn in_frame(&mut self, bytes: &[u8], offset: u64) -> Vec<Place> {
        let mut places = Vec::new();
        for active in self.active.iter_mut().filter(|active| active.level == CutLevel::Chunk) {
            let gap = active.gap;
            let add = |at| places.push(Place { at, gap });
            match &mut active.points {
                Points::At(at) => listed(at, offset - active.origin, bytes.len(), add),
                Points::Inside(finder) => finder.find(bytes, add),
                points @ (Points::Nowhere | Points::Every(_) | Points::Random { .. }) => {
                    points.by_size(bytes.len(), add);
                }
            }
        }
        in_order(places)
    }

    /// Where a write is cut into segments. The head stays whole.
    pub(super) fn in_write(&mut self, outgoing: &Outgoing) -> Vec<Place> {
        let mut places = Vec::new();
        for active in self.active.iter_mut().filter(|active| active.level == CutLevel::Segment) {
            let (gap, origin) = (active.gap, active.origin);
            match &mut active.points {
                Points::At(_) | Points::Inside(_) => {
                    for (place, offset, bytes) in outgoing.bodies() {
                        let add = |at| places.push(Place { at: place.start + at, gap });
                        match &mut active.points {
                            Points::At(at) => listed(at, offset - origin, bytes.len(), add),
                            Points::Inside(finder) => finder.find(bytes, add),
                            Points::Nowhere | Points::Every(_) | Points::Random { .. } => {}
                        }
                    }
                }
                points @ (Points::Nowhere | Points::Every(_) | Points::Random { .. }) => {
                    let start = outgoing.head_end();
                    let add = |at| places.push(Place { at: start + at, gap });
                    points.by_size(outgoing.len() - start, add);
                }
            }
        }
        in_order(places)
    }
}

impl Points<'_> {
    /// Pieces of given sizes, and what is left.
    fn by_size(&mut self, len: usize, mut add: impl FnMut(usize)) {
        let mut at = 0_usize;
        loop {
            let size = match self {
                Self::Every(every) => *every,
                Self::Random { sizes: Random { min, max }, seed, label, drawn } => {
                    let choices = max.saturating_sub(*min).saturating_add(1);
                    let size = min.saturating_add(draw_below(*seed, label, *drawn, choices));
                    *drawn += 1;
                    usize::try_from(size).unwrap_or(usize::MAX).max(1)
                }
                Self::Nowhere | Self::At(_) | Self::Inside(_) => return,
            };
            at = at.saturating_add(size);
            if at >= len {
                return;
            }
            add(at);
        }
    }
}

/// Those of the listed places, which are in order, that lie in `start..start + len`.
fn listed(places: &[u64], start: u64, len: usize, mut add: impl FnMut(usize)) {
    let first = places.partition_point(|place| *place < start);
    for place in &places[first..] {
        match usize::try_from(place.saturating_sub(start)) {
            Ok(at) if at < len => add(at),
            _ => return,
        }
    }
}

/// Of several at one place the longest pause is kept.
fn in_order(mut places: Vec<Place>) -> Vec<Place> {
    if !places.is_sorted_by(|a, b| a.at < b.at) {
        places.sort_by_key(|place| (place.at, std::cmp::Reverse(place.gap)));
        places.dedup_by_key(|place| place.at);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Time;

    fn places(cuts: &[Cut], bytes: &str, offset: u64) -> Vec<usize> {
        let mut in_force = Cuts::default();
        for cut in cuts {
            in_force.enter(cut, 0, 1, "test".into());
        }
        in_force.in_frame(bytes.as_bytes(), offset).iter().map(|place| place.at).collect()
    }

    #[test]
    fn pieces_have_the_length_that_was_asked_for_and_the_last_what_is_left() {
        let every = |every| [Cut { every: Some(every), ..Cut::default() }];
        assert_eq!(places(&every(3), "1234567", 0), [3, 6]);
        assert_eq!(places(&every(3), "123456", 9), [3]);
        assert_eq!(places(&every(9), "1234567", 0), [0_usize; 0]);
        assert_eq!(places(&every(2), "", 0), [0_usize; 0]);
    }

    #[test]
    fn listed_places_are_counted_from_the_first_byte_over_all_frames() {
        let at = |at: &[u64]| [Cut { at: Some(at.to_vec()), ..Cut::default() }];
        assert_eq!(places(&at(&[2, 5, 12]), "1234567", 0), [2, 5]);
        assert_eq!(places(&at(&[2, 5, 12]), "1234567", 7), [5]);
        assert_eq!(places(&at(&[2, 7]), "1234567", 7), [0]);
        assert_eq!(places(&at(&[]), "1234567", 0), [0_usize; 0]);
        // Out of order, which `check` refuses: still no panic.
        places(&at(&[9, 1, 8, 0]), "1234567", 3);
    }

    #[test]
    fn drawn_sizes_keep_to_their_bounds() {
        let bytes = "x".repeat(10_000);
        let cut = Cut { random: Some(Random { min: 3, max: 6 }), ..Cut::default() };
        let places = places(&[cut], &bytes, 0);
        let mut sizes: Vec<usize> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
        sizes.sort_unstable();
        sizes.dedup();
        assert_eq!(sizes, [3, 4, 5, 6]);
    }

    #[test]
    fn cuts_of_one_level_add_up_and_the_longer_pause_counts() {
        let every = |every, gap| Cut { every: Some(every), gap: Some(Time(gap)), ..Cut::default() };
        let (short, long) = (Duration::from_millis(1), Duration::from_millis(2));
        let (outer, inner) = (every(4, short), every(6, long));
        let mut cuts = Cuts::default();
        cuts.enter(&outer, 0, 1, String::new());
        cuts.enter(&inner, 0, 1, String::new());
        let place = |at, gap| Place { at, gap: Some(gap) };
        let all = [place(4, short), place(6, long), place(8, short), place(12, long)];
        assert_eq!(cuts.in_frame(b"123456789abcdef", 0), all);
        cuts.leave();
        assert_eq!(cuts.in_frame(b"12345", 0), [place(4, short)]);
    }
}
