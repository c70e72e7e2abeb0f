//! Which entries of a journal one wants to see.

use super::{Seen, json};

/// All that is given must fit; nothing given means every entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Entries of this connection.
    pub connection: Option<u64>,
    /// Entries about this request.
    pub request: Option<u64>,
    /// Entries of this kind, by the name that they have in JSON: `wrote`, `peer_gone`.
    pub event: Option<String>,
    /// Entries from this number on.
    pub since: Option<u64>,
}

impl Query {
    /// Whether an entry is asked for.
    pub fn fits(&self, seen: &Seen) -> bool {
        let Self { connection, request, event, since } = self;
        connection.is_none_or(|number| seen.entry.connection == number)
            && request.is_none_or(|number| seen.entry.request == Some(number))
            && event.as_ref().is_none_or(|name| json::name(&seen.entry.event) == name)
            && since.is_none_or(|number| seen.number >= number)
    }

    /// Reads the query of a URL: `connection=0&event=wrote`.
    ///
    /// # Errors
    /// What is wrong with it, as a fragment of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        const KNOWN: &str = "`connection`, `request`, `event` and `since`";
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = || match value.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!("`{key}` wants a whole number, not `{value}`")),
            };
            match key {
                "connection" => query.connection = number()?,
                "request" => query.request = number()?,
                "since" => query.since = number()?,
                "event" if json::NAMES.contains(&value) => query.event = Some(value.to_owned()),
                "event" => {
                    let names = json::NAMES.join(", ");
                    return Err(format!("no event is called `{value}`; known are {names}"));
                }
                _ => return Err(format!("`{key}` is no filter; known are {KNOWN}")),
            }
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::journal::{Entry, Event};

    #[test]
    fn every_filter_must_fit() {
        let seen = |number, connection, request| Seen {
            number,
            at: Duration::ZERO,
            entry: Entry { connection, request, event: Event::Head { status: 200 } },
        };
        let query = Query::parse("connection=1&request=2&event=head&since=3").unwrap();
        assert!(query.fits(&seen(3, 1, Some(2))));
        for (number, connection, request) in
            [(2, 1, Some(2)), (3, 0, Some(2)), (3, 1, Some(1)), (3, 1, None)]
        {
            assert!(!query.fits(&seen(number, connection, request)));
        }
        assert!(!Query::parse("event=wrote").unwrap().fits(&seen(0, 0, None)));
        assert!(Query::parse("").unwrap().fits(&seen(0, 0, None)));
    }

    #[test]
    fn what_no_filter_means_is_refused_with_what_is_known() {
        for (text, expected) in [
            (
                "conn=1",
                "`conn` is no filter; known are `connection`, `request`, `event` and `since`",
            ),
            ("since=now", "`since` wants a whole number, not `now`"),
            ("request", "`request` wants a whole number, not ``"),
        ] {
            assert_eq!(Query::parse(text), Err(expected.to_owned()));
        }
        let error = Query::parse("event=writ").unwrap_err();
        assert!(error.starts_with("no event is called `writ`; known are accepted, "), "{error}");
    }
}
