//! Whether times can be drawn.

use crate::{
    script::{Distribution, Exponential, Lognormal, Pause, Uniform},
    yaml::{Diagnostic, Place},
};

/// The largest deviation: at 5 one time in a thousand is five million medians long.
const SIGMA_MAX: f64 = 5.0;

pub(super) fn check_pause(pause: &Pause, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    match pause {
        Pause::For(_) => {}
        Pause::Drawn(distribution) => check_distribution(distribution, place, wrong),
    }
}

pub(super) fn check_distribution(
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
            for (name, time) in [("mean", Some(mean)), ("max", max.as_ref())] {
                if time.is_some_and(|time| time.0.is_zero()) {
                    let message = format!("a {name} of nothing makes every time nothing");
                    wrong.push(place.key(name).wrong(message));
                }
            }
        }
    }
}
