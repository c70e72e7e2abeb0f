//! What limits a host: the `hosts:` block.

use std::time::Duration;

use mock_openai::quantity::{Size, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits of one host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostLimits {
    /// Receive buffer of each of its sockets; 64 KiB where it is left out, and at most 65,535 B
    /// are ever advertised (windows are not scaled).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recv_buffer: Option<Size>,
    /// Send buffer of each of its sockets, sent but unacknowledged bytes included; 64 KiB where it
    /// is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_buffer: Option<Size>,
    /// How many sockets its applications may have open, the listening one included; unbounded where
    /// it is left out. Over it a connect fails, and so does an accept while a connection waits, both
    /// as `EMFILE` does; once one is closed there is room again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Whether its sockets ask a peer that says nothing whether it lives (`SO_KEEPALIVE`), and how
    /// often; never where it is left out, as is the default of sockets. `{}` is as Linux does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive: Option<KeepAlive>,
    /// The HTTP version of `upstream`, the provider: `h1` where it is left out. With `h2` the relay
    /// calls it by HTTP/2 with prior knowledge, all its requests as streams of one connection. No
    /// other host says it: a client has its own `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<ProviderHttp>,
    /// How wrong its clock goes: what is read off it (`Date`, `created`, how far away a date is), never
    /// how fast time passes; right where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// How late its applications run after the network has woken them: what came, room to write and
    /// a finished connect are noticed so much later, with all that came meanwhile. Timers ring on time. At
    /// once where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_cpu: Option<Time>,
}

/// How wrong a clock goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// It says what it will be so much later.
    Ahead(Time),
    /// It says what it was so much earlier.
    Behind(Time),
}

/// When a socket asks its silent peer whether it lives, and when it no longer believes so (tcp(7)).
/// Nothing is asked while bytes wait to be acknowledged: those are sent again instead. A peer that has
/// forgotten the connection answers with RST; where none answers, calls fail with `ETIMEDOUT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepAlive {
    /// How long nothing is heard before the first question (`TCP_KEEPIDLE`).
    #[serde(default = "KeepAlive::idle")]
    pub idle: Time,
    /// How long after one question comes the next (`TCP_KEEPINTVL`).
    #[serde(default = "KeepAlive::interval")]
    pub interval: Time,
    /// How many questions go unanswered before the connection is given up (`TCP_KEEPCNT`).
    #[serde(default = "KeepAlive::count")]
    pub count: u64,
}

impl KeepAlive {
    fn idle() -> Time {
        Time(Duration::from_hours(2))
    }

    fn interval() -> Time {
        Time(Duration::from_secs(75))
    }

    fn count() -> u64 {
        9
    }
}

/// The HTTP version that the provider speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderHttp {
    /// HTTP/1.1.
    #[default]
    H1,
    /// HTTP/2 with prior knowledge.
    H2,
}
