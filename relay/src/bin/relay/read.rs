//! Reads all settings from where they may stand, and refuses what is wrong.

use std::path::Path;

use clap::{ArgMatches, parser::ValueSource};
use relay::{Config, ConfigError, config::Secret, dial::DialError};

use crate::{
    command::CONFIG,
    config_file, key_file,
    layers::{Layers, Origin},
    settings::{Setting, Settings, meant},
    store, text_file,
};

/// What was read, and what to warn of.
pub(crate) struct Ready {
    pub(crate) layers: Layers,
    /// What the relay is given.
    pub(crate) config: Config,
    pub(crate) warnings: Vec<String>,
}

/// Reads everything.
///
/// # Errors
/// All that is wrong, each as people read it.
pub(crate) fn all(matches: &ArgMatches) -> Result<Ready, Vec<String>> {
    let mut layers = Layers::new();
    let mut wrong = Vec::new();
    wrong.extend(file(matches, &mut layers).err().unwrap_or_default());
    for setting in Setting::all() {
        wrong.extend(above_the_file(matches, setting, &mut layers).err());
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut warnings = unknown_variables();
    warnings.extend(keys_in_open_file(&layers));
    let wrong = keys(&mut layers, &mut warnings);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let config = config(&layers)?;
    warnings.extend(open_to_all(&layers));
    Ok(Ready { layers, config, warnings })
}

fn error(text: impl std::fmt::Display) -> String {
    format!("error: {text}")
}

fn file(matches: &ArgMatches, layers: &mut Layers) -> Result<(), Vec<String>> {
    let Some(path) = matches.get_one::<String>(CONFIG) else { return Ok(()) };
    let text = text_file::read("configuration file", path).map_err(|wrong| vec![error(wrong)])?;
    config_file::apply(&text, path, layers)
}

/// A warning where the file itself holds keys and everybody can read it.
fn keys_in_open_file(layers: &Layers) -> Option<String> {
    let secrets = Setting::all().filter(|setting| setting.about().is_secret);
    secrets.map(Setting::name).find_map(|name| match layers.origin(name) {
        Origin::File { path, .. } => {
            text_file::readable_by_all("configuration file", Path::new(path))
        }
        Origin::Default | Origin::KeyFile(_) | Origin::Variable(_) | Origin::Flag(_) => None,
    })
}

/// What the command line says of a setting, or else the environment.
fn above_the_file(
    matches: &ArgMatches,
    setting: Setting,
    layers: &mut Layers,
) -> Result<(), String> {
    let name = setting.name();
    let origin = match matches.value_source(name) {
        Some(ValueSource::CommandLine) => Origin::Flag(setting.flag()),
        Some(ValueSource::EnvVariable) => Origin::Variable(setting.variable()),
        _ => return Ok(()),
    };
    let words: Vec<&str> =
        matches.get_many(name).into_iter().flatten().map(String::as_str).collect();
    layers
        .set(setting, &words.join(","), origin.clone())
        .map_err(|wrong| error(format!("{origin}: {wrong}")))
}

/// Variables of the environment that begin as the relay's do and are none of them. That is a warning and
/// no mistake, since whoever makes the environment may have others there for reasons of their own.
fn unknown_variables() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut unknown: Vec<String> = names.filter_map(|name| unknown_variable(&name)).collect();
    unknown.sort();
    unknown
}

fn unknown_variable(name: &str) -> Option<String> {
    let word = name.strip_prefix("RELAY_")?;
    let is_known = Setting::all().any(|setting| setting.variable() == name);
    if is_known || word.eq_ignore_ascii_case(CONFIG) || is_of_kubernetes(word) {
        return None;
    }
    let near = meant(&word.to_lowercase(), Setting::all().map(Setting::name));
    let rest = match near.and_then(Setting::named) {
        Some(setting) => format!("the nearest is {}", setting.variable()),
        None => "it changes nothing".to_owned(),
    };
    Some(format!("{name} is not a variable of the relay; {rest}"))
}

/// Whether it is one that Kubernetes makes for each service, here for one whose name begins with
/// `relay`: `RELAY_SERVICE_HOST`, `RELAY_SERVICE_PORT_HTTP`, `RELAY_PORT`, `RELAY_PORT_8080_TCP_ADDR`.
fn is_of_kubernetes(word: &str) -> bool {
    let begins = |rest: &str, beginning: &str| {
        rest == beginning || rest.starts_with(&format!("{beginning}_"))
    };
    let mut rest = Some(word);
    while let Some(word) = rest {
        if ["SERVICE_HOST", "SERVICE_PORT"].iter().any(|one| begins(word, one)) || word == "PORT" {
            return true;
        }
        let number = word.strip_prefix("PORT_").and_then(|port| port.split('_').next());
        if number.is_some_and(|port| port.parse::<u16>().is_ok()) {
            return true;
        }
        rest = word.split_once('_').map(|(_, rest)| rest);
    }
    false
}

