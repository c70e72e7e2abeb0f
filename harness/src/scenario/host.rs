//! What limits a host: the `hosts:` block.

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
    /// The HTTP version of `upstream`, the provider: `h1` where it is left out. With `h2` the relay
    /// calls it by HTTP/2 with prior knowledge, all its requests as streams of one connection. No
    /// other host says it: a client has its own `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<ProviderHttp>,
    /// How late its tasks run after they are woken; at once where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-not-built" = true, "x-instead" = "a client's `reads: { rate: ... }` slows a reader down"))]
    pub slow_cpu: Option<Time>,
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
