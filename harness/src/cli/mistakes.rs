//! Findings of many files as people, programs and GitHub read them.

use std::io::{self, Write};

use clap::ValueEnum;
use mock_openai::yaml::{DIAGNOSTICS_MAX, Diagnostic, Severity};
use serde::Serialize;

/// The shape of the JSON; raised when a field changes its meaning or goes away.
const FORMAT: u32 = 1;

/// How mistakes are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people, with the marked lines.
    #[default]
    Text,
    /// One object, for programs.
    Json,
    /// Workflow commands that become annotations of a pull request.
    Github,
}

/// What was found in some files.
#[derive(Debug, Default, Serialize)]
pub(super) struct Findings {
    format: u32,
    /// How many files were read.
    files: usize,
    /// At most [`DIAGNOSTICS_MAX`] a file, in the order of the files.
    mistakes: Vec<Diagnostic>,
    /// How many more there are.
    left_out: usize,
    /// The files that may have more than is told, and how many more are known. Who reads a file stops at
    /// [`DIAGNOSTICS_MAX`] itself.
    #[serde(skip)]
    cut_off: Vec<(String, usize)>,
}

impl Findings {
    pub(super) fn new() -> Self {
        Self { format: FORMAT, ..Self::default() }
    }

    /// Adds those of one more file.
    pub(super) fn of_file(&mut self, name: &str, mut found: Vec<Diagnostic>) {
        self.files += 1;
        if let Some(more) = found.len().checked_sub(DIAGNOSTICS_MAX) {
            found.truncate(DIAGNOSTICS_MAX);
            self.left_out += more;
            self.cut_off.push((name.to_owned(), more));
        }
        self.mistakes.extend(found);
    }

    /// Whether there may be more mistakes than [`Self::count`] says.
    pub(super) fn is_cut_off(&self) -> bool {
        !self.cut_off.is_empty()
    }

    pub(super) fn files(&self) -> usize {
        self.files
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        let shown = self.mistakes.iter().filter(|one| one.severity == severity).count();
        // Weaknesses are told of files without mistakes, and a file has few.
        shown + if severity == Severity::Error { self.left_out } else { 0 }
    }

    pub(super) fn render(
        &self,
        format: Format,
        coloured: bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match format {
            Format::Text => self.text(coloured, out),
            Format::Json => {
                serde_json::to_writer(&mut *out, self)?;
                writeln!(out)
            }
            Format::Github => self.github(out),
        }
    }

    fn text(&self, coloured: bool, out: &mut dyn Write) -> io::Result<()> {
        for (index, one) in self.mistakes.iter().enumerate() {
            let text = if coloured { one.styled() } else { one.to_string() };
            writeln!(out, "{text}\n")?;
            let is_last = self.mistakes.get(index + 1).is_none_or(|next| next.file != one.file);
            if let Some(more) = self.more(&one.file).filter(|_| is_last) {
                writeln!(out, "{}: {}\n", one.file, rest(more))?;
            }
        }
        Ok(())
    }

    fn more(&self, file: &str) -> Option<usize> {
        self.cut_off.iter().find(|(name, _)| name == file).map(|(_, more)| *more)
    }

    fn github(&self, out: &mut dyn Write) -> io::Result<()> {
        for one in &self.mistakes {
            writeln!(out, "{}", annotation(one))?;
        }
        for (file, more) in &self.cut_off {
            writeln!(out, "::error file={}::{}", property(file), rest(*more))?;
        }
        Ok(())
    }
}

/// What is said of a file that may have more mistakes than are told.
fn rest(more: usize) -> String {
    match more {
        0 => format!("there may be more than these {DIAGNOSTICS_MAX}"),
        _ => format!("and {more} more"),
    }
}

/// A workflow command (docs.github.com, "Workflow commands for GitHub Actions"). The end column is
/// that of the last character: where it is left out, GitHub takes the first for it.
fn annotation(one: &Diagnostic) -> String {
    let command = match one.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = if one.line == 0 {
        String::new()
    } else {
        let (first, last) = (one.column, one.column + one.length.max(1) - 1);
        format!(",line={},col={first},endColumn={last}", one.line)
    };
    let (file, title) = (property(&one.file), property(&one.message));
    let rest: Vec<&str> = [&one.wanted, &one.help].into_iter().flatten().map(|t| &**t).collect();
    let said = if rest.is_empty() { data(&one.message) } else { data(&rest.join("\n")) };
    format!("::{command} file={file}{place},title={title}::{said}")
}

/// As GitHub's toolkit escapes a message.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As GitHub's toolkit escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(file: &str, message: &str) -> Diagnostic {
        Diagnostic { line: 3, column: 5, length: 4, ..Diagnostic::of_file(file, message) }
    }

    fn rendered(mistakes: &Findings, format: Format) -> String {
        let mut out = Vec::new();
        mistakes.render(format, false, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The escapes are those of `actions/toolkit`, `packages/core/src/command.ts`.
    #[test]
    fn an_annotation_escapes_what_would_end_a_property_or_the_command() {
        let hostile = mistake("a,b:c%.yaml", "50% of\r\nthis: that, more")
            .wanted("wanted: 100%\nof it")
            .help("do: this, then that");
        assert_eq!(
            annotation(&hostile),
            "::error file=a%2Cb%3Ac%25.yaml,line=3,col=5,endColumn=8,\
             title=50%25 of%0D%0Athis%3A that%2C more::wanted: 100%25%0Aof it%0Ado: this, then that"
        );
        let whole = Diagnostic::of_file("x.yaml", "the file says nothing").warning();
        assert_eq!(
            annotation(&whole),
            "::warning file=x.yaml,title=the file says nothing::the file says nothing"
        );
    }

    #[test]
    fn a_file_of_many_mistakes_shows_twenty_and_counts_the_rest() {
        let mut mistakes = Findings::new();
        let many = |count: usize| vec![mistake("many.yaml", "wrong"); count];
        mistakes.of_file("many.yaml", many(27));
        mistakes.of_file("few.yaml", vec![mistake("few.yaml", "wrong")]);
        assert_eq!(mistakes.count(Severity::Error), 28);
        let text = rendered(&mistakes, Format::Text);
        assert_eq!(text.matches("error: wrong").count(), 21);
        let more = text.find("many.yaml: and 7 more\n").unwrap();
        assert!(more < text.find("--> few.yaml").unwrap(), "{text}");
        let github = rendered(&mistakes, Format::Github);
        assert!(github.ends_with("::error file=many.yaml::and 7 more\n"), "{github}");
        let json: serde_json::Value =
            serde_json::from_str(&rendered(&mistakes, Format::Json)).unwrap();
        assert_eq!((&json["format"], &json["files"]), (&1.into(), &2.into()));
        assert_eq!(
            (json["mistakes"].as_array().unwrap().len(), &json["left_out"]),
            (21, &7.into())
        );
        assert_eq!(json["mistakes"][0]["severity"], "error");
    }

    #[test]
    fn a_file_with_as_many_mistakes_as_are_looked_for_may_have_more() {
        let mut mistakes = Findings::new();
        mistakes.of_file("few.yaml", vec![mistake("few.yaml", "wrong"); 19]);
        assert!(!mistakes.is_cut_off());
        mistakes.of_file("many.yaml", vec![mistake("many.yaml", "wrong"); 20]);
        assert!(mistakes.is_cut_off());
        let text = rendered(&mistakes, Format::Text);
        assert!(text.ends_with("many.yaml: there may be more than these 20\n\n"), "{text}");
        assert_eq!(text.matches("there may be more").count(), 1);
    }
}
