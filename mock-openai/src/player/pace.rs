//! Waiting, always with an eye on the peer and on the trip wires of time.

use std::{
    future::{Future as _, poll_fn},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::{Halt, Player, counters};
use crate::{
    distribution,
    journal::{Event, PeerEnd},
    script::{Pause, Until, Wait},
    socket::Socket,
    wire::Wire,
};

/// How often a cut without a gap lets other tasks run. A simulated network may need a few turns
/// until it has taken what was written; a kernel needs none.
const YIELDS: usize = 4;

impl<W: Wire> Player<'_, W> {
    /// Does something that may take time. The peer's departure comes first, then a trip wire, so
    /// that of things at the same instant the same always wins.
    pub(super) async fn race<T>(
        &mut self,
        mut action: impl FnMut(&mut Socket<W>, &mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Halt> {
        poll_fn(|cx| {
            if self.gone.is_none()
                && let Poll::Ready(how) = self.socket.poll_gone(cx)
            {
                return Poll::Ready(Err(Halt::Gone(how)));
            }
            if let Poll::Ready(end) = self.trips.poll_time(cx) {
                return Poll::Ready(Err(Halt::End(end)));
            }
            action(self.socket, cx).map(Ok)
        })
        .await
    }

    /// Stops here where there is a reason to.
    pub(super) async fn look_round(&mut self) -> Result<(), Halt> {
        self.race(|_, _| Poll::Ready(())).await
    }

    pub(super) async fn sleep(&mut self, time: Duration) -> Result<(), Halt> {
        if time.is_zero() {
            return self.look_round().await;
        }
        let mut sleep = Box::pin(tokio::time::sleep(time));
        self.race(|_, cx| sleep.as_mut().poll(cx)).await
    }

    /// The pause at a cut.
    pub(super) async fn at_cut(&mut self, gap: Option<Duration>) -> Result<(), Halt> {
        if let Some(gap) = gap {
            return self.sleep(gap).await;
        }
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
        }
        self.look_round().await
    }

    /// Lets time pass between two things that are sent; `ordinal` counts the pauses of one step.
    /// Where they leave together there is no time between them.
    pub(super) async fn pause(&mut self, pause: &Pause, ordinal: u64) -> Result<(), Halt> {
        let time = match pause {
            _ if self.joined.is_some() => Duration::ZERO,
            Pause::For(time) => time.0,
            Pause::Drawn(distribution) => {
                let seed = self.answering.identity.seed;
                distribution::time(distribution, seed, &self.label("pause"), ordinal)
            }
        };
        self.sleep(time).await
    }

    pub(super) async fn wait(&mut self, wait: &Wait) -> Result<(), Halt> {
        match wait {
            Wait::For(time) => self.pause(&Pause::For(*time), 0).await,
            Wait::Drawn(distribution) => self.pause(&Pause::Drawn(*distribution), 0).await,
            Wait::Forever => self.wait_gone().await.and_then(|how| Err(Halt::Gone(how))),
            Wait::Until(Until::Mark(name)) => {
                let marks = Arc::clone(&self.answering.marks);
                let name = counters::fill(name, self.counter).into_owned();
                let mut passed = Box::pin(async move { marks.wait(&name).await });
                self.race(|_, cx| passed.as_mut().poll(cx)).await
            }
            Wait::Until(Until::PeerClosed) => {
                if self.gone.is_none() {
                    let how = self.wait_gone().await?;
                    self.gone = Some(how);
                    self.log.tell(Event::PeerGone { how, during_answer: true });
                }
                Ok(())
            }
        }
    }

    /// Waits until the peer is gone; what it still sends is thrown away.
    pub(super) async fn wait_gone(&mut self) -> Result<PeerEnd, Halt> {
        poll_fn(|cx| {
            if let Poll::Ready(how) = self.socket.poll_gone_deaf(cx) {
                return Poll::Ready(Ok(how));
            }
            self.trips.poll_time(cx).map(|end| Err(Halt::End(end)))
        })
        .await
    }
}
