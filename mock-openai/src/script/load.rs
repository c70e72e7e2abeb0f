//! A script from a file of its own.

use super::{Script, attach, check};
use crate::yaml::{Diagnostic, Files, Once, load_with_places};

/// Reads and checks a script: a list of rules. `file_name` is what the messages call it, and paths
/// in it count from its folder; `files` is where they are read from.
///
/// # Errors
/// All mistakes that were found, in the order of the file.
pub fn load(file_name: &str, text: &[u8], files: &dyn Files) -> Result<Script, Vec<Diagnostic>> {
    let (mut script, document) = match load_with_places::<Script>(file_name, text) {
        Ok(read) => read,
        Err(mut wrong) => {
            // A scenario's file is easily taken for the script in it.
            if let [one] = wrong.as_mut_slice()
                && one.line == 1
                && one.help.is_none()
                && String::from_utf8_lossy(text).lines().any(|line| line.starts_with("upstream:"))
            {
                one.help = Some("a script is the list that stands below `upstream`".to_owned());
            }
            return Err(wrong);
        }
    };
    let mut wrong = Vec::new();
    attach(&mut script, document.root(), &Once::new(files), &mut wrong);
    check(&script, document.root(), &mut wrong);
    if wrong.is_empty() {
        return Ok(script);
    }
    wrong.sort_by_key(|one| (one.line, one.column));
    Err(wrong)
}
