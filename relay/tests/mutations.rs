//! The list of what can be taken out of the relay is about the relay as it is.

use std::{fs, io, path::Path};

#[test]
fn each_change_of_the_list_can_be_made_at_one_place() -> io::Result<()> {
    let relay = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list: toml::Table = fs::read_to_string(relay.join("mutations.toml"))?
        .parse()
        .map_err(|error: toml::de::Error| io::Error::other(error.to_string()))?;
    let changes = list["mutation"].as_array().expect("it is a list");
    assert!(!changes.is_empty());
    for change in changes {
        let [out, file, text, by] = ["out", "file", "text", "by"].map(|key| {
            change
                .get(key)
                .and_then(toml::Value::as_str)
                .unwrap_or_else(|| panic!("{key}: {change}"))
        });
        let source = fs::read_to_string(relay.join("src").join(file))?;
        assert_eq!(
            source.matches(text).count(),
            1,
            "`{out}` is not at one place of {file}: {text}"
        );
        assert_ne!(text, by, "`{out}` changes nothing");
    }
    Ok(())
}
