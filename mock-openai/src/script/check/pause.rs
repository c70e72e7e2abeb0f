//! Whether times can be drawn.

use crate::{
    quantity::Time,
    script::{Distribution, Exponential, Lognormal, Normal, Pareto, Pause, Uniform},
    yaml::{Diagnostic, Place},
};

/// The largest deviation: at 5 one time in a thousand is five million medians long.
const SIGMA_MAX: f64 = 5.0;

/// The largest shape: at 100 one time in a hundred is 5% longer than the shortest.
const SHAPE_MAX: f64 = 100.0;

pub(super) fn check_pause(pause: &Pause, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    match pause {
        Pause::For(_) => {}
        Pause::Drawn(distribution) => check_distribution(distribution, place, wrong),
    }
}

/// Tells of a distribution from which no times can be drawn.
pub fn check_distribution(
    distribution: &Distribution,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    match distribution {
        Distribution::Uniform(Uniform { min, max }) => {
            if min > max {
                let message =
                    format!("the shortest time ({min}) is longer than the longest ({max})");
                let help = format!("swap them: `min: {max}, max: {min}`");
                wrong.push(place.key("uniform").key("min").wrong(message).help(help));
            }
        }
        Distribution::Lognormal(Lognormal { median, sigma, max }) => {
            let place = place.key("lognormal");
            if median.0.is_zero() {
                let message = "a median of nothing makes every time nothing";
                wrong.push(place.key("median").wrong(message));
            }
            if !(0.0..=SIGMA_MAX).contains(sigma) {
                let message = format!("`{sigma}` is no standard deviation of a logarithm");
                wrong.push(
                    place
                        .key("sigma")
                        .wrong(message)
                        .wanted("wanted: 0 to 5")
                        .help("measured response times have 0.3 to 1"),
                );
            }
            if max.is_some_and(|max| max.0.is_zero()) {
                wrong.push(place.key("max").wrong("a maximum of nothing makes every time nothing"));
            }
        }
        Distribution::Exponential(Exponential { mean, max }) => {
            let place = place.key("exponential");
            check_some(&[("mean", Some(mean)), ("max", max.as_ref())], place, wrong);
        }
        Distribution::Normal(Normal { deviation, max, .. }) => {
            let place = place.key("normal");
            check_some(&[("max", max.as_ref())], place, wrong);
            if deviation.0.is_zero() {
                let message = "a deviation of nothing makes every time the mean";
                wrong.push(place.key("deviation").wrong(message));
            }
        }
        Distribution::Pareto(Pareto { least, shape, max }) => {
            let place = place.key("pareto");
            check_some(&[("least", Some(least)), ("max", max.as_ref())], place, wrong);
            if !(*shape > 0.0 && *shape <= SHAPE_MAX) {
                let message = format!("`{shape}` is no shape of a Pareto distribution");
                wrong.push(place.key("shape").wrong(message).wanted("wanted: above 0, up to 100"));
            }
            if max.is_some_and(|max| max < *least) {
                let message = "the longest time is shorter than the shortest";
                wrong.push(place.key("max").wrong(message));
            }
        }
    }
}

fn check_some(times: &[(&str, Option<&Time>)], place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    for (name, time) in times {
        if time.is_some_and(|time| time.0.is_zero()) {
            let message = format!("a {name} of nothing makes every time nothing");
            wrong.push(place.key(name).wrong(message));
        }
    }
}
