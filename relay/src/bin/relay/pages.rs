//! What is printed about the settings: the page, the example, and what is in force.

use std::fmt::Write as _;

use crate::{
    layers::Layers,
    settings::{Setting, Settings},
};

const PAGE: &str = "\
# Settings of the relay

`relay --listen ADDRESS --upstream URL` is enough to start. Everything else has a default.

Each setting can be given in four places; the first one that has it decides:

1. a flag: `--first-byte 60s`
2. a variable of the environment: `RELAY_FIRST_BYTE=60s`
3. the TOML file that `--config FILE` or `RELAY_CONFIG` names: `first_byte = \"60s\"`
4. the default

In TOML a time or a size is a string, a number is an integer, `on` and `off` may be `true` and
`false` where a setting takes just these two, and several values are an array: `origins = [\"https://a.example\",
\"https://b.example\"]`. Flags and variables write several values with commas between them, and the
flag may be given again. All keys stand at the top of the file. `relay --print-example-config`
prints a file to begin with.

`relay --check-config` reads everything, prints what would be in force and where it comes from, and
starts nothing. A key that is unknown, a value that is wrong, and values that contradict each other
are refused with exit code 2: first all keys and values that are wrong, and once these are right, all
that do not fit together or that this relay cannot use, as a file of certificates that is not there.
A variable that begins with `RELAY_` and is none of the relay's is a warning, since it may be somebody
else's; those that Kubernetes makes for services (`RELAY_SERVICE_HOST`, `RELAY_PORT_8080_TCP`) are passed over.

Times are written `500ms`, `15s`, `2m` or `1h`; sizes are written `512B`, `64KiB` or `1MiB`. Keys never
appear in any output. Keys on the command line can be seen by everybody on the machine: use a file
or the environment.

| setting | takes | default | what it does |
|---|---|---|---|
";

/// The reference page, in Markdown.
pub(crate) fn reference() -> String {
    let defaults = Settings::new();
    let mut page = PAGE.to_owned();
    for setting in Setting::all() {
        let (name, takes, help) = (setting.name(), setting.about().takes, setting.help());
        let default = setting.value_of(&defaults);
        // Writing to a string does not fail.
        let _ = writeln!(page, "| `{name}` | {takes} | `{default}` | {help} |");
    }
    page
}

const EXAMPLE: &str = "\
# Settings of the relay. Take the `#` before a line away to change what it sets.
# All that is written here is the default; only `upstream` has none.
";

/// A file that says the defaults.
pub(crate) fn example() -> String {
    let defaults = Settings::new();
    let mut file = EXAMPLE.to_owned();
    for setting in Setting::all() {
        let (name, takes, help) = (setting.name(), setting.about().takes, setting.help());
        let value = setting.toml_of(&defaults);
        let _ = writeln!(file, "\n# {help}.\n# Takes {takes}.\n#{name} = {value}");
    }
    file
}

/// What is in force, in TOML, and where each value comes from.
pub(crate) fn in_force(layers: &Layers) -> String {
    let lines = Setting::all().map(|setting| {
        (format!("{} = {}", setting.name(), setting.toml_of(&layers.settings)), setting.name())
    });
    let lines: Vec<_> = lines.collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (line, name) in lines {
        let _ = writeln!(text, "{line:width$}  # {}", layers.origin(name));
    }
    text
}
