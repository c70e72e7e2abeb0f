//! How a client behaves.

use indexmap::IndexMap;
use mock_openai::{
    quantity::{Rate, Share, Size, Time},
    script::Until,
    short_forms,
    yaml::short::{Form, Short},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};

/// One client, or `count` alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name; with `count`, the clients are `name-1`, `name-2`...
    pub name: String,
    /// How many of them; one where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// When it starts; at once where it is left out.
    #[serde(default)]
    pub starts: Starts,
    /// Clients of one address name it here; default: one each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The browser that it is a tab of, by any name; default: one of its own. Its tabs have one address,
    /// and over HTTP/1.1 at most six connections at a time, as in Chromium and Firefox: who finds none
    /// free waits for its turn. Over HTTP/2 none waits. For `browser` and `eventsource`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tab_of: Option<String>,
    /// What kind of client it is; `raw` where it is left out.
    #[serde(default, rename = "as")]
    pub kind: Kind,
    /// Its host's receive buffer; 64 KiB where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recv_buffer: Option<Size>,
    /// What it asks; a streamed chat completion where it is left out.
    #[serde(default)]
    pub request: Request,
    /// The HTTP version that it speaks; `h1` where it is left out.
    #[serde(default)]
    pub http: Http,
    /// The page's origin, for `browser` and `eventsource`: `https://app.example`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Whether the page sends the request with credentials.
    #[serde(default)]
    pub credentials: bool,
    /// Its patience.
    #[serde(default)]
    pub gives_up: Patience,
    /// How fast it reads.
    #[serde(default)]
    pub reads: Reads,
    /// What it does; reads to the end where it is left out.
    #[serde(default)]
    pub does: Vec<Does>,
    /// Whether and how it tries again; never where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
}

impl Client {
    /// The address that it names, where it shares one: that of clients, or that of its browser.
    pub(crate) fn address(&self) -> Option<&str> {
        self.from.as_deref().or(self.tab_of.as_deref())
    }
}

/// When clients start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Starts {
    /// The first instant.
    #[serde(default)]
    pub at: Time,
    /// Over how long they are spread, each drawn by itself.
    #[serde(default)]
    pub spread: Time,
}

/// The kinds of client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// Takes bytes as they come.
    #[default]
    #[serde(rename = "raw")]
    Raw,
    /// A browser's `EventSource` by the HTML standard 9.2: a GET that comes back 3 s after its stream
    /// ended or broke, or after the `retry` of the stream, with the last id; 204, any other status but
    /// 200 and a wrong type close it. What it does counts over all its connections. `leave` is
    /// script's `close()`; one that nothing closes comes back for ever.
    #[serde(rename = "eventsource")]
    Eventsource,
    /// What a Rust application sees through the crate of that name.
    #[serde(rename = "eventsource-stream")]
    EventsourceStream,
    /// A page's `fetch` by the Fetch standard: preflight, checks, what script may see.
    #[serde(rename = "browser")]
    Browser,
    /// What an application sees through an SDK that posts a chat completion: how it decodes, when it
    /// asks again, how long it waits. What it has gathered is told at the end of its last answer, which
    /// it reads to the end. Not modelled: that it closes early after an error, and that the AI SDK asks
    /// again where an error is the first event.
    #[serde(rename = "sdk")]
    Sdk(Sdk),
}

/// SDKs whose decoding and retries are modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Sdk {
    /// openai (`PyPI`) 3.
    #[serde(rename = "openai-python-3")]
    OpenaiPython3,
    /// openai (`PyPI`) 1.109.
    #[serde(rename = "openai-python-1")]
    OpenaiPython1,
    /// openai (npm) 6.
    #[serde(rename = "openai-node-6")]
    OpenaiNode6,
    /// ai (npm) 6: the Vercel AI SDK.
    #[serde(rename = "ai-sdk-6")]
    AiSdk6,
    /// sashabaranov/go-openai.
    #[serde(rename = "go-openai")]
    GoOpenai,
    /// async-openai (crates.io).
    #[serde(rename = "async-openai")]
    AsyncOpenai,
}

impl Sdk {
    /// Its word in the language.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenaiPython3 => "openai-python-3",
            Self::OpenaiPython1 => "openai-python-1",
            Self::OpenaiNode6 => "openai-node-6",
            Self::AiSdk6 => "ai-sdk-6",
            Self::GoOpenai => "go-openai",
            Self::AsyncOpenai => "async-openai",
        }
    }
}

/// The HTTP version that a client speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Http {
    /// HTTP/1.0: no chunked coding, which it would take for the body; one request a connection. No
    /// browser speaks it.
    #[serde(rename = "h1.0")]
    H10,
    /// HTTP/1.1.
    #[default]
    #[serde(rename = "h1")]
    H1,
    /// HTTP/2 with prior knowledge, one stream on a connection of its own. What the relay may send
    /// ahead is as much as `recv_buffer`. A relay that does not claim `http2` is skipped.
    #[serde(rename = "h2")]
    H2,
}

