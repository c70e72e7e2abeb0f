//! `whitewater list`: the catalogues, one line an entry.

use std::io;

use clap::{Args, ValueEnum};

use super::{Console, Exit, select::Selection};
use crate::{broken, rules, target::Target};

#[derive(Debug, Args)]
pub(super) struct List {
    /// Which catalogue.
    #[arg(value_enum, default_value_t = Catalogue::Scenarios)]
    what: Catalogue,
    #[command(flatten)]
    selection: Selection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Catalogue {
    /// Every scenario with its title.
    Scenarios,
    /// Every rule with what it demands.
    Rules,
    /// Every relay that `run --relay` takes, with its mistake.
    Relays,
}

impl List {
    pub(super) fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        match self.what {
            Catalogue::Scenarios => {
                let Some(cases) = self.selection.load(console)? else {
                    return Ok(Exit::BadInput);
                };
                for case in cases {
                    writeln!(console.out, "{}: {}", case.id, case.scenario.title)?;
                }
            }
            Catalogue::Rules => {
                for rule in rules::ALL {
                    writeln!(
                        console.out,
                        "{} ({}; {}): {}",
                        rule.id,
                        rule.level.name(),
                        rule.citation,
                        rule.demand
                    )?;
                }
            }
            Catalogue::Relays => {
                writeln!(console.out, "{}: the reference relay", Target::REFERENCE)?;
                for relay in broken::ALL {
                    writeln!(console.out, "broken/{}: {}", relay.name, relay.mistake)?;
                }
            }
        }
        Ok(Exit::Held)
    }
}
