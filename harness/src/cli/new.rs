//! `whitewater new`: a commented scenario to start from.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{Console, Exit, select::SCENARIOS, template::Template};
use crate::scenario::catalogue::COMMON;

/// Longer names fit no line of a report.
const NAME_CHARACTERS_MAX: usize = 100;

/// What changes where there was no folder of scenarios before.
const FIRST: &str = "note: where no names are given, commands mean the folder `scenarios` from now on; \
                     the scenarios inside this program are still found by their ids and patterns";

#[derive(Debug, Args)]
pub(super) struct New {
    /// What it is called, in kebab-case: `provider-dies-early`, or with its area before it:
    /// `dropped-connections/provider-dies-early`.
    name: String,
    /// The folder below `scenarios`, named for what goes wrong; that of the template where it is
    /// left out.
    #[arg(long)]
    area: Option<String>,
    /// What it starts from.
    #[arg(long, value_enum, default_value_t, value_name = "TEMPLATE")]
    from: Template,
    /// The folder of all scenarios.
    #[arg(long, value_name = "DIR", default_value = SCENARIOS)]
    scenarios: PathBuf,
    /// Prints it, and writes nothing.
    #[arg(long)]
    stdout: bool,
}

impl New {
    pub(super) fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        let (area, name) = match self.place() {
            Ok(place) => place,
            Err(why) => return refuse(console, &why),
        };
        let text = self.from.text(&name);
        if self.stdout {
            console.out.write_all(text.as_bytes())?;
            return Ok(Exit::Held);
        }
        let path = self.scenarios.join(&area).join(format!("{name}.yaml"));
        let is_first = self.scenarios == Path::new(SCENARIOS) && !self.scenarios.exists();
        if let Err(error) = write(&path, &text) {
            let path = path.display();
            let why = if error.kind() == io::ErrorKind::AlreadyExists {
                format!("`{path}` is there already, and stays as it is: take another name")
            } else {
                format!("cannot write `{path}`: {error}")
            };
            return refuse(console, &why);
        }
        let id = if self.scenarios == Path::new(SCENARIOS) {
            format!("{area}/{name}")
        } else {
            format!("'{}'", path.display())
        };
        writeln!(console.out, "{}", path.display())?;
        writeln!(console.out, "next:\n  whitewater check {id}\n  whitewater run {id}")?;
        if is_first {
            writeln!(console.log, "{FIRST}")?;
        }
        Ok(Exit::Held)
    }

    /// The area and the name, or why there is none.
    fn place(&self) -> Result<(String, String), String> {
        let (area, name) = match self.name.split_once('/') {
            Some((area, name)) => (Some(area), name),
            None => (None, self.name.as_str()),
        };
        let area = match (area, self.area.as_deref()) {
            (Some(before), Some(option)) if before != option => {
                return Err(format!("`{before}` and `--area {option}` are two areas: name one"));
            }
            (before, option) => before.or(option).unwrap_or_else(|| self.from.area()),
        };
        check("area", area)?;
        if area == COMMON {
            return Err(format!(
                "folders named `{COMMON}` hold parts that scenarios include, and no scenario \
                 there is ever run: take another area"
            ));
        }
        check("name", name)?;
        Ok((area.to_owned(), name.to_owned()))
    }
}

fn refuse(console: &mut Console<'_>, why: &str) -> io::Result<Exit> {
    writeln!(console.log, "error: {why}")?;
    Ok(Exit::BadInput)
}

/// Never writes over a file, however it came there.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create_new(path)?.write_all(text.as_bytes())
}

fn check(what: &str, word: &str) -> Result<(), String> {
    let suggested = kebab_case(word);
    if word.chars().count() > NAME_CHARACTERS_MAX {
        return Err(format!("the {what} has more than {NAME_CHARACTERS_MAX} characters"));
    }
    if word == suggested && !word.is_empty() {
        return Ok(());
    }
    let hint = if suggested.is_empty() {
        "such as `provider-dies-early`".to_owned()
    } else {
        format!("did you mean `{suggested}`?")
    };
    Err(format!("the {what} `{word}` is not in kebab-case (a-z, 0-9, single hyphens); {hint}"))
}

/// Small letters and digits, with one hyphen wherever something else stood or a word began with a
/// capital letter.
fn kebab_case(text: &str) -> String {
    let text = text.strip_suffix(".yaml").unwrap_or(text);
    let mut kebab = String::new();
    let mut before = ' ';
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            let begins = letter.is_ascii_uppercase() && before.is_ascii_lowercase();
            if (begins || !before.is_ascii_alphanumeric()) && !kebab.is_empty() {
                kebab.push('-');
            }
            kebab.push(letter.to_ascii_lowercase());
        }
        before = letter;
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_kebab_case_is_told_with_what_would_be() {
        for (given, expected) in [
            ("provider-sends-429", "provider-sends-429"),
            ("429-storms", "429-storms"),
            ("Provider Sends_429", "provider-sends-429"),
            ("providerSendsRST", "provider-sends-rst"),
            ("--a--b--", "a-b"),
            ("a.yaml", "a"),
            ("..", ""),
            ("überfall", "berfall"),
        ] {
            assert_eq!(kebab_case(given), expected, "{given}");
            assert_eq!(check("name", given).is_ok(), given == expected, "{given}");
        }
        let hint = check("name", "Two Words").unwrap_err();
        assert!(hint.ends_with("did you mean `two-words`?"), "{hint}");
        assert!(check("name", "").unwrap_err().contains("provider-dies-early"));
        assert!(check("name", &"a".repeat(101)).is_err());
    }
}
