//! What an answer needs to know of the request that it answers.

use tokio::time::Instant;

use crate::identity::Identity;

/// Who asks, when, and under what quota.
#[derive(Debug, Clone)]
pub(crate) struct Answering {
    /// Ids and made-up words are drawn from it.
    pub(crate) identity: Identity,
    /// When the request was read whole.
    pub(crate) received: Instant,
    /// The same in seconds of unix time.
    pub(crate) created: u64,
    /// Headers that every answer under the rule's quota has.
    pub(crate) quota: Vec<(String, String)>,
}
