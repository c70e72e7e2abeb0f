//! One request and its response over a connection of its own.

use std::{io, time::Duration};

use bytes::Bytes;

use super::{
    application::Application,
    carrier::Carrier,
    course::Course,
    frame_counter::FrameCounter,
    pace::Pace,
    session::{Session, within},
    tabs::Open,
};
use crate::{
    http1::{Garbled, Gunzip, Item, ResponseHead, is_gzip},
    net::{Fault, Stream},
    plan::Request,
    scenario::{Does, Leave, ReadPoint, Reads},
    trace::{BodyEnd, ClientFact},
};

/// How an exchange came to its end.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The client went away, as its plan says.
    Left,
    /// There was no connection, or the client's patience ended.
    Failed,
    /// The client's application takes no more of it.
    Refused,
    /// The response is over, or the connection before it; with the head, where it came.
    Over(Option<ResponseHead>),
}

impl Outcome {
    /// The head of the answer, where there was one.
    pub(super) fn into_answer(self) -> Option<ResponseHead> {
        match self {
            Self::Left | Self::Failed | Self::Refused => None,
            Self::Over(head) => head,
        }
    }
}

/// Whether reading goes on.
enum Next {
    GoOn,
    Stop(Outcome),
}

/// A request on its way.
pub(super) struct Exchange<'a> {
    session: &'a Session,
    application: &'a mut dyn Application,
    carrier: Carrier,
    /// Counts its connection, and goes with it.
    _open: Option<Open>,
    request: u64,
    /// The attempt that it is, where a status can make the client try again.
    attempt: Option<u64>,
    pace: Pace,
    reads: Reads,
    frames: FrameCounter,
    course: &'a mut Course,
    head: Option<ResponseHead>,
    /// Reads the body, where the head says that it is compressed.
    gunzip: Option<Gunzip>,
    any_byte: bool,
}

impl<'a> Exchange<'a> {
    /// Sends `request` and does with the answer what the course still holds, then reads to its end.
    /// An answer after which the client tries again is read to its end at once.
    pub(super) async fn run(
        session: &'a mut Session,
        request: &Request,
        course: &'a mut Course,
        attempt: Option<u64>,
        application: &'a mut dyn Application,
    ) -> Outcome {
        let ordinal = session.requests;
        let Some((stream, open)) = connect(session).await else { return Outcome::Failed };
        session.requests += 1;
        let session: &'a Session = session;
        // A preflight is the browser's own affair: it reads that at once.
        let reads = if attempt.is_some() { session.client.reads } else { Reads::Eagerly };
        let exchange = Self {
            session,
            application,
            carrier: Carrier::new(stream, &session.client, &request.method),
            _open: open,
            request: ordinal,
            attempt,
            pace: Pace::new(reads),
            reads,
            frames: FrameCounter::default(),
            course,
            head: None,
            gunzip: None,
            any_byte: false,
        };
        exchange.play(request).await
    }

    async fn play(mut self, request: &Request) -> Outcome {
        if let Next::Stop(outcome) = self.send(request).await {
            return outcome;
        }
        let mut has_reset = false;
        while let Some(step) = self.course.next() {
            let next = match step {
                Does::Read(point) => self.read_to(point).await,
                Does::Wait(wait) => {
                    self.carrier.during(self.session.wait(&wait)).await;
                    Next::GoOn
                }
                Does::Reconnect(_) => unreachable!("it stands between two courses"),
                Does::Leave(Leave::HalfClose) => self.half_close().await,
                Does::Leave(Leave::StreamReset) => {
                    has_reset = true;
                    self.reset_stream().await
                }
                Does::Leave(how) => {
                    if self.is_to_be_retried() {
                        break;
                    }
                    return self.leave(how).await;
                }
            };
            if let Next::Stop(outcome) = next {
                return outcome;
            }
            self.course.did_one();
        }
        if has_reset {
            return Outcome::Left;
        }
        loop {
            if let Next::Stop(outcome) = self.read(u64::MAX).await {
                return outcome;
            }
        }
    }

    async fn send(&mut self, request: &Request) -> Next {
        self.session.record(ClientFact::Sent {
            connection: self.carrier.connection(),
            request: self.request,
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body: Bytes::copy_from_slice(request.body.as_bytes()),
        });
        match within(self.first_byte(), self.carrier.send(request)).await {
            Some(()) => Next::GoOn,
            None => self.give_up("first_byte"),
        }
    }

    async fn read_to(&mut self, point: ReadPoint) -> Next {
        loop {
            let missing = self.course.received.missing(point);
            if missing == 0 || self.is_to_be_retried() {
                return Next::GoOn;
            }
            if let stop @ Next::Stop(_) = self.read(missing).await {
                return stop;
            }
        }
    }

