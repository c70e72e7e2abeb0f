//! A mark that somebody waits for is one that the scenario's provider sets.

use mock_openai::{
    script::{self, Script},
    yaml::{Diagnostic, Place},
};

/// Whether some rule can set the mark of that name.
pub(super) fn check(script: &Script, name: &str, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let set = script::marks(script);
    if script::passes(&set, name) {
        return;
    }
    let unknown = place.wrong(format!("no rule of the provider sets the mark `{name}`"));
    wrong.push(if set.is_empty() {
        unknown.help(format!("write `- mark: {name}` among its steps, where it is to be passed"))
    } else {
        unknown.known(name, set.iter().map(String::as_str))
    });
}
