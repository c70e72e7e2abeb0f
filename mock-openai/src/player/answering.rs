//! What an answer needs to know of the request that it answers.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{identity::Identity, marks::Marks};

/// Who asks, when, and under what quota.
#[derive(Debug, Clone)]
pub(crate) struct Answering {
    /// Ids and made-up words are drawn from it.
    pub(crate) identity: Identity,
    /// When the request was read whole.
    pub(crate) received: Instant,
    /// The same by the provider's clock: unix time.
    pub(crate) unix: Duration,
    /// Index of the rule that answers; 0 where none does.
    pub(crate) rule: usize,
    /// Which marks answers have passed.
    pub(crate) marks: Arc<Marks>,
    /// Headers that every answer under the rule's quota has.
    pub(crate) quota: Vec<(String, String)>,
}
