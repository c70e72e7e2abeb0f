//! The reference relay as a target: its own server settings, and all of its switches.

use std::time::SystemTime;

use indexmap::IndexMap;
use relay::Config;

use super::{Capability, Target};
use crate::{
    net::{Listener, Task, Upstream},
    world::EPOCH,
};

pub(super) fn target() -> Target {
    Target::service(Target::REFERENCE, serve)
        .with_switches(|name, value| config().set(name, value).map_err(|error| error.to_string()))
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
    config.epoch = Some(SystemTime::UNIX_EPOCH + EPOCH);
    config
}

fn serve(listener: Listener, upstream: Upstream, switches: &IndexMap<String, String>) -> Task {
    let mut config = config();
    let set = switches.iter().try_for_each(|(name, value)| config.set(name, value));
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
