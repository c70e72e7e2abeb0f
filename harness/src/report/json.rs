//! The report for programs: the [`Report`] as it is, one JSON object.

use std::io;

use super::Report;

pub(super) fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
