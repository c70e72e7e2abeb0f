//! The TOML file: each mistake with its place, its line, and what was expected.

use std::{collections::BTreeSet, ops::Range};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use relay::{SwitchError, switches::Form};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    layers::{Layers, Origin},
    settings::{Setting, Settings, meant},
};

/// What is wrong at one place of the file.
struct Mistake {
    span: Range<usize>,
    title: String,
    expected: String,
}

/// So many mistakes are told of one file: of one that is no file of settings, each line is one.
const MOST_TOLD: usize = 20;

/// Takes what the file says into `layers`.
///
/// # Errors
/// The mistakes of the file, each as people read it, and how many more there are.
pub(crate) fn apply(text: &str, path: &str, layers: &mut Layers) -> Result<(), Vec<String>> {
    let (table, broken) = DeTable::parse_recoverable(text);
    let mut mistakes: Vec<Mistake> = broken.iter().map(syntax).collect();
    for (key, value) in table.get_ref() {
        if let Err(mistake) = apply_one(text, path, key, value, layers) {
            mistakes.push(mistake);
        }
    }
    if mistakes.is_empty() {
        return Ok(());
    }
    let line_ends: Vec<_> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line_of = |mistake: &Mistake| line_ends.partition_point(|at| *at < mistake.span.start);
    if broken.is_empty() {
        mistakes.sort_by_key(|mistake| mistake.span.start);
    } else {
        // What else is wrong on a line that cannot be read follows from that.
        mistakes[..broken.len()].sort_by_key(|mistake| mistake.span.start);
        mistakes.sort_by_cached_key(line_of);
        mistakes.dedup_by_key(|mistake| line_of(mistake));
    }
    let shown = if broken.is_empty() {
        without_secret_values(text, table.get_ref())
    } else {
        without_doubtful_lines(text)
    };
    let told = mistakes.iter().take(MOST_TOLD).map(|mistake| mistake.render(&shown, path));
    let more = mistakes.len().saturating_sub(MOST_TOLD);
    let rest = (more > 0).then(|| {
        let are =
            if more == 1 { "1 more mistake is" } else { &format!("{more} more mistakes are") };
        format!("error: {are} in `{path}`; is it the right file?")
    });
    Err(told.chain(rest).collect())
}

fn syntax(error: &toml::de::Error) -> Mistake {
    let message = error.message();
    let at = |title: &str, expected| Mistake {
        span: error.span().unwrap_or_default(),
        title: title.to_owned(),
        expected,
    };
    if message == "duplicate key" {
        return at(message, "it stands above already: leave one".to_owned());
    }
    if message.starts_with("string values must be quoted") {
        return at("a text stands without quotes", "write it in quotes, as `\"15s\"`".to_owned());
    }
    match message.split_once(", expected ") {
        Some((title, expected)) => at(title, format!("expected {expected}")),
        None => at(message, String::new()),
    }
}

fn apply_one(
    text: &str,
    path: &str,
    key: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    layers: &mut Layers,
) -> Result<(), Mistake> {
    let setting = Setting::named(key.get_ref()).ok_or_else(|| unknown(key, value))?;
    let words = text_of(setting, value)?;
    let line = text[..key.span().start].matches('\n').count() + 1;
    let origin = Origin::File { path: path.to_owned(), line };
    layers.set(setting, &words, origin).map_err(|_| wrong_value(setting, value))
}

