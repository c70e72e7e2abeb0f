//! What the server program does with its command line.

use std::{
    io::{self, IsTerminal as _, Write},
    process::ExitCode,
};

mod narrate;
mod options;
mod read;
mod serve;
mod signals;

pub(crate) use options::Options;

/// Why the program ends with another code than 0: 2 for bad input, 1 for what the system refuses.
type Failure = (ExitCode, String);

/// Serves until it is told to end, or only checks the script.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let colours = io::stderr().is_terminal();
    let script = read::script(options.script.as_deref(), colours)?;
    if options.check {
        let rules = script.rules.len();
        let plural = if rules == 1 { "" } else { "s" };
        say(&mut io::stdout(), &format!("{}: right, {rules} rule{plural}", script.name));
        return Ok(());
    }
    serve::serve(options, script)
}

/// Prints a line; a closed terminal or pipe is no reason to stop serving.
pub(crate) fn say(to: &mut dyn Write, line: &str) {
    drop(writeln!(to, "{line}").and_then(|()| to.flush()));
}

fn failed(why: String) -> Failure {
    (ExitCode::FAILURE, why)
}

fn bad_input(why: String) -> Failure {
    (ExitCode::from(2), why)
}
