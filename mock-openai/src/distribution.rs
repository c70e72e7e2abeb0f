//! Times that are drawn from a distribution.
//!
//! Logarithms and the like come from the `libm` crate and not from the platform: C libraries differ
//! in the last bits, and a drawn time is to be the same on every machine. What is used of `f64`
//! besides (arithmetic, square root, rounding) is exact by IEEE 754.

use std::time::Duration;

use crate::{
    draw::{draw, draw_below},
    quantity::Time,
    script::{Distribution, Exponential, Lognormal, Normal, Pareto, Uniform},
};

/// The time that is drawn under a name, in whole milliseconds; see [`draw`] for `label` and
/// `ordinal`.
pub(crate) fn time(distribution: &Distribution, seed: u64, label: &str, ordinal: u64) -> Duration {
    let millis = match distribution {
        Distribution::Uniform(Uniform { min, max }) => {
            let (min, max) = (millis_of(*min), millis_of(*max));
            let choices = max.saturating_sub(min).saturating_add(1);
            min.saturating_add(draw_below(seed, label, ordinal, choices))
        }
        Distribution::Lognormal(Lognormal { median, sigma, max }) => {
            let normal = normal(seed, label, ordinal);
            bounded(float(millis_of(*median)) * libm::exp(sigma * normal), *max)
        }
        Distribution::Exponential(Exponential { mean, max }) => {
            let share = share(draw(seed, label, ordinal));
            bounded(float(millis_of(*mean)) * -libm::log(share), *max)
        }
        Distribution::Normal(Normal { mean, deviation, max }) => {
            let normal = normal(seed, label, ordinal);
            bounded(float(millis_of(*mean)) + float(millis_of(*deviation)) * normal, *max)
        }
        Distribution::Pareto(Pareto { least, shape, max }) => {
            let share = share(draw(seed, label, ordinal));
            bounded(float(millis_of(*least)) * libm::pow(share, -1.0 / shape), *max)
        }
    };
    Duration::from_millis(millis)
}

/// A normally distributed number with mean 0 and deviation 1, by the method of Box and Muller.
fn normal(seed: u64, label: &str, ordinal: u64) -> f64 {
    let radius = share(draw(seed, label, ordinal));
    let angle = share(draw(seed, &format!("{label} (angle)"), ordinal));
    (-2.0 * libm::log(radius)).sqrt() * libm::cos(2.0 * std::f64::consts::PI * angle)
}

/// A number above 0 and at most 1 of 53 drawn bits, so that its logarithm is finite.
fn share(drawn: u64) -> f64 {
    float((drawn >> 11) + 1) / float(1 << 53)
}

fn bounded(millis: f64, max: Option<Time>) -> u64 {
    let longest = max.map_or(u64::MAX, millis_of);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float ends at the type's bounds"
    )]
    let millis = millis.round() as u64;
    millis.min(longest)
}

#[expect(clippy::cast_precision_loss, reason = "no time of a script needs more than 53 bits")]
fn float(number: u64) -> f64 {
    number as f64
}