fn unknown(key: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> Mistake {
    let expected = match meant(key.get_ref(), Setting::all().map(Setting::name)) {
        Some(nearest) => format!("the nearest is `{nearest}`"),
        None if value.get_ref().is_table() => {
            "there are no tables: all keys stand at the top".to_owned()
        }
        None => "`relay --print-config-reference` lists all keys".to_owned(),
    };
    Mistake { span: key.span(), title: format!("unknown key `{}`", key.get_ref()), expected }
}

/// A value as the environment would write it.
fn text_of(setting: Setting, value: &Spanned<DeValue<'_>>) -> Result<String, Mistake> {
    let form = setting.about().form;
    match value.get_ref() {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Boolean(yes) if form == Form::OnOff => {
            Ok(if *yes { "on" } else { "off" }.to_owned())
        }
        DeValue::Integer(number) if form == Form::Number => {
            // One that is too large is refused as its text.
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Ok(parsed.map_or_else(|_| number.to_string(), |number| number.to_string()))
        }
        DeValue::Array(values) if form == Form::List => {
            let words: Result<Vec<_>, _> =
                values.iter().map(|word| word_of(setting, word)).collect();
            let words = words?;
            Ok(if words.is_empty() { "off".to_owned() } else { words.join(",") })
        }
        DeValue::Integer(_)
        | DeValue::Boolean(_)
        | DeValue::Float(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => Err(wrong_type(setting, value)),
    }
}

/// One text of a list.
fn word_of<'a>(setting: Setting, word: &'a Spanned<DeValue<'_>>) -> Result<&'a str, Mistake> {
    let text = word.get_ref().as_str().ok_or_else(|| wrong_type(setting, word))?;
    let mut scratch = Layers::new();
    // Between commas it would be two; `off` is a list of its own.
    if text.contains(',') || text == "off" || scratch.set(setting, text, Origin::Default).is_err() {
        let expected = format!("expected {}, each a text of its own", setting.about().each);
        return Err(Mistake { expected, ..wrong_value(setting, word) });
    }
    Ok(text)
}

fn wrong_type(setting: Setting, value: &Spanned<DeValue<'_>>) -> Mistake {
    let found = value.get_ref().type_str();
    Mistake {
        span: value.span(),
        title: format!("`{}` cannot be of type {found}", setting.name()),
        expected: format!("expected {}", setting.about().takes),
    }
}

fn wrong_value(setting: Setting, value: &Spanned<DeValue<'_>>) -> Mistake {
    let text = value.get_ref().as_str().unwrap_or_default();
    let word = meant(text, setting.about().words.into_iter()).map(str::to_owned);
    let meant = word.or_else(|| match setting.set(&mut Settings::new(), text) {
        Err(SwitchError::Value { meant, .. }) => meant,
        Err(SwitchError::Unknown { .. }) | Ok(()) => None,
    });
    let meant = meant.map(|word| format!("; the nearest is `{word}`")).unwrap_or_default();
    Mistake {
        span: value.span(),
        title: format!("wrong value of `{}`", setting.name()),
        expected: format!("expected {}{meant}", setting.about().takes),
    }
}

impl Mistake {
    fn render(&self, text: &str, path: &str) -> String {
        let place = AnnotationKind::Primary.span(self.span.clone()).label(&self.expected);
        let snippet = Snippet::source(text).path(path).annotation(place);
        let report = [Level::ERROR.primary_title(&self.title).element(snippet)];
        Renderer::plain().render(&report)
    }
}

/// The text with stars for each value that is secret, or may be: of an unknown key nobody knows.
fn without_secret_values(text: &str, table: &DeTable<'_>) -> String {
    let secret =
        table.iter().filter(|(key, value)| !is_harmless(key.get_ref(), &text[value.span()]));
    let hidden: BTreeSet<_> = secret.flat_map(|(_, value)| value.span()).collect();
    stars(text, |at| hidden.contains(&at))
}

/// The same where the text cannot be read as TOML: only lines that say one harmless thing are shown.
fn without_doubtful_lines(text: &str) -> String {
    let mut hidden = BTreeSet::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let harmless = line
            .split_once('=')
            .is_some_and(|(key, value)| !value.contains('=') && is_harmless(key.trim(), value));
        if !harmless {
            hidden.extend(start..start + line.len());
        }
        start += line.len();
    }
    stars(text, |at| hidden.contains(&at))
}

/// Whether a line may be shown: its key is known, or nearly, and not secret; URLs may hold passwords.
fn is_harmless(key: &str, value: &str) -> bool {
    let name = meant(key, Setting::all().map(Setting::name));
    let setting = name.and_then(Setting::named);
    setting.is_some_and(|setting| !setting.about().is_secret) && !value.contains(['@', '?'])
}

/// The text with stars for bytes, which keeps all places; line ends and spaces stay.
fn stars(text: &str, is_hidden: impl Fn(usize) -> bool) -> String {
    let star = |(at, c): (usize, char)| {
        if is_hidden(at) && !c.is_whitespace() { "*".repeat(c.len_utf8()) } else { c.to_string() }
    };
    text.char_indices().map(star).collect()
}
