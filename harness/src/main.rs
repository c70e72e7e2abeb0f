//! The `whitewater` command: the only place that prints, exits and reads the environment.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use harness::cli::{Arguments, Console, Exit};

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let mut log = io::stderr();
    let (watched, coloured) = (log.is_terminal(), out.is_terminal());
    let mut console = Console { out: &mut out, log: &mut log, watched, coloured };
    match Arguments::parse().carry_out(&mut console) {
        Ok(exit) => exit.into(),
        // Somebody closed the pipe, as `head` does: there is nobody left to tell.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // What cannot be told there can be told nowhere.
            drop(writeln!(io::stderr(), "error: cannot write: {error}"));
            ExitCode::from(Exit::BadInput)
        }
    }
}
