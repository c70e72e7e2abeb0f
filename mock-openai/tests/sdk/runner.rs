//! Runs a script with one of the official SDKs, as `.ci/run` installs them in `target/sdk`.

use std::{
    fmt,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

/// An SDK, by the language that it is written for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sdk {
    Python,
    Node,
}

/// The API that is asked by it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Api {
    Chat,
    Responses,
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
        })
    }
}

pub(crate) const EVERY: [(Sdk, Api); 4] = [
    (Sdk::Python, Api::Chat),
    (Sdk::Python, Api::Responses),
    (Sdk::Node, Api::Chat),
    (Sdk::Node, Api::Responses),
];

/// The root, whichever of its crates holds the test: they lie side by side.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of this file, with the scripts.
pub(crate) fn here() -> PathBuf {
    workspace().join("mock-openai/tests/sdk")
}

pub(crate) fn installed() -> PathBuf {
    workspace().join("target/sdk")
}

/// Says what a test lacks; fails where nothing may be lacking.
pub(crate) fn skip(missing: &str) {
    let must = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!must, "{missing}");
    // Past the test runner, which shows no output of tests that pass.
    drop(writeln!(std::io::stderr(), "skipped: {missing}"));
}

/// Whether a program can be started that way.
pub(crate) fn works(program: impl AsRef<Path>, arguments: &[&str]) -> bool {
    let output = Command::new(program.as_ref()).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

impl Sdk {
    /// The interpreter and the script without its extension, or how to install what is missing.
    fn command(self, script: &Path) -> Result<Command, &'static str> {
        match self {
            Self::Python => {
                let python = installed().join("venv/bin/python");
                // The import takes long: once is enough.
                static HAS_SDK: OnceLock<bool> = OnceLock::new();
                if !*HAS_SDK.get_or_init(|| works(&python, &["-c", "import openai"])) {
                    return Err("no openai SDK for Python in target/sdk/venv: python3 -m venv \
                         target/sdk/venv && target/sdk/venv/bin/pip install -r \
                         mock-openai/tests/sdk/requirements.txt");
                }
                let mut command = Command::new(python);
                // Scripts of other folders import the client too.
                command.env("PYTHONPATH", here()).arg("-B").arg(script.with_extension("py"));
                Ok(command)
            }
            Self::Node => {
                if !works("node", &["--version"]) {
                    return Err("no `node` on the path: install Node.js 20 or newer");
                }
                if !installed().join("node_modules/openai/package.json").exists() {
                    return Err("no openai SDK for Node in target/sdk/node_modules: cp \
                         mock-openai/tests/sdk/package.json target/sdk && npm install --prefix \
                         target/sdk");
                }
                let mut command = Command::new("node");
                command.arg(script.with_extension("mjs"));
                Ok(command)
            }
        }
    }

    /// A script to be run against a server, or `None` where the SDK is missing and may be.
    pub(crate) fn prepare(
        self,
        script: &Path,
        address: &str,
        api: Api,
        key: &str,
    ) -> Option<Command> {
        match self.command(script) {
            Ok(mut command) => {
                let url = format!("http://{address}/v1");
                command.args([&url, &api.to_string(), key]).arg(installed()).env("NO_PROXY", "*");
                Some(command)
            }
            Err(missing) => {
                skip(missing);
                None
            }
        }
    }
}

/// Runs a script to its end; what it prints.
pub(crate) fn run(command: &mut Command) -> Value {
    let output = command.output().expect("the interpreter starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    let line = String::from_utf8(output.stdout).expect("text");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
