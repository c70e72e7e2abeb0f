//! What is under test, behind one type.

use std::{fmt, io, sync::Arc};

use axum::Router;
use indexmap::IndexMap;

use crate::{
    broken,
    metrics::Names,
    net::{Host, Listener, Task, Upstream, upstream},
    plan::{Claims, RelayKind},
    scenario::ProviderHttp,
    trace::Name,
};

mod capability;
pub(crate) mod reference;
mod server;

pub use capability::Capability;
pub use server::{WriteBuffer, connection, serve};

/// Makes a relay that is an axum router from the service through which it calls its provider.
pub type MakeRouter = dyn Fn(Upstream) -> Router + Send + Sync;

/// Makes the task of a relay that owns its server settings: it accepts from the listener, calls its
/// provider through the service, and obeys the switches. It runs until its host ends.
pub type MakeService = dyn Fn(Listener, Upstream, &IndexMap<String, String>) -> Task + Send + Sync;

/// Says why a switch cannot be set to a value, or sets nothing and agrees.
pub type MapSwitch = dyn Fn(&str, &str) -> Result<(), String> + Send + Sync;

/// Makes the client by which what runs on a host calls its next hop.
pub type Calls = fn(&Host, Name, ProviderHttp) -> Upstream;

/// A relay under test: how it is started, what it claims, and which switches it has.
#[derive(Clone)]
pub struct Target {
    /// What the report calls it: `reference`, `broken/forgets-flush`, or the user's own name.
    pub name: String,
    /// How it is started.
    pub shape: Shape,
    /// What it says of itself, for rules to judge by.
    pub says: Claims,
    claims: Vec<Capability>,
    switches: Option<Arc<MapSwitch>>,
    calls: Calls,
}

/// The shapes of a relay that runs inside the simulation.
#[derive(Clone)]
pub enum Shape {
    /// A router, which the harness serves as `axum::serve` does.
    Router(Arc<MakeRouter>),
    /// A relay that serves by itself.
    Serve(Arc<MakeService>),
    /// The same, made anew for each run: what several hosts of a run share stands in what is made.
    Deployment(Arc<dyn Fn() -> Arc<MakeService> + Send + Sync>),
}

impl Target {
    /// A relay that is an axum router. It claims [`Capability::Streaming`] and has no switches.
    pub fn router(
        name: impl Into<String>,
        make: impl Fn(Upstream) -> Router + Send + Sync + 'static,
    ) -> Self {
        Self::with(name.into(), Shape::Router(Arc::new(make)))
    }

    /// A relay that serves by itself. It claims [`Capability::Streaming`] and has no switches.
    pub fn service(
        name: impl Into<String>,
        make: impl Fn(Listener, Upstream, &IndexMap<String, String>) -> Task + Send + Sync + 'static,
    ) -> Self {
        Self::with(name.into(), Shape::Serve(Arc::new(make)))
    }

    /// The same for several hosts of one run: `deploys` makes, once a run, what serves each of them.
    pub fn deployment<Serve>(
        name: impl Into<String>,
        deploys: impl Fn() -> Serve + Send + Sync + 'static,
    ) -> Self
    where
        Serve: Fn(Listener, Upstream, &IndexMap<String, String>) -> Task + Send + Sync + 'static,
    {
        Self::with(name.into(), Shape::Deployment(Arc::new(move || Arc::new(deploys()))))
    }

    /// Itself, made for one run.
    #[must_use]
    pub fn deployed(&self) -> Self {
        match &self.shape {
            Shape::Deployment(make) => Self { shape: Shape::Serve(make()), ..self.clone() },
            Shape::Router(_) | Shape::Serve(_) => self.clone(),
        }
    }

    /// The relay of the zoo that makes the mistake of this name, with or without `broken/` before
    /// it; `None` where the zoo has no such relay.
    pub fn broken(name: &str) -> Option<Self> {
        let name = name.strip_prefix("broken/").unwrap_or(name);
        broken::find(name).map(broken::Broken::target)
    }

    /// The name of the reference relay.
    pub const REFERENCE: &str = "reference";

    /// The reference relay, with all of its switches.
    pub fn reference() -> Self {
        reference::target()
    }

    /// The relay that the command line calls so.
    pub fn named(name: &str) -> Option<Self> {
        if name == Self::REFERENCE { Some(Self::reference()) } else { Self::broken(name) }
    }

    fn with(name: String, shape: Shape) -> Self {
        let claims = vec![Capability::Streaming];
        let says = Claims::default();
        Self { name, shape, says, claims, switches: None, calls: upstream }
    }

