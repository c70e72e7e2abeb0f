//! Which value holds, and where it comes from: a flag before the environment, before the file,
//! before the default.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use relay::SwitchError;

use crate::settings::{Setting, Settings};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File { path: String, line: usize },
    KeyFile(PathBuf),
    Variable(String),
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::KeyFile(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// The settings as far as they are read. What is set later goes before what was set earlier.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    pub(crate) settings: Settings,
    origins: BTreeMap<&'static str, Origin>,
}

impl Layers {
    pub(crate) fn new() -> Self {
        Self { settings: Settings::new(), origins: BTreeMap::new() }
    }

    pub(crate) fn set(
        &mut self,
        setting: Setting,
        value: &str,
        origin: Origin,
    ) -> Result<(), SwitchError> {
        setting.set(&mut self.settings, value)?;
        self.came_from(setting.name(), origin);
        Ok(())
    }

    /// Notes where the value of a setting comes from.
    pub(crate) fn came_from(&mut self, name: &'static str, origin: Origin) {
        self.origins.insert(name, origin);
    }

    pub(crate) fn origin(&self, name: &str) -> &Origin {
        self.origins.get(name).unwrap_or(&Origin::Default)
    }

    /// What each of some settings is, and where that comes from; for messages.
    pub(crate) fn explain(&self, names: &[&str]) -> String {
        let settings = names.iter().filter_map(|name| Setting::named(name));
        let lines = settings.map(|setting| {
            let value = setting.toml_of(&self.settings);
            format!("\n  {} = {value} ({})", setting.name(), self.origin(setting.name()))
        });
        lines.collect()
    }
}
