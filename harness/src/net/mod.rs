//! The simulated network: the only place that knows the turmoil crates.
//!
//! An engine is a [`Stack`]: it connects, listens and carries out faults. Everything above it, the
//! recording [`Stream`] and [`Listener`] included, is the same for every engine.

use std::{
    fmt, future::Future, io, net::SocketAddr, pin::Pin, sync::Arc, task::Context, task::Poll,
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    plan::{EPOCH, Plan},
    scenario::Way,
    trace::{Connection, Name, Recorder, Trace, Watcher},
};

mod event_driven;
mod http_client;
mod listener;
mod on_thread;
mod stop;
mod stream;
mod topology;
mod turmoil_crate;
mod words;

pub(crate) use http_client::reference_upstream;
pub use http_client::{BoxError, Upstream, upstream};
pub use listener::Listener;
pub use on_thread::recorder_on_this_thread;
pub use stop::Stop;
pub use stream::Stream;

/// A future that an engine runs.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes what decides how long a run lasts, on the host `world`.
pub type Main = Box<dyn FnOnce(Host) -> Task + Send>;

/// Runs `actors`, each on its host, and `main` on the host `world`, until `main` is done.
pub fn run(engine: Engine, plan: &Plan, actors: Vec<Actor>, main: Main) -> Trace {
    match engine {
        Engine::TurmoilNet => event_driven::run(plan, actors, main, None),
        Engine::Turmoil => turmoil_crate::run(plan, actors, main),
    }
}

/// As [`run`] on the event-driven engine, but each fact goes to a watcher, and no trace is kept.
pub fn watch(plan: &Plan, actors: Vec<Actor>, main: Main, watcher: Watcher) {
    event_driven::run(plan, actors, main, Some(watcher));
}

/// Why an engine cannot carry a plan, if so.
pub fn cannot(engine: Engine, plan: &Plan) -> Option<String> {
    match engine {
        Engine::TurmoilNet => None,
        Engine::Turmoil => turmoil_crate::cannot(plan),
    }
}

/// Which network stack carries a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// turmoil-net below the harness's own event-driven scheduler: shows packets, models windows,
    /// resets, loss and bandwidth, and skips idle time.
    TurmoilNet,
    /// The `turmoil` crate: an independent stack with a fixed tick, for comparison.
    Turmoil,
}

impl Engine {
    /// Whether traces hold packets, and what is left when everything has settled.
    pub fn shows_packets(self) -> bool {
        self == Self::TurmoilNet
    }

    /// Its name, as the command line takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TurmoilNet => "turmoil-net",
            Self::Turmoil => "turmoil",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One end of a connection, as an engine gives it.
pub trait Socket: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static {
    /// Ends the connection by RST once what was written has left this host.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where the engine knows no RST.
    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// The number that both ends share.
    fn connection(&self) -> Connection;
    /// This end's address, and the other's.
    fn addresses(&self) -> (SocketAddr, SocketAddr);
    /// The host at the other end.
    fn peer(&self) -> Name;
}

/// A listening socket, as an engine gives it.
pub trait Listening: Send + 'static {
    /// Waits for the next connection.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Box<dyn Socket>>>;
    /// The address that it listens on.
    fn local_addr(&self) -> SocketAddr;
}

/// Connecting: resolves to one end of the new connection.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Socket>>> + Send>>;

/// An engine at work, as seen from the hosts that it carries.
pub trait Stack: Send + Sync + 'static {
    /// Connects two hosts.
    fn connect(&self, from: &Name, to: &Name) -> Connecting;
    /// Listens on the one port of a host.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] where something listens there already.
    fn listen(&self, at: &Name) -> io::Result<Box<dyn Listening>>;
    /// Makes something happen to a link or a host, now.
    fn apply(&self, fault: &Fault);
    /// Tasks alive on the runtime that carries the code under test, where one runtime carries all; the
    /// others are those of hosts of which this is not so.
    fn tasks_alive(&self, is_meant: &dyn Fn(&str) -> bool) -> Option<TasksAlive>;
}

