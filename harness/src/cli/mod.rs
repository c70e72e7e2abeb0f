//! The command line: what can be asked, and which file answers.

use std::io::{self, Write};

use clap::{Parser, Subcommand};

mod captures;
mod check;
mod completions;
mod explain;
mod list;
mod mistakes;
mod new;
mod run;
mod schema;
mod select;
mod switches;
mod template;
mod word;

/// Proves, deterministically, that a relay of LLM streams delivers them correctly when the network,
/// the provider, the middleboxes and the clients misbehave.
#[derive(Debug, Parser)]
#[command(name = "whitewater", version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs scenarios, judges them, prints a summary.
    Run(run::Run),
    /// Checks scenarios without running them.
    Check(check::Check),
    /// Writes a commented scenario to start from.
    New(new::New),
    /// Lists what there is: scenarios, rules, relays, and the words of the language by kind.
    List(list::List),
    /// Explains a rule, a scenario, a broken relay, or any word of the language.
    Explain(explain::Explain),
    /// Prints what a file may say: the JSON Schema that editors read.
    Schema(schema::Schema),
    /// Prints a script that completes this command's words in a shell.
    Completions(completions::Completions),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All held.
    Held = 0,
    /// A rule broke.
    Broke = 1,
    /// Bad input; also a filter that matches nothing.
    BadInput = 2,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Where a command writes: results to `out`, progress and complaints to `log`.
#[expect(missing_debug_implementations, reason = "two writers have nothing to show")]
pub struct Console<'a> {
    /// Results.
    pub out: &'a mut dyn Write,
    /// Progress and complaints.
    pub log: &'a mut (dyn Write + Send),
    /// Whether `log` is a terminal that somebody watches.
    pub watched: bool,
    /// Whether `out` is a terminal, which shows colours.
    pub coloured: bool,
}

impl Arguments {
    /// Carries out what was asked.
    ///
    /// # Errors
    /// Those of the writers alone: bad input is told on `log` and in the exit code.
    pub fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        match self.command {
            Command::Run(run) => run.carry_out(console),
            Command::Check(check) => check.carry_out(console),
            Command::New(new) => new.carry_out(console),
            Command::List(list) => list.carry_out(console),
            Command::Explain(explain) => explain.carry_out(console),
            Command::Schema(schema) => schema.carry_out(console),
            Command::Completions(completions) => completions.carry_out(console),
        }
    }
}
