//! `whitewater schema`: what a file may say, for editors and as a page.

use std::io;

use clap::{Args, ValueEnum};

use super::{Console, Exit};
use crate::scenario::schema::{Kind, published, reference};

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Which files it is for.
    #[arg(value_enum, default_value_t = Files::Scenario)]
    files: Files,
    /// As what it is printed.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A JSON Schema of draft-07.
    Json,
    /// The reference page of scenarios.
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Files {
    /// Scenarios.
    Scenario,
    /// Scripts of the mock provider.
    Script,
}

impl Schema {
    pub(super) fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        let text = match (self.format, self.files) {
            (Format::Json, Files::Scenario) => published(Kind::Scenario),
            (Format::Json, Files::Script) => published(Kind::Script),
            (Format::Markdown, _) => reference(),
        };
        console.out.write_all(text.as_bytes())?;
        Ok(Exit::Held)
    }
}
