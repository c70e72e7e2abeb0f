//! `whitewater completions`: what a shell needs to complete this command's words.

use std::io;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Arguments, Console, Exit};

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        // The generator panics where a writer fails, so it writes into memory.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "whitewater", &mut script);
        console.out.write_all(&script)?;
        Ok(Exit::Held)
    }
}