    /// One read, at the client's pace and within its patience. The time that it does not read is
    /// not held against the server, unless it never reads.
    async fn read(&mut self, bytes_max: u64) -> Next {
        let patience = self.session.client.gives_up;
        let (budget, limit) = if self.any_byte {
            ("silence", patience.silence.map(|time| time.0))
        } else {
            ("first_byte", self.first_byte())
        };
        let pace_limit = if self.reads == Reads::None { limit } else { None };
        let turn = self.carrier.during(self.pace.next(self.course.received));
        let Some(pieces_max) = within(pace_limit, turn).await else {
            return self.give_up(budget);
        };
        let most = usize::try_from(pieces_max.min(bytes_max)).unwrap_or(1).max(1);
        let Some(arrived) = within(limit, self.carrier.read(most)).await else {
            return self.give_up(budget);
        };
        self.any_byte = true;
        self.pace.took(arrived.bytes);
        for item in arrived.items {
            if let stop @ Next::Stop(_) = self.take(item) {
                return stop;
            }
        }
        Next::GoOn
    }

    fn take(&mut self, item: Item<ResponseHead>) -> Next {
        let request = self.request;
        match item {
            Item::Head(head) => {
                self.session.record(ClientFact::Head {
                    request,
                    version: head.version,
                    status: head.status,
                    headers: head.headers.clone(),
                });
                self.session.record_sights(self.application.head(&head));
                self.gunzip = is_gzip(&head.headers).then(Gunzip::default);
                self.head = Some(head);
            }
            Item::Body(bytes) => {
                let Ok(bytes) = self.plain(bytes) else { return self.over(BodyEnd::Garbled) };
                if bytes.is_empty() {
                    return Next::GoOn;
                }
                let frames = self.frames.feed(&bytes);
                self.course.received.frames += frames;
                self.course.received.bytes += bytes.len() as u64;
                self.session.record(ClientFact::Body { request, bytes: bytes.clone() });
                self.session.record_sights(self.application.body(&bytes));
                if self.attempt.is_some() {
                    self.session.shared.progress.add(frames, bytes.len() as u64);
                }
            }
            Item::Trailers(fields) => {
                self.session.record(ClientFact::Trailers { request, fields });
            }
            Item::End(how) => return self.over(how),
        }
        if self.application.reads_on() {
            return Next::GoOn;
        }
        self.session.record(ClientFact::Left { how: Leave::Fin });
        Next::Stop(Outcome::Refused)
    }

    /// Bytes of the body without the coding that the head says, as far as they can be read.
    fn plain(&mut self, bytes: Bytes) -> Result<Bytes, Garbled> {
        match &mut self.gunzip {
            Some(gunzip) => Ok(gunzip.feed(&bytes)?.into()),
            None => Ok(bytes),
        }
    }

    fn over(&mut self, how: BodyEnd) -> Next {
        self.session.record(ClientFact::Ended { request: self.request, how });
        self.session.record_sights(self.application.ended(how));
        Next::Stop(Outcome::Over(self.head.take()))
    }

    fn give_up(&mut self, budget: &'static str) -> Next {
        self.session.record(ClientFact::GaveUp { budget });
        Next::Stop(Outcome::Failed)
    }

    /// Sends FIN and reads on. It is recorded first: what the server makes of it comes after.
    async fn half_close(&mut self) -> Next {
        self.session.record(ClientFact::Left { how: Leave::HalfClose });
        self.carrier.half_close().await;
        Next::GoOn
    }

    /// Gives up the stream, and keeps the connection for what stands behind.
    async fn reset_stream(&mut self) -> Next {
        self.session.record(ClientFact::Left { how: Leave::StreamReset });
        self.carrier.reset_stream().await;
        Next::GoOn
    }

    async fn leave(mut self, how: Leave) -> Outcome {
        self.session.record(ClientFact::Left { how });
        match how {
            // Letting go of the stream closes it.
            Leave::Fin | Leave::HalfClose | Leave::StreamReset => {}
            // An engine without RST still closes.
            Leave::Rst => self.carrier.reset().await.unwrap_or_default(),
            Leave::Vanish => {
                let host = self.session.host.name().clone();
                self.session.host.stack().apply(&Fault::Vanish { host });
            }
        }
        Outcome::Left
    }

    fn is_to_be_retried(&self) -> bool {
        self.attempt
            .zip(self.head.as_ref())
            .is_some_and(|(attempt, head)| self.session.tries_again_on(head.status, attempt))
    }

    fn first_byte(&self) -> Option<Duration> {
        self.session.client.gives_up.first_byte.map(|time| time.0)
    }
}

async fn connect(session: &Session) -> Option<(Stream, Option<Open>)> {
    let budget = session.client.gives_up.connect.map(|time| time.0);
    let connecting = async {
        let open = session.may_connect().await;
        Ok((session.host.connect(&session.next_hop).await?, open))
    };
    match within(budget, connecting).await {
        Some(Ok(connected)) => Some(connected),
        Some(Err(error)) => {
            let error: io::Error = error;
            session.record(ClientFact::NoConnection { error: error.kind() });
            None
        }
        None => {
            session.record(ClientFact::GaveUp { budget: "connect" });
            None
        }
    }
}
