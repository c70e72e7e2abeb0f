//! `GET /__mock/healthz`: whether the server serves.

use super::{
    Context,
    reply::{Reply, TEXT},
};

pub(super) fn get(_: &Context<'_>) -> Reply {
    Reply::new(200, TEXT, "ok\n")
}
