//! `whitewater check`: reads scenarios, tells every mistake, runs nothing.

use std::io;

use clap::Args;

use super::{Console, Exit, select::Selection};

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    selection: Selection,
    /// Prints the resolved plan of each scenario as JSON, one object a line.
    #[arg(long)]
    show: bool,
}

impl Check {
    pub(super) fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        let Some(cases) = self.selection.load(console)? else { return Ok(Exit::BadInput) };
        for case in &cases {
            if self.show {
                let plan = case.plan(1);
                serde_json::to_writer(&mut *console.out, &plan)?;
                writeln!(console.out)?;
            }
        }
        writeln!(console.log, "{} scenarios are right", cases.len())?;
        Ok(Exit::Held)
    }
}
