//! The reference relay as a target: its own server settings, and all of its switches.

use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use indexmap::IndexMap;
use relay::{
    Config,
    resume::{Bounds, MemoryStore, Store},
};

use super::{Capability, Target};
use crate::net::{Listener, Task, Upstream, reference_upstream};

pub(super) fn target() -> Target {
    let deploys = || {
        let shared = Arc::new(OnceLock::new());
        move |listener: Listener, upstream: Upstream, switches: &Switches| {
            serve(listener, upstream, switches, &shared)
        }
    };
    Target::deployment(Target::REFERENCE, deploys)
        .calling(reference_upstream)
        .with_switches(maps_switch)
        .claiming(Capability::Cors)
        .claiming(Capability::Http2)
        .claiming(Capability::Metrics)
        .claiming(Capability::Log)
        .claiming(Capability::Drain)
}

/// The defaults, less what comes from outside of a simulation. Any address reaches the simulated
/// provider.
fn config() -> Config {
    let base = "http://upstream/v1".parse().expect("the URL is right");
    let mut config = Config::new(base);
    config.date_header = false;
    config
}

/// Switches by name, with their values as scenarios write them.
pub(crate) type Switches = IndexMap<String, String>;

/// Every switch that it has.
pub(crate) fn switch_names() -> impl Iterator<Item = &'static str> {
    Config::SWITCHES.iter().map(|switch| switch.name).chain([SHARED_STORE])
}

/// Whether a switch can be set to a value, or why not.
pub(crate) fn maps_switch(name: &str, value: &str) -> Result<(), String> {
    set(&mut config(), name, value)
}

/// What switches that can be set one by one contradict in each other: the names that are part of it,
/// and what would be right.
pub(crate) fn contradictions(switches: &Switches) -> Vec<(&'static [&'static str], String)> {
    let mut config = config();
    for (name, value) in switches {
        // What cannot be set is told of by itself, and contradicts nothing.
        drop(set(&mut config, name, value));
    }
    let found = config.contradictions().into_iter();
    found.map(|error| (error.switches, error.to_string())).collect()
}

/// The server's own setting for a store that relays share. In a simulation a store in memory stands for
/// the Redis, one for all relays of a run.
const SHARED_STORE: &str = "resume_redis";

fn set(config: &mut Config, name: &str, value: &str) -> Result<(), String> {
    match (name, value) {
        (SHARED_STORE, "off") => Ok(()),
        (SHARED_STORE, url) if url.starts_with("redis://") => Ok(()),
        (SHARED_STORE, url) => Err(format!("`{url}` is no address of a Redis")),
        _ => config.set(name, value).map_err(|error| error.to_string()),
    }
}

fn serve(
    listener: Listener,
    upstream: Upstream,
    switches: &Switches,
    shared: &OnceLock<Arc<dyn Store>>,
) -> Task {
    let mut config = config();
    let set = switches.iter().try_for_each(|(name, value)| set(&mut config, name, value));
    if switches.get(SHARED_STORE).is_some_and(|url| url != "off") {
        let store = || Arc::new(MemoryStore::new(Bounds::of(&config))) as Arc<dyn Store>;
        config.store = Some(Arc::clone(shared.get_or_init(store)));
    }
    config.epoch = Some(SystemTime::UNIX_EPOCH + listener.unix_time());
    let stop = listener.stop();
    Box::pin(async move {
        if set.is_err() {
            // A scenario whose switches do not fit is skipped, and never comes here.
            return;
        }
        let served = relay::serve(listener, upstream, config, stop.told()).await;
        debug_assert!(served.is_ok(), "the plan's switches contradict each other: {served:?}");
    })
}
