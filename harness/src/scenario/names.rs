//! The names that a scenario gives to its hosts, links and clients.

use super::{Client, Middlebox, PathStep, SECOND_RELAY, Scenario};

impl PathStep {
    /// The name of the host that stands there; `client` stands for every client's host.
    pub fn host_name(&self) -> &str {
        match self {
            Self::Client => "client",
            Self::Relay => "relay",
            Self::Upstream => "upstream",
            Self::Middlebox(middlebox) => middlebox.name(),
        }
    }
}

impl Scenario {
    /// The links between neighbours on the path, the client's side first: `client-relay`.
    pub fn link_names(&self) -> Vec<String> {
        let pairs = self.path.windows(2);
        pairs.map(|pair| format!("{}-{}", pair[0].host_name(), pair[1].host_name())).collect()
    }

    /// The host of the second relay, where there is one.
    pub fn second_relay(&self) -> Option<&'static str> {
        let balances =
            |step: &PathStep| matches!(step, PathStep::Middlebox(Middlebox::LoadBalancer(_)));
        self.path.iter().any(balances).then_some(SECOND_RELAY)
    }

    /// For each client of the plan, in its order, what the scenario says of it.
    pub fn each_client(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter().flat_map(|client| client_names(client).map(move |_| client))
    }
}

/// The names of the clients that an entry stands for: its own, or `name-1`, `name-2`... with a
/// count.
pub fn client_names(client: &Client) -> impl Iterator<Item = String> {
    let name = client.name.clone();
    let counted = client.count.is_some();
    (1..=client.count.unwrap_or(1))
        .map(move |ordinal| if counted { format!("{name}-{ordinal}") } else { name.clone() })
}