/// What a client asks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The path of a GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<String>,
    /// The path of a POST; `/v1/chat/completions` where neither is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<String>,
    /// Headers beside the usual ones.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(extend("x-names" = "<header>"))]
    pub headers: IndexMap<String, String>,
    /// The JSON body. A `user` key is added where there is none: it tells the clients apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<serde_json::Map<String, serde_json::Value>>,
}

/// How long a client waits for things; for ever where one is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    /// For the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Time>,
    /// From the request to the first byte of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<Time>,
    /// Between one byte of the response and the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Time>,
    /// For everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Time>,
}

/// How fast a client reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    /// As fast as bytes come.
    #[default]
    Eagerly,
    /// At most so many bytes a second.
    Rate(Rate),
    /// Stops once, and goes on.
    Pause(Pause),
    /// Never.
    None,
}

/// A reader that stops once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReadingPause")]
pub struct Pause {
    /// The point at which it stops.
    pub after: ReadPoint,
    /// For how long.
    #[serde(rename = "for")]
    pub lasts: Time,
}

/// A point in what was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadPoint {
    /// So many whole frames of the body.
    Frames(u64),
    /// So many bytes of the body.
    Bytes(Size),
}

/// One thing that a client does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// Reads up to a point.
    Read(ReadPoint),
    /// Goes away.
    Leave(Leave),
    /// Does nothing for so long, or until a mark of the provider's is passed.
    Wait(ClientWait),
    /// Asks again on a new connection, after it left or its answer ended. What stands between
    /// `leave` and this is done without a connection; points count anew.
    Reconnect(Reconnect),
}

/// What a client waits for: a time (`2s`), or `{ until: { mark: name } }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientWait {
    /// So long.
    For(Time),
    /// Until the provider passes a `mark` for the first time; at once where it has already.
    Mark(String),
}

/// The long form of a client's wait.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LongClientWait {
    /// What it waits for.
    pub until: UntilMark,
}

/// What a client can wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UntilMark {
    /// The provider passes the `mark` of that name.
    Mark(String),
}

/// How a client asks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reconnect {
    /// What it says in `Last-Event-ID`; the last id that it received where it is left out.
    #[serde(default)]
    pub last_event_id: LastEventId,
}

/// What a client says in `Last-Event-ID` when it comes back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastEventId {
    /// The last id that it received.
    #[default]
    Kept,
    /// Nothing: the header is absent.
    Forgotten,
    /// This.
    Given(String),
}

impl From<LongClientWait> for ClientWait {
    fn from(long: LongClientWait) -> Self {
        let UntilMark::Mark(name) = long.until;
        Self::Mark(name)
    }
}

impl Short for ClientWait {
    type Long = LongClientWait;
    const FORM: Form = Form::Mapping;
    const NAME: &'static str = "ClientWait";
    const WANTED: &'static str =
        "a time with its unit, such as `2s`, or `{ until: { mark: name } }`";

    fn text(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::For)
    }

    fn short_schema(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![generator.subschema_for::<Time>()]
    }
}

impl Serialize for ClientWait {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::For(time) => time.serialize(serializer),
            Self::Mark(name) => {
                let until = Until::Mark(name.clone());
                serializer.collect_map(std::iter::once(("until", until)))
            }
        }
    }
}

short_forms!(ClientWait);

/// How a client goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leave {
    /// It closes: FIN (RST where bytes are unread, as the kernel does).
    Fin,
    /// It resets.
    Rst,
    /// Its host falls silent without a word.
    Vanish,
    /// It shuts its sending side alone (FIN), and reads on: what stands behind it goes on. A relay may
    /// take it for a departure, unless it claims `half_close`.
    HalfClose,
    /// It gives up its stream (`RST_STREAM`, `CANCEL`), and keeps the connection until it has waited
    /// as long as what stands behind says. Needs `http: h2`.
    StreamReset,
}

/// How a client tries again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retries {
    /// At most so many times after the first.
    pub max: u64,
    /// The statuses after which it tries again.
    pub on: Vec<u16>,
    /// How long it waits where the answer does not say.
    #[serde(default)]
    pub backoff: Backoff,
    /// Whether `Retry-After` counts.
    #[serde(default = "yes")]
    pub honours_retry_after: bool,
}

fn yes() -> bool {
    true
}

/// Exponential back-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    /// The first wait.
    pub base: Time,
    /// How many times as long each wait is as the one before.
    pub factor: u32,
    /// The longest wait.
    pub cap: Time,
    /// At most this share is taken off, drawn for each wait.
    pub jitter: Share,
}

impl Default for Backoff {
    /// What the official SDKs do: 0.5 s, doubled, at most 8 s, less up to a quarter (openai-python
    /// 3.54 and openai-node 6.49, measured).
    fn default() -> Self {
        let millis = |m| Time(std::time::Duration::from_millis(m));
        Self { base: millis(500), factor: 2, cap: millis(8_000), jitter: Share(2_500) }
    }
}
