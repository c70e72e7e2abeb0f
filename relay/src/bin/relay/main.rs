//! The relay as a program.

mod command;
mod config_file;
mod key_file;
mod layers;
mod lines;
mod log;
mod pages;
mod read;
mod server;
mod settings;
mod store;
mod text_file;
mod threads;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::ArgMatches;
use relay::Config;

use crate::settings::Program;

/// Exit codes: 1 what was asked for could not be done, 2 what was asked for makes no sense.
const FAILED: u8 = 1;
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let matches = command::command().get_matches();
    if matches.get_flag(command::REFERENCE) {
        print(&pages::reference())
    } else if matches.get_flag(command::EXAMPLE) {
        print(&pages::example())
    } else {
        start(&matches)
    }
}

fn start(matches: &ArgMatches) -> ExitCode {
    let ready = match read::all(matches) {
        Ok(ready) => ready,
        Err(wrong) => {
            tell(&wrong.join("\n\n"));
            return ExitCode::from(BAD_INPUT);
        }
    };
    for warning in &ready.warnings {
        tell(&format!("warning: {warning}"));
    }
    if matches.get_flag(command::CHECK) {
        return print(&pages::in_force(&ready.layers));
    }
    match run(&ready.layers.settings.program, ready.config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

fn run(program: &Program, config: Config) -> Result<(), String> {
    let log = log::install(program)?;
    let ended = server::run(program, config);
    log.end();
    ended
}

/// Nobody is left to tell where standard error is closed.
fn tell(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads no further, as `head`, has what it wants.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: cannot print: {error}"));
            ExitCode::from(FAILED)
        }
    }
}
