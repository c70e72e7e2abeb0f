//! Whether a cut says one place, and one that is reached.

use super::{check_count, check_one_of};
use crate::{
    script::{Cut, CutBy, CutLevel, Extent, Random},
    yaml::{Diagnostic, Place},
};

const PLACES: &str = "`at`, `every`, `inside`, `random` or `by`";

/// Checks all but the inner steps.
pub(super) fn check_cut(cut: &Cut, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let all = [
        ("at", cut.at.is_some()),
        ("every", cut.every.is_some()),
        ("inside", cut.inside.is_some()),
        ("random", cut.random.is_some()),
        ("by", cut.by.is_some()),
    ];
    let given: Vec<&str> = all.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if given.is_empty() {
        let help = format!("say {PLACES}");
        wrong.push(place.at_key().wrong("`cut` does not say where").help(help));
    }
    check_one_of(
        &given,
        "a `cut` says one kind of place; a cut in a cut adds another",
        place,
        wrong,
    );
    if let Some(at) = &cut.at {
        check_at(at, cut, place.key("at"), wrong);
    }
    check_count(cut.every, place.key("every"), wrong);
    if let Some(CutBy::Bytes(every)) = cut.by {
        check_count(Some(every), place.key("by"), wrong);
    }
    if let Some(Random { min, max }) = cut.random {
        let place = place.key("random");
        check_count(Some(min), place.key("min"), wrong);
        check_count(Some(max), place.key("max"), wrong);
        if min > max && max > 0 {
            let message = format!("the smallest piece ({min}) is larger than the largest ({max})");
            let help = format!("swap them: `min: {max}, max: {min}`");
            wrong.push(place.key("min").wrong(message).help(help));
        }
    }
    if cut.steps.is_empty() {
        wrong.push(place.key("steps").at_key().wrong("no steps stand inside `cut`"));
    }
}

fn check_at(at: &[u64], cut: &Cut, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let most = Extent::of_steps(&cut.steps).bytes;
    for (index, offset) in at.iter().enumerate() {
        let place = place.nth(index);
        let before = index.checked_sub(1).map(|index| at[index]);
        if let Some(before) = before.filter(|before| before >= offset) {
            let message = format!("`{offset}` stands behind `{before}`");
            wrong.push(place.wrong(message).help("the places are in order, each once"));
        } else if *offset == 0 && cut.level == CutLevel::Chunk {
            let message = "nothing stands before the first byte that could be cut off";
            wrong.push(place.wrong(message).help("the first place that cuts is `1`"));
        } else if let Some(most) = most.filter(|most| offset >= most) {
            let message = format!("the steps inside send at most {most} bytes");
            wrong.push(place.wrong(message).help("bytes are counted from 0"));
        }
    }
}