/// Reads the files with keys.
fn keys(layers: &mut Layers, warnings: &mut Vec<String>) -> Vec<String> {
    let program = layers.settings.program.clone();
    let config = &layers.settings.config;
    let (have_keys, have_key) = (!config.keys.is_empty(), config.provider_key.is_some());
    let mut wrong = Vec::new();
    if let Some(path) = program.keys_file {
        match keys_of("keys", "keys_file", &path, have_keys, layers, warnings) {
            Ok(keys) => layers.settings.config.keys = keys,
            Err(errors) => wrong.extend(errors),
        }
    }
    if let Some(path) = program.provider_key_file {
        let name = "provider_key_file";
        match keys_of("provider_key", name, &path, have_key, layers, warnings).as_deref() {
            Ok([key]) => layers.settings.config.provider_key = Some(key.clone()),
            Ok(keys) => wrong.push(format!(
                "the {name} `{}` holds {} keys: leave one",
                path.display(),
                keys.len()
            )),
            Err(errors) => wrong.extend_from_slice(errors),
        }
    }
    wrong.iter().map(error).collect()
}

/// The keys of a file, which must be the only place where they are given.
fn keys_of(
    name: &'static str,
    file: &'static str,
    path: &Path,
    given: bool,
    layers: &mut Layers,
    warnings: &mut Vec<String>,
) -> Result<Vec<Secret>, Vec<String>> {
    if given {
        let both = layers.explain(&[name, file]);
        return Err(vec![format!(
            "{name} and {file} are both given: set one of them to off{both}"
        )]);
    }
    let (keys, warning) = key_file::read(file, path)?;
    warnings.extend(warning);
    layers.came_from(name, Origin::KeyFile(path.to_owned()));
    Ok(keys)
}

/// What the relay is given; or what does not fit together.
fn config(layers: &Layers) -> Result<Config, Vec<String>> {
    let Settings { program, config } = &layers.settings;
    let Some((first, rest)) = program.upstreams.split_first() else {
        let how = "no upstream is given: add --upstream URL, RELAY_UPSTREAM, or `upstream = \"URL\"` \
                   in the file; for example https://api.openai.com/v1";
        return Err(vec![error(how)]);
    };
    let mut config = Config { upstream: first.clone(), ..config.clone() };
    // Those of the list go before those that are called fallbacks.
    config.fallbacks.splice(0..0, rest.iter().cloned());
    let found = config.contradictions();
    let mut wrong: Vec<_> = found.iter().map(|found| explained(found, layers)).collect();
    let encrypted = config.fallbacks.iter().chain([first]).any(|base| base.scheme() == "https");
    if encrypted && !cfg!(feature = "tls") {
        wrong.push(error("this relay is built without TLS, and cannot call https: build it with the feature `tls`"));
    }
    match program.resume_redis.as_ref().map(|url| store::redis(url.as_str(), &config)).transpose() {
        Ok(store) => config.store = store,
        Err(why) => wrong.push(error(format!("{why}{}", layers.explain(&["resume_redis"])))),
    }
    // What it is for is made again for each thread; here it shows whether it can be made.
    if let Err(why) = relay::dial::client(&config) {
        wrong.push(error(format!("{why}{}", layers.explain(dialled_by(&why)))));
    }
    if wrong.is_empty() { Ok(config) } else { Err(wrong) }
}

/// The setting to which it is owed that there is no client.
fn dialled_by(why: &DialError) -> &'static [&'static str] {
    match why {
        DialError::Unreadable { .. } | DialError::NoCertificate(_) | DialError::NoTls => {
            &["upstream_ca"]
        }
        DialError::Client(_) => &[],
    }
}

fn explained(found: &ConfigError, layers: &Layers) -> String {
    error(format!("{found}{}", layers.explain(found.switches)))
}

/// A warning where strangers could spend the provider's key.
fn open_to_all(layers: &Layers) -> Option<String> {
    let Settings { program, config } = &layers.settings;
    let open = config.keys.is_empty()
        && config.provider_key.is_some()
        && !program.listen.ip().is_loopback();
    open.then(|| {
        format!(
            "everybody who reaches {} may use the provider_key: give keys or keys_file",
            program.listen
        )
    })
}
