//! Reads the text in which programs tell their metrics: `OpenMetrics` 1.0 and Prometheus 0.0.4.

use std::collections::BTreeSet;

use serde::Serialize;

/// How a relay calls what it is asked for. A name is the end of the metric's: a program gives a prefix
/// to all of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Names {
    /// The gauge of open streams, the better name first: `relay_open_streams`,
    /// `http_requests_in_flight`.
    pub open_streams: Vec<String>,
    /// The counter of streams by how they ended.
    pub streams: String,
    /// Its label that says how.
    pub end: String,
    /// What that label says of a stream that came to its end.
    pub complete: Vec<String>,
    /// The counter of attempts after the first.
    pub retries: String,
}

impl Default for Names {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            open_streams: texts(&["open_streams", "in_flight"]),
            streams: "streams_total".to_owned(),
            end: "end".to_owned(),
            complete: texts(&["complete", "completed", "ok", "success"]),
            retries: "retries_total".to_owned(),
        }
    }
}

/// One sample: a metric with its labels, and its figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Series<'a> {
    /// As it stands, comment lines and timestamps aside.
    pub line: &'a str,
    /// The metric.
    pub name: &'a str,
    /// In order, escapes as they stand.
    pub labels: Vec<(&'a str, &'a str)>,
    /// The sample.
    pub figure: f64,
}

/// All that a text tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics<'a> {
    /// The samples, in order; lines that are none are left out.
    pub samples: Vec<Series<'a>>,
    /// Metrics that are there, those without any sample yet included: their sum is 0.
    names: BTreeSet<String>,
}

/// Reads a text.
pub fn read(text: &str) -> Metrics<'_> {
    let samples: Vec<Series<'_>> = text.lines().filter_map(series).collect();
    let mut names: BTreeSet<String> = text.lines().filter_map(declared).collect();
    names.extend(samples.iter().map(|sample| sample.name.to_owned()));
    Metrics { samples, names }
}

/// The name of the samples that a `# TYPE` line announces. `OpenMetrics` announces a counter without
/// the `_total` of its samples.
fn declared(line: &str) -> Option<String> {
    let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
    match kind {
        "counter" => Some(format!("{}_total", name.strip_suffix("_total").unwrap_or(name))),
        "gauge" | "unknown" | "untyped" => Some(name.to_owned()),
        _ => None,
    }
}

fn series(line: &str) -> Option<Series<'_>> {
    if line.starts_with('#') {
        return None;
    }
    let (name, labels, rest) = name_and_labels(line)?;
    let figure = rest.split_whitespace().next()?.parse().ok()?;
    Some(Series { line, name, labels, figure })
}

/// A name, its labels in braces where there are some, and what follows. Braces, commas and spaces
/// inside a label's value are text.
#[expect(clippy::type_complexity, reason = "three parts of one line, used once")]
fn name_and_labels(line: &str) -> Option<(&str, Vec<(&str, &str)>, &str)> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if !is_name(name) {
        return None;
    }
    let Some(mut inside) = rest.strip_prefix('{') else { return Some((name, vec![], rest)) };
    let mut labels = Vec::new();
    loop {
        inside = inside.trim_start_matches([',', ' ']);
        if let Some(rest) = inside.strip_prefix('}') {
            return Some((name, labels, rest));
        }
        let (label, value) = inside.split_once("=\"")?;
        let end = end_of_value(value)?;
        if !is_label(label) {
            return None;
        }
        labels.push((label, &value[..end]));
        inside = &value[end + 1..];
    }
}

