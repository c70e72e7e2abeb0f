//! One relay on several threads, each with a runtime of its own.
//!
//! All of a connection happens on the thread that it is given to, on the client's side and on the
//! provider's: for an event, nothing goes from one thread to another.

use std::{
    future::{Future, pending},
    net,
    num::NonZero,
    sync::Arc,
    thread,
};

use relay::{Config, Server, dial::Client};
use tokio::{
    runtime::{Builder, Runtime},
    sync::watch,
};

use crate::acceptor::{Turn, accepting};

/// What one thread serves with.
#[derive(Debug)]
struct Thread {
    runtime: Runtime,
    turn: Turn,
    client: Client,
}

impl Thread {
    /// Serves until the relay is told to stop and has drained, or has to go `now`.
    fn serve(
        self,
        server: &Server,
        others: Others,
        told: impl Future<Output = ()> + Send + 'static,
        now: impl Future<Output = Result<(), String>>,
    ) -> Result<(), String> {
        let Self { runtime, turn, client } = self;
        runtime.block_on(async {
            let serve = async {
                server.serve(turn, client, told).await;
                others.have_drained().await;
            };
            tokio::select! {
                biased;
                now = now => now,
                () = serve => Ok(()),
            }
        })
    }
}

/// Whether the other threads still serve. What runs on one may still need another: a reader the
/// stream that it resumes, everybody the connection to the store.
#[derive(Debug, Clone)]
struct Others {
    busy: watch::Receiver<()>,
    all: Arc<watch::Sender<()>>,
}

impl Others {
    fn new() -> Self {
        let (all, busy) = watch::channel(());
        Self { busy, all: Arc::new(all) }
    }

    async fn have_drained(self) {
        drop(self.busy);
        self.all.closed().await;
    }
}

/// Relays on so many threads, 0 being one for each processor, of which the caller's is one: until the
/// relay is `told` to stop and has drained, or has to go `now`, for better or for worse.
///
/// # Errors
/// The reason and the remedy.
pub(crate) fn serve(
    threads: u32,
    listener: net::TcpListener,
    config: Config,
    told: impl Future<Output = ()> + Send + 'static,
    now: impl Future<Output = Result<(), String>>,
) -> Result<(), String> {
    let cannot = |error| format!("cannot set up a thread: {error}; give fewer --threads");
    let processors = || thread::available_parallelism().map_or(1, NonZero::get);
    let threads = usize::try_from(threads).ok().filter(|threads| *threads > 0);
    let threads = threads.unwrap_or_else(processors);
    let runtime = |_| Builder::new_current_thread().enable_all().build().map_err(cannot);
    let runtimes = (0..threads).map(runtime).collect::<Result<Vec<_>, _>>()?;
    let inside = runtimes[0].enter();
    let (acceptor, turns) = accepting(listener, threads).map_err(cannot)?;
    drop(inside);
    runtimes[0].spawn(acceptor.run());
    let thread = |(runtime, turn)| {
        let client = relay::dial::client(&config).map_err(|error| error.to_string())?;
        Ok(Thread { runtime, turn, client })
    };
    let threads = runtimes.into_iter().zip(turns).map(thread);
    let mut elsewhere = threads.collect::<Result<Vec<_>, String>>()?;
    let here = elsewhere.remove(0);
    let server = Server::new(config).map_err(|error| error.to_string())?;
    let others = Others::new();
    for thread in elsewhere {
        let (server, others) = (server.clone(), others.clone());
        let serve = move || thread.serve(&server, others, pending(), pending());
        thread::Builder::new().spawn(serve).map_err(cannot)?;
    }
    here.serve(&server, others, told, now)
}
