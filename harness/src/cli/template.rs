//! Scenarios to start from, one for each kind of trouble.

use clap::ValueEnum;

/// What a new scenario is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Template {
    /// A stream that the provider breaks off.
    #[default]
    Stream,
    /// A provider that refuses first, and a client that tries again.
    Refusal,
    /// A client that reads slowly and leaves.
    SlowClient,
    /// A page in a browser, by the rules of CORS.
    Browser,
}

/// What stands in a template where the title belongs.
const TITLE: &str = "TITLE";

impl Template {
    /// The folder for it, where the author names none.
    pub(super) fn area(self) -> &'static str {
        match self {
            Self::Stream => "dropped-connections",
            Self::Refusal => "retries",
            Self::SlowClient => "slow-clients",
            Self::Browser => "cors-preflight",
        }
    }

    /// The scenario's text, with a title made of its name.
    pub(super) fn text(self, name: &str) -> String {
        self.raw().replacen(TITLE, &title(name), 1)
    }

    fn raw(self) -> &'static str {
        match self {
            Self::Stream => include_str!("templates/stream.yaml"),
            Self::Refusal => include_str!("templates/refusal.yaml"),
            Self::SlowClient => include_str!("templates/slow-client.yaml"),
            Self::Browser => include_str!("templates/browser.yaml"),
        }
    }
}

/// `provider-sends-429` becomes `Provider sends 429`; in quotes, since a name may be a number.
fn title(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    format!("\"{}{}\"", first.map(String::from).unwrap_or_default(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{
        report::Conclusion,
        rules, scenario,
        suite::{self, Case, Settings},
        target::Target,
    };

    #[test]
    fn each_template_is_right_and_holds_against_the_reference_relay() {
        let settings = Settings::of(Target::named(Target::REFERENCE).unwrap());
        for template in Template::value_variants() {
            let text = template.text("a-name").into_bytes();
            let path = PathBuf::from(format!("{template:?}.yaml"));
            let rules: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
            let scenario = scenario::load(&path.to_string_lossy(), &text, &rules).unwrap();
            assert_eq!(scenario.title, "A name");
            assert_eq!(scenario::lint("template", &text, &scenario), [], "{template:?}");
            let case = Case { id: format!("{template:?}"), scenario };
            let outcome = suite::outcome(&case, &settings);
            assert_eq!(outcome.result, Conclusion::Held, "{:#?}", outcome.failures);
        }
    }

    #[test]
    fn a_title_is_made_of_the_name() {
        assert_eq!(title("provider-sends-429"), "\"Provider sends 429\"");
        assert_eq!(title("429"), "\"429\"");
    }
}
