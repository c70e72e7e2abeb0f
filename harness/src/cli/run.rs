//! `whitewater run`: the main job.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use clap::Args;
use mock_openai::yaml::nearest;

use super::{Console, Exit, captures::Captures, select::Selection};
use crate::{
    broken,
    net::Engine,
    report::{Conclusion, Format, Outcome},
    rules::limits,
    suite::{self, Case, Settings},
    target::Target,
    trace::Trace,
    world,
};

#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    selection: Selection,
    /// The relay under test: `reference`, or `broken/NAME` (see `whitewater list relays`).
    #[arg(long, default_value = Target::REFERENCE)]
    relay: String,
    /// The network engine: `turmoil-net` shows packets; `turmoil` is an independent second one.
    #[arg(long, default_value_t = Engine::TurmoilNet)]
    engine: Engine,
    /// Everything random is drawn from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also writes the JSON report here.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Also says what six SDKs would have made of the exact bytes that each client got; JSON reports
    /// always do.
    #[arg(long, conflicts_with = "trace")]
    sdks: bool,
    /// A number that a rule judges by: `prompt-frames=25ms` (see `whitewater list limits`); may be given
    /// several times.
    #[arg(long, value_name = "NAME=VALUE")]
    limit: Vec<String>,
    /// Prints every event of the traces, one a line, and judges nothing.
    #[arg(long, conflicts_with_all = ["format", "report", "limit"])]
    trace: bool,
    /// Also writes the packets of each run into this folder, as pcapng for Wireshark.
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,
}

impl Run {
    pub(super) fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        let Some(target) = Target::named(&self.relay) else {
            return complaint(&unknown_relay(&self.relay), console);
        };
        let limits = match limits::read(&self.limit) {
            Ok(limits) => limits,
            Err(error) => return complaint(&error.to_string(), console),
        };
        let Some(cases) = self.selection.load(console)? else { return Ok(Exit::BadInput) };
        let sdks = self.sdks || self.format == Format::Json || self.report.is_some();
        let settings = Settings { target, engine: self.engine, seed: self.seed, sdks, limits };
        let captures = self.pcap.as_deref().map(|folder| Captures::into(folder, self.engine));
        let captures = match captures.transpose() {
            Ok(captures) => captures,
            Err(error) => return complaint(&error, console),
        };
        let exit = if self.trace {
            traces(&cases, &settings, captures.as_ref(), console)
        } else {
            self.judged(&cases, &settings, captures.as_ref(), console)
        }?;
        match captures.map(Captures::told) {
            Some(Err(error)) => return complaint(&error, console),
            Some(Ok(told)) => writeln!(console.log, "{told}")?,
            None => {}
        }
        Ok(exit)
    }

    fn judged(
        &self,
        cases: &[Case],
        settings: &Settings,
        captures: Option<&Captures>,
        console: &mut Console<'_>,
    ) -> io::Result<Exit> {
        let progress = Mutex::new((0, &mut *console.log));
        let watched = console.watched;
        let seen = |outcome: &Outcome, trace: Option<&Trace>| {
            if let (Some(captures), Some(trace)) = (captures, trace) {
                captures.keep(&outcome.id, settings, trace);
            }
            let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.0 += 1;
            if watched {
                let (done, log) = &mut *progress;
                // Progress that cannot be shown is no reason to stop.
                drop(write!(log, "\r\x1b[K{done}/{} {}", cases.len(), outcome.id));
            }
        };
        let mut report = suite::run(cases, settings, &seen);
        if watched {
            write!(console.log, "\r\x1b[K")?;
        }
        if let Some(path) = &self.report
            && let Err(error) = write_json(&report, path)
        {
            return complaint(&format!("cannot write {}: {error}", path.display()), console);
        }
        if self.format == Format::Text && !self.sdks {
            report.outcomes.iter_mut().for_each(|outcome| outcome.sdks.clear());
        }
        match self.format.render(&report, console.out) {
            // Somebody reads no further, as `head` does; the exit code still tells how it went.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            rendered => rendered?,
        }
        if report.outcomes.iter().all(|o| matches!(o.result, Conclusion::Skipped { .. })) {
            return complaint("every scenario was skipped; nothing was run", console);
        }
        Ok(if report.broke() { Exit::Broke } else { Exit::Held })
    }
}

fn complaint(error: &str, console: &mut Console<'_>) -> io::Result<Exit> {
    writeln!(console.log, "error: {error}")?;
    Ok(Exit::BadInput)
}

/// Prints what happened, and judges nothing.
fn traces(
    cases: &[Case],
    settings: &Settings,
    captures: Option<&Captures>,
    console: &mut Console<'_>,
) -> io::Result<Exit> {
    for case in cases {
        if let Some(because) = suite::skipped(case, settings) {
            writeln!(console.log, "skipped  {}: {because}", case.id)?;
            continue;
        }
        let plan = case.plan(settings.seed);
        let trace = world::run(&plan, &settings.target, settings.engine);
        if let Some(captures) = captures {
            captures.keep(&case.id, settings, &trace);
        }
        print(&trace, console)?;
    }
    Ok(Exit::Held)
}

fn unknown_relay(name: &str) -> String {
    let names: Vec<String> = std::iter::once(Target::REFERENCE.to_owned())
        .chain(broken::ALL.iter().map(|relay| format!("broken/{}", relay.name)))
        .collect();
    let meant = nearest(name, names.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
    format!("there is no relay `{name}`{meant} (`whitewater list relays` shows all)")
}

fn write_json(report: &crate::report::Report, path: &std::path::Path) -> io::Result<()> {
    let mut bytes = Vec::new();
    Format::Json.render(report, &mut bytes)?;
    fs::write(path, bytes)
}

fn print(trace: &Trace, console: &mut Console<'_>) -> io::Result<()> {
    for (ordinal, event) in trace.events.iter().enumerate() {
        writeln!(console.out, "{}", event.line(ordinal))?;
    }
    writeln!(console.out, "trace {}", trace.digest())
}
