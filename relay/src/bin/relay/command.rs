//! The command line; each setting is a flag, and a variable of the environment.

use clap::{Arg, ArgAction, Command};

use relay::switches::Form;

use crate::settings::{Setting, Settings};

pub(crate) const CONFIG: &str = "config";
pub(crate) const CHECK: &str = "check-config";
pub(crate) const REFERENCE: &str = "print-config-reference";
pub(crate) const EXAMPLE: &str = "print-example-config";

const AFTER: &str = "\
A flag goes before a variable of the environment, that before the file, that before the default.
Keys on the command line can be seen by everybody on the machine: use a file or the environment.

Exit codes:
  0  It was told to stop, and has stopped; or what was asked for is printed
  1  It could not be done, such as to listen on a port that is taken
  2  What was asked for makes no sense; nothing was started

Example: relay --listen 127.0.0.1:8080 --upstream https://api.openai.com/v1";

pub(crate) fn command() -> Command {
    let only = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
    };
    let defaults = Settings::new();
    Command::new("relay")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Relays OpenAI-compatible streams to clients, byte for byte and as they come")
        .after_help(AFTER)
        .arg(
            Arg::new(CONFIG)
                .long(CONFIG)
                .value_name("FILE")
                .help("File with settings, in TOML")
                .env("RELAY_CONFIG"),
        )
        .arg(only(CHECK, "Print what would be in force and where it comes from; start nothing"))
        .arg(only(REFERENCE, "Print a page about all settings, in Markdown"))
        .arg(only(EXAMPLE, "Print a file with all settings and their defaults"))
        .next_help_heading("Settings")
        .args(Setting::all().map(|setting| argument(setting, &defaults)))
}

fn argument(setting: Setting, defaults: &Settings) -> Arg {
    let default = setting.value_of(defaults);
    let about = setting.about();
    let action = if about.form == Form::List { ArgAction::Append } else { ArgAction::Set };
    Arg::new(setting.name())
        .long(setting.flag())
        .value_name("VALUE")
        .help(format!("{}; takes {} [default: {default}]", setting.help(), about.takes))
        .env(setting.variable())
        .hide_env_values(true)
        .action(action)
}
