//! Lines on their way to standard error, written by a thread that no stream waits for.
//!
//! `tracing_appender::non_blocking` (0.2.5) does most of it, and was tried. Where its queue is full when the
//! program ends, it says so on standard output: a relay whose two outputs are one pipe that nobody reads then
//! never ends. Lines that were lost it counts and tells nobody of, and it panics where there is no thread to
//! be had.

use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing::warn;
use tracing_subscriber::fmt::MakeWriter;

/// How many lines wait at most: what more is told while nobody reads them is lost, and counted.
const LINES_MAX: usize = 1024;

/// How long the first of some lines waits for others, and for how many. To wake the thread that writes
/// costs more than a line: at 200 streams a second, 15 % of what a request takes (measured).
const GATHERED_FOR: Duration = Duration::from_millis(20);
const GATHERED_MAX: usize = 64;

/// The thread that writes.
const WRITER: &str = "log";

/// Takes lines at once, whoever reads them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines {
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// Whether a line that waits no more is still being written.
    is_writing: bool,
    /// Lines that found no room, and were not told of yet.
    lost: u64,
    /// Somebody waits for the writer, who waits for no more lines then.
    is_awaited: bool,
}

impl Lines {
    /// Writes them in a thread of its own from now on.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn written_to(to: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Self::default();
        let queue = Arc::clone(&lines.queue);
        thread::Builder::new().name(WRITER.to_owned()).spawn(move || queue.write(to))?;
        Ok(lines)
    }

    /// Waits until all are written that were told so far, but no longer than this: nobody may ever read.
    pub(crate) fn wait(&self, at_most: Duration) {
        let unwritten = |state: &mut State| !state.waiting.is_empty() || state.is_writing;
        let mut state = self.queue.state();
        state.is_awaited = true;
        self.queue.changed.notify_all();
        drop(self.queue.changed.wait_timeout_while(state, at_most, unwritten));
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        // That lines were lost is told by the writer, and finds room.
        let is_of_the_writer = thread::current().name() == Some(WRITER);
        let mut state = self.state();
        if state.waiting.len() >= LINES_MAX && !is_of_the_writer {
            state.lost += 1;
            return;
        }
        state.waiting.push_back(line.to_owned());
        let waiting = state.waiting.len();
        drop(state);
        // The writer, who sleeps until the first comes, and then until it is time or these are many.
        if waiting == 1 || waiting == GATHERED_MAX {
            self.changed.notify_all();
        }
    }

    fn write(&self, mut to: impl Write) {
        loop {
            // A line that cannot be written is lost, and the stream goes on.
            drop(to.write_all(&self.next()));
            let lost = mem::take(&mut self.state().lost);
            if lost > 0 {
                warn!(target: "relay::log", lines = lost, "lines_lost");
            }
            let mut state = self.state();
            state.is_writing = false;
            if state.is_awaited {
                self.changed.notify_all();
            }
        }
    }

    /// The first that waits, when there is one.
    fn next(&self) -> Vec<u8> {
        let mut state = self.state();
        loop {
            if let Some(line) = state.waiting.pop_front() {
                state.is_writing = true;
                return line;
            }
            let none = |state: &mut State| state.waiting.is_empty();
            state = self.changed.wait_while(state, none).unwrap_or_else(PoisonError::into_inner);
            let few = |state: &mut State| !state.is_awaited && state.waiting.len() < GATHERED_MAX;
            let gathered = self.changed.wait_timeout_while(state, GATHERED_FOR, few);
            state = gathered.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// One line: the layer writes each in one piece.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Takes a line whenever it is told to.
    struct Gate {
        opens: mpsc::Receiver<()>,
        taken: Arc<Mutex<Vec<String>>>,
    }

    impl Write for Gate {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.opens.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.taken.lock().unwrap().push(String::from_utf8_lossy(line).into_owned());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Writes into a channel.
    struct Told(mpsc::Sender<Vec<u8>>);

    impl Write for Told {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.send(line.to_owned()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_written_whether_others_follow_and_whether_anybody_waits_for_it() {
        let (tell, told) = mpsc::channel();
        let mut lines = Lines::written_to(Told(tell)).unwrap();
        for line in [b"alone\n", b"again\n"] {
            lines.write_all(line).unwrap();
            assert_eq!(told.recv_timeout(Duration::from_mins(1)).unwrap(), line);
        }
    }

    #[test]
    fn a_reader_that_stalls_holds_nobody_up_and_what_finds_no_room_is_counted() {
        const TOLD: usize = LINES_MAX + 10;
        let (open, opens) = mpsc::channel();
        let taken = Arc::default();
        let mut lines = Lines::written_to(Gate { opens, taken: Arc::clone(&taken) }).unwrap();
        let told = tracing_subscriber::fmt().with_writer(lines.clone()).without_time().finish();
        tracing::subscriber::set_global_default(told).unwrap();
        for nth in 0..TOLD {
            lines.write_all(format!("{nth}\n").as_bytes()).unwrap();
        }
        // It comes back though nothing is written.
        lines.wait(Duration::from_millis(1));
        assert!(taken.lock().unwrap().is_empty());
        let lost = usize::try_from(lines.queue.state().lost).unwrap();
        // One may be with the writer.
        assert!((9..=10).contains(&lost), "{lost}");
        for _ in 0..=TOLD {
            open.send(()).unwrap();
        }
        lines.wait(Duration::from_mins(1));
        let taken = taken.lock().unwrap();
        let kept: Vec<&String> = taken.iter().filter(|line| !line.contains("lines_lost")).collect();
        assert_eq!((kept.len(), kept[0].as_str()), (TOLD - lost, "0\n"));
        let told: Vec<&String> = taken.iter().filter(|line| line.contains("lines_lost")).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(&format!("lines={lost}")), "{told:?}");
    }
}
