//! `whitewater check`: reads scenarios, tells every mistake of every file, runs nothing.

use std::io;

use clap::Args;
use mock_openai::yaml::Severity;

use super::{
    Console, Exit,
    mistakes::{Findings, Format},
    select::Selection,
    switches,
};
use crate::{scenario, show, suite::Case};

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    selection: Selection,
    /// How mistakes are told.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Takes weaknesses (`warning`) for mistakes: the exit code is 2 then.
    #[arg(long)]
    strict: bool,
    /// Prints the resolved plan of each scenario, and the exact bytes of the provider's answers;
    /// with `--format json` one object a line.
    #[arg(long)]
    show: bool,
    /// What the plan and the bytes are drawn from.
    #[arg(long, default_value_t = 1, requires = "show")]
    seed: u64,
}

impl Check {
    pub(super) fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        if self.show && self.format == Format::Github {
            writeln!(console.log, "error: `--show` goes with `--format text` or `--format json`")?;
            return Ok(Exit::BadInput);
        }
        let Some(files) = self.selection.files(console)? else { return Ok(Exit::BadInput) };
        let (mut read, mut mistakes) = (Vec::new(), Findings::new());
        for file in files {
            let name = file.path.to_string_lossy().into_owned();
            match Case::read_all(&file) {
                Ok(cases) => {
                    // The cells of a matrix are weak in the same places.
                    let weak =
                        cases.first().map(|case| scenario::lint(&name, &file.text, &case.scenario));
                    let mut found = weak.unwrap_or_default();
                    found.extend(switches::check(&file, &cases));
                    found.sort_by_key(|one| (one.line, one.column));
                    mistakes.of_file(&name, found);
                    read.push((file, cases));
                }
                Err(found) => mistakes.of_file(&name, found),
            }
        }
        let mut cases = Vec::new();
        if mistakes.count(Severity::Error) == 0 {
            let Some(picked) = self.selection.pick(read, console)? else {
                return Ok(Exit::BadInput);
            };
            cases = picked;
        }
        if self.show {
            for case in &cases {
                self.show(case, console)?;
            }
        }
        mistakes.render(self.format, console.coloured, console.out)?;
        self.sum_up(&mistakes, console)
    }

    fn show(&self, case: &Case, console: &mut Console<'_>) -> io::Result<()> {
        let shown = show::show(&case.plan(self.seed));
        match self.format {
            Format::Json => show::json(&shown, console.out),
            Format::Text | Format::Github => show::text(&shown, console.out),
        }
    }

    fn sum_up(&self, mistakes: &Findings, console: &mut Console<'_>) -> io::Result<Exit> {
        let (errors, warnings) =
            (mistakes.count(Severity::Error), mistakes.count(Severity::Warning));
        let files = counted(mistakes.files(), "file");
        let told = [(errors, "mistake"), (warnings, "warning")];
        let told: Vec<String> = told
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, noun)| counted(count, noun))
            .collect();
        let found = if told.is_empty() { "no mistakes".to_owned() } else { told.join(", ") };
        let least = if mistakes.is_cut_off() { "at least " } else { "" };
        writeln!(console.log, "{files} checked: {least}{found}")?;
        let refused = errors > 0 || (self.strict && warnings > 0);
        Ok(if refused { Exit::BadInput } else { Exit::Held })
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
