//! What the bench of a relay's cost is made of: programs of their own on loopback, a provider and
//! clients that cost little, and a clock that all of them share.

use std::{io, path::PathBuf, sync::OnceLock, thread, time::Duration};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};
use tokio::time::Instant;

pub mod client;
pub mod program;
pub mod provider;

/// One event of the chat family, of the length that `OpenAI`'s have; it tells when it was due.
pub fn event(due: Duration) -> String {
    let nanos = due.as_nanos();
    let event = format!(
        "data: {{\"id\":\"chatcmpl-{nanos:020}\",\"object\":\"chat.completion.chunk\",\
         \"created\":1767225600,\"model\":\"gpt-4o-mini\",\"choices\":[{{\"index\":0,\
         \"delta\":{{\"content\":\" word\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
    );
    format!("{:x}\r\n{event}\r\n", event.len())
}

/// The end of a stream, as its last chunks.
pub const END: &str = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

/// The time since the process began to measure.
pub fn now() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// The processor time that this thread has had. Unlike [`now`] it leaves out what others on the
/// machine took.
pub fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Calls `act` at its due times, `rate` times a second, and tells each when it was due. The times do
/// not depend on how long `act` takes (an open loop), so that nobody's slowness goes unmeasured.
///
/// # Errors
/// That of `act`, which ends it.
pub fn pace(
    rate: u32,
    lasting: Duration,
    mut act: impl FnMut(Duration) -> io::Result<()>,
) -> io::Result<()> {
    let begin = now();
    let gap = Duration::from_secs(1) / rate;
    let mut due = begin;
    while due < begin + lasting {
        #[expect(clippy::disallowed_methods, reason = "tokio's timers count whole milliseconds")]
        thread::sleep(due.saturating_sub(now()));
        act(due)?;
        due += gap;
    }
    Ok(())
}

/// Raises this process's limit of open files as far as it may; the programs that it starts inherit
/// it. How many that are.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // Where it fails the old limit holds, which is what is told below.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// A folder for this process's files, below the build's own.
///
/// # Errors
/// It cannot be made.
pub fn scratch() -> io::Result<PathBuf> {
    let folder = target()?.join(format!("relay-cost-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The folder of the build that this bench is of: `target/release` or `target/debug`.
fn target() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(std::path::Path::parent);
    folder.map(PathBuf::from).ok_or_else(|| io::Error::other("the bench lies in no build folder"))
}
