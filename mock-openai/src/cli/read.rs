//! The script that the command line names, or the one for who names none.

use std::path::Path;

use bytes::Bytes;
use mock_openai::{
    script::{self, Script},
    yaml::{Files as _, OnDisk},
};

use super::{Failure, bad_input};

/// A script and where it came from.
pub(super) struct Loaded {
    pub(super) name: String,
    pub(super) text: Bytes,
    pub(super) rules: Script,
}

pub(super) fn script(path: Option<&Path>, colours: bool) -> Result<Loaded, Failure> {
    let (name, text) = match path {
        None => ("the helpful script".to_owned(), include_bytes!("../helpful.yaml")[..].into()),
        Some(path) => {
            let name = path.display().to_string();
            let text = OnDisk
                .read(path)
                .map_err(|error| bad_input(format!("{name}: cannot be read: {error}")))?;
            (name, text)
        }
    };
    let rules = script::load(&name, &text, &OnDisk).map_err(|mistakes| {
        let texts: Vec<String> = mistakes
            .iter()
            .map(|one| if colours { one.styled() } else { one.to_string() })
            .collect();
        bad_input(format!("the script is not right\n{}", texts.join("\n")))
    })?;
    Ok(Loaded { name, text, rules })
}
