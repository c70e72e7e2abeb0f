//! Files with keys: one a line. No message ever shows what stands in them.

use std::path::Path;

use relay::config::Secret;

use crate::text_file;

/// The keys in the file at `path`, and a warning where others than its owner and group can read it.
///
/// # Errors
/// Everything that is wrong with the file.
pub(crate) fn read(name: &str, path: &Path) -> Result<(Vec<Secret>, Option<String>), Vec<String>> {
    let shown = path.display().to_string();
    let text = text_file::read(name, &shown).map_err(|error| vec![error])?;
    let (keys, wrong) = keys_in(&text, &shown);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    if keys.is_empty() {
        return Err(vec![format!(
            "the {name} `{shown}` holds no key: write one a line, or set {name} to off"
        )]);
    }
    let warning = text_file::readable_by_all(name, path);
    Ok((keys, warning))
}

/// The keys of a text, and what is wrong in it. Empty lines and lines that begin with `#` are none.
fn keys_in(text: &str, path: &str) -> (Vec<Secret>, Vec<String>) {
    let (mut keys, mut wrong) = (Vec::new(), Vec::new());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = Secret(line.to_owned());
        if matches!(line, "\"\"" | "''") {
            wrong.push(format!("{path}:{number}: the key is empty: write it without quotes"));
        } else if !key.is_sendable() {
            wrong.push(format!(
                "{path}:{number}: the key cannot stand in an HTTP header: a key has letters, \
                 digits and signs of ASCII only, and no space"
            ));
        } else if keys.contains(&key) {
            wrong.push(format!("{path}:{number}: the key stands there already: take it out"));
        } else {
            keys.push(key);
        }
    }
    (keys, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_on_a_line_of_its_own() {
        let (keys, wrong) = keys_in("\u{feff}# team a\nsk-1\r\n\n  sk-2,x=  \n", "keys");
        assert_eq!(keys, ["sk-1", "sk-2,x="].map(|key| Secret(key.to_owned())));
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn a_wrong_key_is_named_by_its_line_and_not_shown() {
        let (_, wrong) = keys_in("sk-1\n\"\"\nsk 2\nschl\u{fc}ssel\nsk-1\n", "keys");
        assert_eq!(
            wrong,
            [
                "keys:2: the key is empty: write it without quotes",
                "keys:3: the key cannot stand in an HTTP header: a key has letters, digits and \
                 signs of ASCII only, and no space",
                "keys:4: the key cannot stand in an HTTP header: a key has letters, digits and \
                 signs of ASCII only, and no space",
                "keys:5: the key stands there already: take it out",
            ]
        );
    }
}