fn end_of_value(value: &str) -> Option<usize> {
    let mut escaped = false;
    value.char_indices().find_map(|(at, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// Whether a text can be the name of a metric, with or without labels: `retries_total`,
/// `requests_total{status="200"}`.
pub fn can_be(text: &str) -> bool {
    name_and_labels(text).is_some_and(|(_, _, rest)| rest.is_empty())
}

/// Prometheus data model: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
fn is_name(text: &str) -> bool {
    is_made_of(text, |c| c == '_' || c == ':')
}

fn is_label(text: &str) -> bool {
    is_made_of(text, |c| c == '_')
}

/// Letters, digits and some other characters, and no digit first.
fn is_made_of(text: &str, other: fn(char) -> bool) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || other(c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || other(c))
}

impl Metrics<'_> {
    /// How many streams are open: the metric whose name ends with one of [`Names::open_streams`],
    /// summed over its labels.
    ///
    /// # Errors
    /// What is there instead.
    pub fn open_streams(&self, names: &Names) -> Result<f64, String> {
        let known = &names.open_streams;
        known.iter().find_map(|name| self.sum(name).ok()).ok_or_else(|| {
            let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("no metric whose name ends with {}", known.join(" or "))
        })
    }

    /// The samples of one metric, summed over the labels that `wanted` does not name. It is called
    /// by its whole name, or without the prefix that a program gives to all of its own.
    ///
    /// # Errors
    /// What is there instead: no metric of that name, or several.
    pub fn sum(&self, wanted: &str) -> Result<f64, String> {
        let (name, labels, _) = name_and_labels(wanted).unwrap_or((wanted, vec![], ""));
        let ends =
            |one: &&String| one.strip_suffix(name).is_some_and(|before| before.ends_with('_'));
        let found: Vec<&String> = match self.names.get(name) {
            Some(same) => vec![same],
            None => self.names.iter().filter(ends).collect(),
        };
        let found = match found.as_slice() {
            [one] => *one,
            [] => return Err(format!("no metric of that name among {}", self.names.len())),
            [one, other, ..] => return Err(format!("`{one}` and `{other}` are called so")),
        };
        let fits = |one: &&Series<'_>| {
            one.name == *found && labels.iter().all(|label| one.labels.contains(label))
        };
        Ok(self.samples.iter().filter(fits).map(|sample| sample.figure).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by hand after the examples of the `OpenMetrics` 1.0 text format.
    const TEXT: &str = "# HELP relay_requests Answers 1\n# TYPE relay_requests counter\n\
        relay_requests_total{route=\"/v1\",status=\"200\"} 3\n\
        relay_requests_total{route=\"a \\\"b\\\", {c}\",status=\"429\"} 4 1700000000\n\
        relay_open_streams 2\n\
        other_retries_total 5\n\
        relay_retries_total 1.5\n\
        not a sample\n\
        # EOF\n";

    #[test]
    fn samples_are_read_with_their_labels_and_comments_are_left_out() {
        let all = read(TEXT).samples;
        let told: Vec<_> = all.iter().map(|one| (one.name, one.labels.len(), one.figure)).collect();
        assert_eq!(
            told,
            [
                ("relay_requests_total", 2, 3.0),
                ("relay_requests_total", 2, 4.0),
                ("relay_open_streams", 0, 2.0),
                ("other_retries_total", 0, 5.0),
                ("relay_retries_total", 0, 1.5),
            ]
        );
        assert_eq!(all[1].labels[0], ("route", "a \\\"b\\\", {c}"));
    }

    #[test]
    fn a_metric_is_the_sum_over_the_labels_that_are_not_named() {
        let all = read(TEXT);
        let of = |name: &str| all.sum(name);
        assert_eq!(of("relay_requests_total"), Ok(7.0));
        assert_eq!(of("requests_total"), Ok(7.0));
        assert_eq!(of("requests_total{status=\"429\"}"), Ok(4.0));
        assert_eq!(of("requests_total{status=\"500\"}"), Ok(0.0));
        assert_eq!(of("relay_retries_total"), Ok(1.5));
        let several = "`other_retries_total` and `relay_retries_total` are called so";
        assert_eq!(of("retries_total"), Err(several.to_owned()));
        assert_eq!(of("quests_total"), Err("no metric of that name among 4".to_owned()));
    }

    #[test]
    fn a_metric_that_is_announced_and_has_no_sample_yet_is_zero() {
        let text = "# TYPE relay_streams counter\n# TYPE old_total counter\n# TYPE open gauge\n\
            # TYPE took histogram\n";
        let all = read(text);
        for name in ["relay_streams_total", "streams_total", "old_total", "open"] {
            assert_eq!(all.sum(name), Ok(0.0), "{name}");
        }
        assert!(all.sum("relay_streams").is_err());
        assert!(all.sum("took").is_err());
    }

    #[test]
    fn open_streams_are_counted_by_the_better_name() {
        let names = Names::default();
        assert_eq!(read(TEXT).open_streams(&names), Ok(2.0));
        let other = "http_in_flight{route=\"/v1\"} 2\nhttp_in_flight{route=\"/v2\"} 1\n";
        assert_eq!(read(other).open_streams(&names), Ok(3.0));
        assert_eq!(read("a_in_flight 1\nb_open_streams 4\n").open_streams(&names), Ok(4.0));
        let none = "no metric whose name ends with `open_streams` or `in_flight`";
        assert_eq!(read("streams 1\n").open_streams(&names), Err(none.to_owned()));
    }

    #[test]
    fn what_cannot_be_a_name_is_told() {
        for name in ["retries_total", "a:b", "_x", "x{a=\"1\",b=\"2\"}", "open_streams"] {
            assert!(can_be(name), "{name}");
        }
        for name in ["", "9x", "retries total", "x{", "x{a=1}", "x{a=\"1\"} 3", "x-y", "x{9=\"1\"}"]
        {
            assert!(!can_be(name), "{name}");
        }
    }
}
