//! `POST /__mock/reset`: as at the start, but for the script that is in force.

use super::{
    Context,
    reply::{JSON, Reply},
};

/// Answers under way go on, and what they do from now on is told.
pub(super) fn post(context: &Context<'_>) -> Reply {
    context.provider.reset();
    context.store.forget();
    Reply::new(200, JSON, "{\"reset\":true}\n")
}
