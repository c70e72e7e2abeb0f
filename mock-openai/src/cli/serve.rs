//! Listens, and serves until a signal says that it is enough.

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mock_openai::{
    Mock, Provider,
    journal::{Entry, Listener, Store},
    wire::RealListener,
};
use tokio::net::TcpListener;

use super::{Failure, Options, failed, narrate, read::Loaded, say, signals::Signals};

/// How long answers may go on after the first signal: Kubernetes' own grace is 30 s, Docker's 10.
const GRACE: Duration = Duration::from_secs(5);

pub(super) fn serve(options: &Options, script: Loaded) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| failed(error.to_string()))?.block_on(async {
        let listener =
            TcpListener::bind(options.listen).await.map_err(|error| refused(options, &error))?;
        let mut signals = Signals::new().map_err(|error| failed(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        let provider = provider(options, script);
        say(&mut io::stdout(), &start_line(options, address));
        if !options.listen.ip().is_loopback() {
            say(
                &mut io::stderr(),
                "warning: other hosts can reach it: --listen is no loopback address",
            );
        }
        let serving = provider.serve_until(RealListener::new(listener), signals.first(), GRACE);
        let mut again = Signals::new().map_err(|error| failed(error.to_string()))?;
        let cut_off = tokio::select! {
            biased;
            cut_off = serving => cut_off.map_err(|error| failed(error.to_string()))?,
            () = again.second() => return Ok(()),
        };
        if cut_off > 0 && !options.quiet {
            say(&mut io::stderr(), &format!("{cut_off} connections were cut off"));
        }
        Ok(())
    })
}

fn provider(options: &Options, script: Loaded) -> Arc<Provider> {
    let store = Store::new(options.journal_size);
    let mut ears: Vec<Listener> = Vec::new();
    if options.has_control() {
        ears.push(store.listener());
    }
    if !options.quiet {
        ears.push(Arc::new(|entry| narrate::narrate(&entry)));
    }
    let mock = Mock {
        script: Vec::new(),
        seed: options.seed,
        epoch: unix_time(),
        journal: Arc::new(move |entry: Entry| {
            if let Some((last, others)) = ears.split_last() {
                for ear in others {
                    ear(entry.clone());
                }
                last(entry);
            }
        }),
    };
    let provider = Provider::new(mock).with_keys(options.keys.clone());
    provider.set_script_text(script.rules, script.text);
    Arc::new(if options.has_control() { provider.with_control(store) } else { provider })
}

fn start_line(options: &Options, address: std::net::SocketAddr) -> String {
    let control = if options.has_control() {
        "control under /__mock/"
    } else if options.no_control {
        "no control"
    } else {
        "no control: that takes --control where other hosts can reach it"
    };
    format!("listening on http://{address} ({control})")
}

fn refused(options: &Options, error: &io::Error) -> Failure {
    let address = options.listen;
    let is = |kind| error.kind() == kind;
    let why = if is(io::ErrorKind::AddrInUse) {
        "another program does; name another address with --listen, or port 0 for a free one"
    } else if is(io::ErrorKind::AddrNotAvailable) {
        "this host has no such address; 127.0.0.1 it always has"
    } else if is(io::ErrorKind::PermissionDenied) {
        "not permitted; ports below 1024 are often reserved, name a higher one with --listen"
    } else {
        &error.to_string()
    };
    failed(format!("cannot listen on {address}: {why}"))
}

#[expect(clippy::disallowed_methods, reason = "a real server's answers carry the real time")]
fn unix_time() -> Duration {
    // A clock before 1970 counts as 1970.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
