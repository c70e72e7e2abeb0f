//! What happens to links and hosts, in words.

use std::{fmt, time::Duration};

use mock_openai::quantity::Time;

use super::Fault;
use crate::scenario::Way;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, lasts) = match self {
            Self::Reset { link } => (format!("every connection over {link} is reset"), None),
            Self::Hold { link, lasts } => (format!("{link} stalls"), Some(lasts)),
            Self::Drop { link, way, lasts } => {
                let way = match way {
                    None => "",
                    Some(Way::Up) => " towards the provider",
                    Some(Way::Down) => " towards the client",
                };
                (format!("{link} falls silent{way}"), Some(lasts))
            }
            Self::Vanish { host } => (format!("{host} vanishes"), None),
            Self::Refuse { host, lasts } => (format!("{host} refuses connections"), Some(lasts)),
            Self::Blackhole { host, lasts } => (format!("{host} answers no connect"), Some(lasts)),
            Self::Terminate { host } => (format!("{host} is told to stop"), None),
            Self::Kill { host } => (format!("{host} is killed, if it has not stopped"), None),
            Self::Crash { host } => (format!("{host} crashes"), None),
            Self::Restart { host } => (format!("{host} starts again"), None),
        };
        f.write_str(&what)?;
        match lasts {
            None => Ok(()),
            Some(lasts) => f.write_str(&duration(*lasts)),
        }
    }
}

fn duration(lasts: Option<Duration>) -> String {
    lasts.map_or_else(|| " for ever".to_owned(), |lasts| format!(" for {}", Time(lasts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_in_words() {
        let (link, host) = (|| "a-b".to_owned(), || "relay".into());
        let lasts = Some(Duration::from_secs(3));
        let way = Some(Way::Down);
        let faults = [
            Fault::Reset { link: link() },
            Fault::Hold { link: link(), lasts },
            Fault::Drop { link: link(), way, lasts: None },
            Fault::Drop { link: link(), way: None, lasts },
            Fault::Vanish { host: host() },
            Fault::Refuse { host: host(), lasts },
            Fault::Blackhole { host: host(), lasts: None },
            Fault::Terminate { host: host() },
            Fault::Kill { host: host() },
            Fault::Crash { host: host() },
            Fault::Restart { host: host() },
        ];
        let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let expected = [
            "every connection over a-b is reset",
            "a-b stalls for 3s",
            "a-b falls silent towards the client for ever",
            "a-b falls silent for 3s",
            "relay vanishes",
            "relay refuses connections for 3s",
            "relay answers no connect for ever",
            "relay is told to stop",
            "relay is killed, if it has not stopped",
            "relay crashes",
            "relay starts again",
        ];
        assert_eq!(words, expected);
    }
}
