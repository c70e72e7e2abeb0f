//! What clients did and saw, and what the applications behind them made of it.

use std::time::Duration;

use bytes::Bytes;

use super::Connection;

/// How the HTTP body of a response ended at the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyEnd {
    /// By its framing: final chunk, full length, `END_STREAM`, or the close of a close-delimited body.
    Complete,
    /// By FIN before the framing's end.
    Truncated,
    /// By RST.
    Reset,
    /// By `RST_STREAM`, with its code (HTTP/2).
    StreamReset(u32),
    /// By a `GOAWAY` that leaves its stream out, with its code (HTTP/2).
    TurnedAway(u32),
    /// The bytes are no longer HTTP, or not in the coding that the head says.
    Garbled,
}

/// What a client did and saw.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ClientFact {
    /// It wrote a request.
    Sent {
        /// Over which connection.
        connection: Connection,
        /// Requests of one client are counted from 0, preflights included.
        request: u64,
        /// `POST`.
        method: String,
        /// `/v1/chat/completions`.
        target: String,
        /// In order.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
    /// It could not connect.
    NoConnection {
        /// Why.
        error: std::io::ErrorKind,
    },
    /// The head of a response arrived.
    Head {
        /// Which request it answers.
        request: u64,
        /// `HTTP/1.1`.
        version: http::Version,
        /// Status code.
        status: u16,
        /// In order, names as received.
        headers: Vec<(String, String)>,
    },
    /// Body bytes arrived, after transfer and content decoding, as one read gave them.
    Body {
        /// Which request they answer.
        request: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// The trailer section of a response arrived.
    Trailers {
        /// Which request it answers.
        request: u64,
        /// In order, names as received.
        fields: Vec<(String, String)>,
    },
    /// The response is over, or the connection before any head.
    Ended {
        /// Which request.
        request: u64,
        /// How.
        how: BodyEnd,
    },
    /// The client went away by its own will.
    Left {
        /// How.
        how: crate::scenario::Leave,
    },
    /// The client's patience ended.
    GaveUp {
        /// Which budget: `connect`, `first_byte`, `silence`, `total`, `retries`.
        budget: &'static str,
    },
    /// The client waits before it tries again.
    Waits {
        /// How long.
        time: Duration,
        /// `retry-after`, `retry-after-ms` or `backoff`; of an `EventSource` `retry`, or
        /// `the browser's own time`.
        because: &'static str,
    },
    /// What the application behind the client saw, where its kind is more than raw.
    Saw(Sight),
    /// The client is done with all that it does.
    Done,
    // A fact's place in this list goes into the hash of a trace: what is new comes last.
    /// It waits for a connection: the tabs of its browser have as many as a browser opens.
    Queues,
}

/// What an application saw through its client library or browser.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sight {
    /// An `EventSource` is open: script may read its stream.
    Open,
    /// An event, as the library dispatched it.
    Event {
        /// Its type; `message` where none was given.
        event: String,
        /// The last event id in force.
        id: String,
        /// Its data.
        data: String,
    },
    /// The library reports an error.
    Error {
        /// Its text.
        text: String,
    },
    /// The library says that the stream is over, without an error.
    End,
    /// What an application has gathered through an SDK when its answer is over.
    Answer {
        /// Text and refusal, in order.
        said: String,
        /// The arguments of tool calls, joined.
        tool_arguments: String,
        /// Why the model stopped, in the SDK's word.
        finish: Option<String>,
    },
    /// Script may read this response: its status, and the headers that are exposed to it.
    Response {
        /// Status code.
        status: u16,
        /// Names in lower case.
        headers: Vec<(String, String)>,
    },
    /// Body text that script may read.
    Text {
        /// As decoded from UTF-8 so far.
        text: String,
    },
    /// The browser keeps the response from script: `fetch` rejects with a `TypeError`.
    Blocked {
        /// Which check of the Fetch standard failed.
        why: String,
    },
}
