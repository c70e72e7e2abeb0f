//! The `mock-openai` server: a script on a real port.

mod cli;

use std::{io, process::ExitCode};

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::run(&cli::Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, why)) => {
            cli::say(&mut io::stderr(), &format!("mock-openai: {why}"));
            code
        }
    }
}
