//! Relays as the readers of a widely read Gin tutorial build them: each with one of its traps, and one
//! with all of them. `docs/gin-article.md` leads through them.

use super::{Broken, Server, Setup, forgets_flush, parts, thirty_second_timeout};

mod cors_sample;
mod io_copy;
mod no_flush;
mod pubsub_resume;
mod relay;
mod retry_anything;
mod thirty_seconds;
mod ticker_heartbeat;

pub(super) use cors_sample::BROKEN as CORS_SAMPLE;
pub(super) use io_copy::BROKEN as IO_COPY;
pub(super) use no_flush::BROKEN as NO_FLUSH;
pub(super) use pubsub_resume::BROKEN as PUBSUB_RESUME;
pub(super) use relay::BROKEN as RELAY;
pub(super) use retry_anything::BROKEN as RETRY_ANYTHING;
pub(super) use thirty_seconds::BROKEN as THIRTY_SECONDS;
pub(super) use ticker_heartbeat::BROKEN as TICKER_HEARTBEAT;