    /// The same, with one more claim: what is claimed is tested.
    #[must_use]
    pub fn claiming(mut self, capability: Capability) -> Self {
        if !self.claims(capability) {
            self.claims.push(capability);
        }
        self
    }

    /// The same, of a kind. A relay of which none is said is [`RelayKind::Transparent`].
    #[must_use]
    pub fn of_kind(mut self, kind: RelayKind) -> Self {
        self.says.kind = kind;
        self
    }

    /// The same, with metrics that are called so. It claims [`Capability::Metrics`].
    ///
    /// ```
    /// use harness::{metrics::Names, target::{Capability, Target}};
    ///
    /// let mine = Target::router("mine", |_| axum::Router::new()).with_metrics(Names {
    ///     // `proxy_requests_total{outcome="done"}` counts streams that came to their end.
    ///     streams: "requests_total".to_owned(),
    ///     end: "outcome".to_owned(),
    ///     complete: vec!["done".to_owned()],
    ///     ..Names::default()
    /// });
    /// assert!(mine.claims(Capability::Metrics));
    /// ```
    #[must_use]
    pub fn with_metrics(mut self, names: Names) -> Self {
        self.says.metrics = names;
        self.claiming(Capability::Metrics)
    }

    /// The same, calling its provider by another client than the one inside reqwest.
    #[must_use]
    pub(crate) fn calling(self, calls: Calls) -> Self {
        Self { calls, ..self }
    }

    /// The same, with switches: `maps` agrees to a name and a value, or says why not.
    #[must_use]
    pub fn with_switches(
        mut self,
        maps: impl Fn(&str, &str) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.switches = Some(Arc::new(maps));
        self
    }

    /// Whether it claims a capability.
    pub fn claims(&self, capability: Capability) -> bool {
        self.claims.contains(&capability)
    }

    /// Whether a switch can be set to a value.
    ///
    /// # Errors
    /// Why not: a scenario that needs it is skipped for this reason.
    pub fn maps_switch(&self, name: &str, value: &str) -> Result<(), String> {
        match &self.switches {
            Some(maps) => maps(name, value),
            None => Err(format!("`{}` has no switch `{name}`", self.name)),
        }
    }

    /// Runs it on a host, calling its provider at `next_hop`; ends only with the host.
    ///
    /// # Errors
    /// Where the host cannot listen.
    pub async fn serve(
        &self,
        host: Host,
        next_hop: Name,
        http: ProviderHttp,
        switches: IndexMap<String, String>,
    ) -> io::Result<()> {
        let listener = host.listen()?;
        let provider = (self.calls)(&host, next_hop, http);
        match &self.shape {
            Shape::Router(make) => {
                serve(listener, make(provider), WriteBuffer::HyperDefault).await;
            }
            Shape::Serve(make) => make(listener, provider, &switches).await,
            Shape::Deployment(make) => make()(listener, provider, &switches).await,
        }
        Ok(())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("name", &self.name)
            .field("shape", &self.shape)
            .field("says", &self.says)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Router(_) => "Router",
            Self::Serve(_) => "Serve",
            Self::Deployment(_) => "Deployment",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_of_the_zoo_is_found_by_both_of_its_names() {
        let found = |name| Target::broken(name).map(|target| target.name);
        assert_eq!(found("forgets-flush").as_deref(), Some("broken/forgets-flush"));
        assert_eq!(found("broken/forgets-flush").as_deref(), Some("broken/forgets-flush"));
        assert_eq!(found("forgets-nothing"), None);
    }

    #[test]
    fn a_switch_that_a_relay_does_not_have_is_a_reason_to_skip() {
        let plain = Target::router("mine", |_| Router::new());
        assert_eq!(
            plain.maps_switch("heartbeat", "15s"),
            Err("`mine` has no switch `heartbeat`".to_owned())
        );
        let switched = plain.with_switches(|name, value| match (name, value) {
            ("heartbeat", "15s") => Ok(()),
            (name, value) => Err(format!("`{name}` cannot be `{value}`")),
        });
        assert_eq!(switched.maps_switch("heartbeat", "15s"), Ok(()));
        assert_eq!(
            switched.maps_switch("heartbeat", "1h"),
            Err("`heartbeat` cannot be `1h`".to_owned())
        );
    }

    #[test]
    fn only_what_is_claimed_is_claimed() {
        let target = Target::router("mine", |_| Router::new()).claiming(Capability::Cors);
        assert!(target.claims(Capability::Streaming));
        assert!(target.claims(Capability::Cors));
        assert!(!target.claims(Capability::HalfClose));
    }
}
