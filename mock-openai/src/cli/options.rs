//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, builder::NonEmptyStringValueParser};
use mock_openai::journal::STORE_ENTRIES_DEFAULT;

const EXAMPLES: &str = "\
Examples:
  mock-openai
      a helpful provider at http://127.0.0.1:8080/v1
  mock-openai --script flaky.yaml --listen 127.0.0.1:0 --key sk-test
      plays a script on a free port for who brings the key
  mock-openai --script flaky.yaml --check
      only says whether the script is right
  curl 127.0.0.1:8080/__mock/journal?event=request
      what was asked so far
  curl --data-binary @other.yaml 127.0.0.1:8080/__mock/script
      another script from the next request on
  curl -X POST 127.0.0.1:8080/__mock/reset
      forgets journal, counters, marks and quotas";

/// Answers as an OpenAI-compatible provider would, or fails as a script says.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Options {
    /// What to answer, as YAML; without it, a helpful provider is played.
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one, which the first line of the output tells.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// What ids and made-up words are drawn from.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) seed: u64,
    /// A bearer key that is asked for on every path below /v1; give it again for more keys.
    #[arg(long = "key", value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) keys: Vec<String>,
    /// Answer under /__mock/ (journal, script, reset, healthz) although --listen is no loopback
    /// address; whoever reaches the port can then read the journal and change the script.
    #[arg(long, conflicts_with = "no_control")]
    pub(crate) control: bool,
    /// Leave paths under /__mock/ to the script; by default so where --listen is no loopback
    /// address.
    #[arg(long)]
    pub(crate) no_control: bool,
    /// How many entries the journal keeps for /__mock/journal.
    #[arg(long, value_name = "ENTRIES", default_value_t = STORE_ENTRIES_DEFAULT)]
    pub(crate) journal_size: usize,
    /// Say nothing of single requests on stderr.
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Check the script and end: with code 0 where it is right, with code 2 and all mistakes
    /// where it is not.
    #[arg(long)]
    pub(crate) check: bool,
}

impl Options {
    /// Whether paths under `/__mock/` are control's.
    pub(crate) fn has_control(&self) -> bool {
        !self.no_control && (self.control || self.listen.ip().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_is_on_at_loopback_and_elsewhere_on_demand() {
        for (arguments, expected) in [
            (vec![], true),
            (vec!["--listen", "[::1]:0"], true),
            (vec!["--listen", "127.0.0.1:0", "--no-control"], false),
            (vec!["--listen", "0.0.0.0:0"], false),
            (vec!["--listen", "0.0.0.0:0", "--control"], true),
        ] {
            let line = std::iter::once("mock-openai").chain(arguments.iter().copied());
            let options = Options::try_parse_from(line).unwrap();
            assert_eq!(options.has_control(), expected, "{arguments:?}");
        }
    }
}
