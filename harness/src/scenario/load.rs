//! From a file's bytes to a scenario that makes sense.

use mock_openai::yaml::{self, Diagnostic};

use super::{Scenario, check};

/// Reads and checks a scenario. `file_name` is what the messages call it; `rules` are the ids of
/// the rules that exist.
///
/// # Errors
/// All mistakes that were found, in the order of the file. What is not a scenario at all is told
/// alone: whether names and orders make sense is asked only of what could be read.
pub fn load(file_name: &str, text: &[u8], rules: &[&str]) -> Result<Scenario, Vec<Diagnostic>> {
    let (scenario, document) = yaml::load_with_places::<Scenario>(file_name, text)?;
    let mut wrong = check::check(&scenario, document.root(), rules);
    if wrong.is_empty() {
        return Ok(scenario);
    }
    wrong.sort_by_key(|one| (one.line, one.column));
    Err(wrong)
}
