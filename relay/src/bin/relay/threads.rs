//! One relay on several threads, each with a runtime of its own.
//!
//! All of a connection happens on the thread that accepted it, on the client's side and on the
//! provider's: for an event, nothing goes from one thread to another.

use std::{
    future::{Future, pending},
    io, net,
    num::NonZero,
    sync::Arc,
    thread,
};

use axum::serve::ListenerExt as _;
use relay::{Config, Server, dial::Client};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::watch,
};

/// What one thread serves with. The listener is shared: whoever has time takes who comes next.
#[derive(Debug)]
struct Thread {
    runtime: Runtime,
    listener: TcpListener,
    client: Client,
}

impl Thread {
    fn new(listener: &net::TcpListener, client: Client) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = listener.try_clone()?;
        let inside = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        drop(inside);
        Ok(Self { runtime, listener, client })
    }

    /// Serves until the relay is told to stop and has drained, or has to go `now`.
    fn serve(
        self,
        server: &Server,
        others: Others,
        told: impl Future<Output = ()> + Send + 'static,
        now: impl Future<Output = Result<(), String>>,
    ) -> Result<(), String> {
        let Self { runtime, listener, client } = self;
        let listener = listener.tap_io(|socket| {
            // Without it the relay still works, only later.
            drop(socket.set_nodelay(true));
        });
        let ended = runtime.block_on(async {
            let serve = async {
                server.serve(listener, client, told).await;
                others.have_drained().await;
            };
            tokio::select! {
                biased;
                now = now => now,
                () = serve => Ok(()),
            }
        });
        // All that anybody waits for is done. Dropped, the runtime would wait for the look-up of a
        // name, too, and the system's resolver has no bound that the relay knows.
        runtime.shutdown_background();
        ended
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
    let thread = || {
        let client = relay::dial::client(&config).map_err(|error| error.to_string())?;
        Thread::new(&listener, client).map_err(cannot)
    };
    let here = thread()?;
    let processors = || thread::available_parallelism().map_or(1, NonZero::get);
    let threads = usize::try_from(threads).ok().filter(|threads| *threads > 0);
    let elsewhere =
        (1..threads.unwrap_or_else(processors)).map(|_| thread()).collect::<Result<Vec<_>, _>>()?;
    // Only the threads have it: when all of them have let go of it, nobody waits to be accepted.
    drop(listener);
    let server = Server::new(config).map_err(|error| error.to_string())?;
    let others = Others::new();
    for thread in elsewhere {
        let (server, others) = (server.clone(), others.clone());
        let serve = move || thread.serve(&server, others, pending(), pending());
        thread::Builder::new().spawn(serve).map_err(cannot)?;
    }
    here.serve(&server, others, told, now)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{RecvTimeoutError, channel},
        time::Duration,
    };

    use super::*;

    /// Longer than a thread takes to end, whatever else the machine does.
    const PATIENCE: Duration = Duration::from_mins(1);

    /// A name is looked up by a call that blocks a thread of the runtime.
    #[test]
    fn a_look_up_that_takes_its_time_keeps_no_thread_from_ending() {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let config = Config::new("http://127.0.0.1:9/v1".parse().unwrap());
        let thread = Thread::new(&listener, relay::dial::client(&config).unwrap()).unwrap();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (end, looks_up) = channel::<()>();
        let (tell, how) = channel();
        let told = async {
            tokio::task::spawn_blocking(move || {
                let _ = begun.send(());
                let _ = tell.send(looks_up.recv_timeout(PATIENCE));
            });
            has_begun.await.unwrap();
        };
        let server = Server::new(config).unwrap();
        assert_eq!(thread.serve(&server, Others::new(), told, pending()), Ok(()));
        drop(end);
        let how = how.recv_timeout(PATIENCE).unwrap();
        assert_eq!(how, Err(RecvTimeoutError::Disconnected), "the thread waited for it");
    }
}
