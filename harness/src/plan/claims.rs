//! What a relay says of itself, where rules judge by it.

use serde::Serialize;

use crate::metrics::Names;

/// What a target says of itself beside its capabilities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// What it does to a stream.
    pub kind: RelayKind,
    /// How its metrics are called.
    pub metrics: Names,
}

/// What a relay does to the provider's streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RelayKind {
    /// It passes their bytes on. What it adds, heartbeats and errors, stands between events.
    #[default]
    Transparent,
    /// It passes their events on, in bytes of its own.
    Reframing,
    /// It makes its own of them: of another provider's format, or of its own objects.
    Translating,
}

impl Claims {
    /// Whether nothing is said that is not so of most.
    pub(super) fn are_usual(&self) -> bool {
        *self == Self::default()
    }
}
