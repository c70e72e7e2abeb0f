//! Plays the steps of a rule on a connection.
//!
//! ```text
//! steps --> put(bytes) --trip wires--> send --chunk cuts, framing--> write --segment cuts--> socket
//! ```

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use serde_json::Value;

use crate::{
    http::Request,
    journal::{Event, PeerEnd},
    log::Log,
    script::{End, ErrorAnswer, Repeat, Step},
    socket::Socket,
    wire::Wire,
};

mod answering;
mod counters;
mod cuts;
mod ending;
mod event;
mod frames;
mod head;
mod inside;
mod outgoing;
mod pace;
mod send;
mod stream;
mod trips;

pub(crate) use answering::Answering;
pub(crate) use ending::Next;

/// Why playing stops before the last step, or at it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The peer went away.
    Gone(PeerEnd),
    /// The script says so.
    End(End),
}

impl From<PeerEnd> for Halt {
    fn from(how: PeerEnd) -> Self {
        Self::Gone(how)
    }
}

/// One answer while it is played.
pub(crate) struct Player<'a, W> {
    socket: &'a mut Socket<W>,
    log: Log,
    request: &'a Request,
    answering: Answering,
    head: head::State,
    progress: send::Progress,
    cuts: cuts::Cuts<'a>,
    /// What a `joined` cut in force holds back.
    joined: Option<send::Joined>,
    trips: trips::Trips,
    /// The innermost loop's count, from 0.
    counter: Option<u64>,
    /// Which step is played: its index in each list from the outermost on, and the counts of the
    /// loops between them.
    path: Vec<u64>,
    /// What is to end a stream that has begun, where its dialect has something for that.
    terminator: Option<Bytes>,
    /// Set when the script has waited for the peer to go: then that stops nothing any more.
    gone: Option<PeerEnd>,
}

impl<'a, W: Wire> Player<'a, W> {
    pub(crate) fn new(
        socket: &'a mut Socket<W>,
        log: Log,
        request: &'a Request,
        answering: Answering,
    ) -> Self {
        Self {
            socket,
            log,
            request,
            answering,
            head: head::State::default(),
            progress: send::Progress::default(),
            cuts: cuts::Cuts::default(),
            joined: None,
            trips: trips::Trips::default(),
            counter: None,
            path: Vec::new(),
            terminator: None,
            gone: None,
        }
    }

    /// Plays an answer from its first step to its end.
    pub(crate) async fn answer(mut self, steps: &'a [Step]) -> Next {
        let halt = self.play(steps).await;
        self.finish(halt).await
    }

    /// Sends an error object as the whole answer.
    pub(crate) async fn refuse(
        mut self,
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    ) -> Next {
        let headers = headers.into_iter().map(|(name, value)| (name, vec![value])).collect();
        self.head.plan_error(status, headers);
        let halt = self.whole(body).await;
        self.finish(halt).await
    }

    fn play<'s>(
        &'s mut self,
        steps: &'a [Step],
    ) -> Pin<Box<dyn Future<Output = Result<(), Halt>> + Send + 's>> {
        Box::pin(async move {
            for (at, step) in steps.iter().enumerate() {
                // An endless loop of steps that never wait must not starve the other connections.
                tokio::task::consume_budget().await;
                self.path.push(at as u64);
                self.step(step, &steps[at + 1..]).await?;
                self.path.pop();
            }
            Ok(())
        })
    }

    /// `rest` are the steps behind it in the same list, for what depends on them.
    async fn step(&mut self, step: &'a Step, rest: &'a [Step]) -> Result<(), Halt> {
        match step {
            Step::Head(head) => self.announce(head, rest).await,
            Step::Stream(stream) => self.stream(stream, !forgoes_terminator(rest)).await,
            Step::Send(send) => {
                for frame in self.frames_of(send) {
                    self.put(frame, head::Kind::Events).await?;
                }
                Ok(())
            }
            Step::Json(value) => self.json(value).await,
            Step::Error(error) => self.error(error).await,
            Step::Cut(cut) => self.cut(cut).await,
            Step::Wait(wait) => self.wait(wait).await,
            Step::Repeat(repeat) => self.repeat(repeat).await,
            Step::Trip(trip) => {
                let began = self.answering.received;
                self.trips.arm(trip.after, trip.end, trips::Origin { bytes: 0, frames: 0, began });
                self.check_trips()
            }
            Step::End(end) => Err(Halt::End(*end)),
            Step::Mark(name) => {
                let name = counters::fill(name, self.counter).into_owned();
                self.answering.marks.pass(&name);
                self.log.tell(Event::Marked { name });
                Ok(())
            }
        }
    }

    async fn repeat(&mut self, repeat: &'a Repeat) -> Result<(), Halt> {
        let outer = self.counter;
        for count in 0..repeat.times {
            self.counter = Some(count);
            self.look_round().await?;
            self.path.push(count);
            self.play(&repeat.steps).await?;
            self.path.pop();
        }
        self.counter = outer;
        Ok(())
    }

    /// The label under which the step at hand draws something. It names the step by its place, so
    /// that what others draw, in this answer or another, changes nothing.
    fn label(&self, what: &str) -> String {
        let mut place = format!("{what} at rule {} step", self.answering.rule);
        for (depth, index) in self.path.iter().enumerate() {
            place.push(if depth == 0 { ' ' } else { '.' });
            place.push_str(&index.to_string());
        }
        self.answering.identity.label(&place)
    }

    async fn json(&mut self, value: &Value) -> Result<(), Halt> {
        let text = value.to_string();
        let text = counters::fill(&text, self.counter).into_owned();
        self.whole(text).await
    }

    /// Where the head was sent already, the object's bytes follow as they are.
    async fn error(&mut self, error: &ErrorAnswer) -> Result<(), Halt> {
        let message = error.message.as_deref().map(|text| counters::fill(text, self.counter));
        let (status, body) = crate::errors::answer(error, message.as_deref());
        self.head.plan_error(status, head::listed(&error.headers));
        self.whole(body).await
    }
}

/// Whether the answer goes on with `end: no_terminator`: then the stream before it must not send
/// its `[DONE]`. Pauses and marks may stand in between.
fn forgoes_terminator(rest: &[Step]) -> bool {
    let next = rest.iter().find(|step| !matches!(step, Step::Mark(_) | Step::Wait(_)));
    matches!(next, Some(Step::End(End::NoTerminator)))
}