/// How many tasks are alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TasksAlive {
    /// On all hosts.
    pub all: u64,
    /// On other hosts than those that are meant, as far as the runtime can tell.
    pub others: u64,
}

/// Something that happens to a link or a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Every connection over the link is reset; both ends see RST.
    Reset {
        /// The link's name.
        link: String,
    },
    /// Nothing passes the link until it is released; then everything arrives, in order.
    Hold {
        /// The link's name.
        link: String,
        /// When it is released; never where it is left out.
        lasts: Option<Duration>,
    },
    /// What is sent over the link is lost, both ways or one alone. With an end, senders try again after it, so
    /// that an application sees delay; without one it sees silence.
    Drop {
        /// The link's name.
        link: String,
        /// Which way; both where it is left out.
        way: Option<Way>,
        /// When it ends.
        lasts: Option<Duration>,
    },
    /// Everything that one host sends, and all that is sent to it, is lost from now on.
    Vanish {
        /// The host's name.
        host: Name,
    },
    /// Connects to the host are answered with RST.
    Refuse {
        /// The host's name.
        host: Name,
        /// For how long.
        lasts: Option<Duration>,
    },
    /// Connects to the host are not answered at all; what is connected already goes on.
    Blackhole {
        /// The host's name.
        host: Name,
        /// For how long; a caller that sends again after it gets through.
        lasts: Option<Duration>,
    },
    /// What runs on the host is told to stop, as by SIGTERM. Where nothing on it acts upon that, it
    /// ends at once; else when all that runs on it has ended. Then its sockets are closed, as those
    /// of a process that exits.
    Terminate {
        /// The host's name.
        host: Name,
    },
    /// What was told to stop and still runs is ended, as by SIGKILL: its sockets are closed.
    Kill {
        /// The host's name.
        host: Name,
    },
    /// The host is gone at once, without a word on its connections.
    Crash {
        /// The host's name.
        host: Name,
    },
    /// The host starts again from nothing.
    Restart {
        /// The host's name.
        host: Name,
    },
}

/// A host, as the code that runs on it sees the network.
#[derive(Clone)]
pub struct Host {
    name: Name,
    stack: Arc<dyn Stack>,
    recorder: Recorder,
    stop: Stop,
    clock: Duration,
}

impl Host {
    /// A host of that name on an engine.
    pub fn new(name: Name, stack: Arc<dyn Stack>, recorder: Recorder) -> Self {
        Self { name, stack, recorder, stop: Stop::default(), clock: EPOCH }
    }

    /// The same, told to stop by this word.
    fn stopped_by(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// The same, with a clock that said this when the run began: unix time.
    fn with_clock(self, clock: Duration) -> Self {
        Self { clock, ..self }
    }

    /// What its clock says now: unix time.
    pub fn unix_time(&self) -> Duration {
        self.clock + self.recorder.now()
    }

    /// The word to stop, for code that acts upon it: it ends in its own time. Where none on a host
    /// asks for it, the host ends at once when it is told.
    pub fn stop(&self) -> Stop {
        self.stop.handled()
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Where facts are recorded.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The engine.
    pub fn stack(&self) -> &Arc<dyn Stack> {
        &self.stack
    }

    /// Connects to another host.
    ///
    /// # Errors
    /// `ConnectionRefused` where nothing listens there, `TimedOut` where nothing answers.
    pub async fn connect(&self, to: &Name) -> io::Result<Stream> {
        Stream::connect(self, to).await
    }

    /// Listens on this host's one port.
    ///
    /// # Errors
    /// `AddrInUse` where something listens there already.
    pub fn listen(&self) -> io::Result<Listener> {
        Ok(Listener::new(self.clone(), self.stack.listen(&self.name)?))
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What runs on a host. A server is started again when its host is restarted.
#[derive(Clone)]
pub struct Actor {
    /// The host's name.
    pub host: Name,
    /// Makes its task, on that host.
    pub start: Arc<dyn Fn(Host) -> Task + Send + Sync>,
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actor").field("host", &self.host).finish_non_exhaustive()
    }
}
