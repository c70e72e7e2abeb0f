//! Where kept streams are, when not in the memory of this process.

use std::sync::Arc;

#[cfg(feature = "redis")]
use relay::resume::{Bounds, redis::RedisStore};
use relay::{Config, resume::Store};

/// The store at this URL; nothing is asked of it yet.
///
/// # Errors
/// The reason and the remedy.
#[cfg(feature = "redis")]
pub(crate) fn redis(url: &str, config: &Config) -> Result<Arc<dyn Store>, String> {
    let store = RedisStore::new(url, Bounds::of(config));
    let store =
        store.map_err(|error| format!("cannot use resume_redis: {error}; give a redis URL"))?;
    Ok(Arc::new(store))
}

/// There is none in this build.
///
/// # Errors
/// The reason and the remedy.
#[cfg(not(feature = "redis"))]
pub(crate) fn redis(_: &str, _: &Config) -> Result<Arc<dyn Store>, String> {
    Err("resume_redis is set, and this relay is built without Redis: build it with the feature `redis`"
        .to_owned())
}
