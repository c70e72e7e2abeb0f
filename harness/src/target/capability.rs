//! What a relay says of itself, so that it is tested for that and for nothing else.

use std::{fmt, str::FromStr};

/// Something that a relay can claim, by the name that scenarios use under `needs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// It relays event streams.
    Streaming,
    /// It answers browsers of other origins.
    Cors,
    /// It commits the head of its answer at the first content, and not when it has the provider's.
    CommitAtContent,
    /// A client that shuts only its sending side still gets its stream.
    HalfClose,
    /// It speaks HTTP/2 to clients that begin with it. What a client with `http: h2` asks needs this,
    /// said or not.
    Http2,
    /// It tells its own metrics at `/metrics`. Those that are called as
    /// [`Target::with_metrics`](super::Target::with_metrics) says are held against the run, else those
    /// with the usual names.
    Metrics,
    /// It logs by events of the `tracing` crate whose targets begin with `relay`.
    Log,
    /// Told to stop, it takes no more connections, lets running streams end within a grace, and then
    /// ends what still runs honestly.
    Drain,
}

impl Capability {
    /// Every one.
    pub const ALL: &[Self] = &[
        Self::Streaming,
        Self::Cors,
        Self::CommitAtContent,
        Self::HalfClose,
        Self::Http2,
        Self::Metrics,
        Self::Log,
        Self::Drain,
    ];

    /// Its name in scenarios and target files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Cors => "cors",
            Self::CommitAtContent => "commit_at_content",
            Self::HalfClose => "half_close",
            Self::Http2 => "http2",
            Self::Metrics => "metrics",
            Self::Log => "log",
            Self::Drain => "drain",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Capability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|known| known.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|known| known.name()).collect();
            format!("`{text}` is not a capability; there are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_reads_its_own_name_and_names_the_others_when_it_is_wrong() {
        for capability in Capability::ALL {
            assert_eq!(capability.to_string().parse(), Ok(*capability));
        }
        assert_eq!(
            "streeming".parse::<Capability>(),
            Err("`streeming` is not a capability; there are streaming, cors, \
                 commit_at_content, half_close, http2, metrics, log, drain"
                .to_owned())
        );
    }
}