fn millis_of(time: Time) -> u64 {
    u64::try_from(time.0.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Time {
        Time(Duration::from_millis(millis))
    }

    /// Drawn times in milliseconds, in order of size.
    fn many(distribution: Distribution) -> Vec<u64> {
        let one = |ordinal| time(&distribution, 7, "test", ordinal).as_millis().try_into().unwrap();
        let mut times: Vec<u64> = (0..20_000).map(one).collect();
        times.sort_unstable();
        times
    }

    /// Quantiles of the exact distributions; the tolerance is five standard errors and more.
    #[track_caller]
    fn assert_near(times: &[u64], quantiles: &[(usize, u64, u64)]) {
        for (percent, expected, tolerance) in quantiles {
            let got = times[times.len() * percent / 100];
            assert!(got.abs_diff(*expected) <= *tolerance, "{percent}%: {got}, not {expected}");
        }
    }

    #[test]
    fn uniform_times_fill_their_range_evenly() {
        let times = many(Distribution::Uniform(Uniform { min: ms(100), max: ms(299) }));
        assert_eq!((times[0], *times.last().unwrap()), (100, 299));
        assert_near(&times, &[(25, 150, 4), (50, 200, 4), (75, 250, 4)]);
        let one = many(Distribution::Uniform(Uniform { min: ms(5), max: ms(5) }));
        assert_eq!((one[0], *one.last().unwrap()), (5, 5));
    }

    #[test]
    fn lognormal_times_have_the_quantiles_of_the_distribution() {
        let times =
            many(Distribution::Lognormal(Lognormal { median: ms(1_000), sigma: 0.5, max: None }));
        // 1000 * exp(0.5 * z), z = -1.2816, -0.6745, 0, 0.6745, 1.2816.
        assert_near(
            &times,
            &[(10, 527, 20), (25, 714, 20), (50, 1_000, 25), (75, 1_401, 35), (90, 1_898, 60)],
        );
    }

    #[test]
    fn exponential_times_have_the_quantiles_of_the_distribution() {
        let times = many(Distribution::Exponential(Exponential { mean: ms(1_000), max: None }));
        // -1000 * ln(1 - share).
        assert_near(&times, &[(25, 288, 20), (50, 693, 30), (75, 1_386, 50), (90, 2_303, 90)]);
    }

    #[test]
    fn normal_times_have_the_quantiles_of_the_distribution_and_are_never_negative() {
        let normal = Normal { mean: ms(1_000), deviation: ms(100), max: None };
        // 1000 + 100 * z, z = -1.2816, -0.6745, 0, 0.6745, 1.2816.
        let quantiles =
            [(10, 872, 10), (25, 933, 8), (50, 1_000, 8), (75, 1_067, 8), (90, 1_128, 10)];
        assert_near(&many(Distribution::Normal(normal)), &quantiles);
        let wide = Normal { mean: ms(10), deviation: ms(100), max: None };
        assert_eq!(many(Distribution::Normal(wide))[0], 0);
    }

    #[test]
    fn pareto_times_have_the_quantiles_of_the_distribution() {
        let times = many(Distribution::Pareto(Pareto { least: ms(1_000), shape: 2.0, max: None }));
        assert!(times[0] >= 1_000);
        // 1000 / sqrt(1 - share).
        assert_near(&times, &[(25, 1_155, 10), (50, 1_414, 15), (75, 2_000, 40), (90, 3_162, 150)]);
    }

    #[test]
    fn a_maximum_cuts_what_is_longer() {
        for distribution in [
            Distribution::Lognormal(Lognormal { median: ms(10), sigma: 5.0, max: Some(ms(2_000)) }),
            Distribution::Exponential(Exponential { mean: ms(1_000), max: Some(ms(2_000)) }),
            Distribution::Normal(Normal {
                mean: ms(1_990),
                deviation: ms(9),
                max: Some(ms(2_000)),
            }),
            Distribution::Pareto(Pareto { least: ms(100), shape: 1.0, max: Some(ms(2_000)) }),
        ] {
            assert_eq!(many(distribution).last(), Some(&2_000));
        }
    }

    /// Written down once: they must never change, nor differ between machines.
    #[test]
    fn drawn_times_are_the_same_for_ever() {
        let lognormal = Lognormal { median: ms(1_000), sigma: 0.5, max: None };
        let exponential = Exponential { mean: ms(1_000), max: None };
        let four = |distribution| {
            [0, 1, 2, 3].map(|ordinal| time(&distribution, 1, "a", ordinal).as_millis())
        };
        assert_eq!(four(Distribution::Lognormal(lognormal)), [792, 714, 660, 917]);
        assert_eq!(four(Distribution::Exponential(exponential)), [814, 4736, 431, 355]);
    }
}
