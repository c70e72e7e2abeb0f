//! Words of the language as text for a terminal.

use crate::scenario::schema::{self, Choice, Word};

/// Columns of a line.
const WIDTH: usize = 96;

/// Where a field's text begins.
const INDENT: usize = 12;

/// All that is known of one word.
pub(super) fn explain(word: &Word) -> String {
    let mut text = format!("{}{}\n", word.place(), not_built(word.is_built));
    field(&mut text, "means", &word.says);
    if let [_, others @ ..] = word.places.as_slice()
        && !others.is_empty()
    {
        field(&mut text, "also", &others.join(", "));
    }
    if !word.is_value {
        let needed = if word.is_required { ", needed" } else { "" };
        field(&mut text, "type", &format!("{}{needed}", word.of_type));
    }
    if let Some(default) = &word.default {
        field(&mut text, "default", default);
    }
    for (index, choice) in word.values.iter().enumerate() {
        let label = if index == 0 { "values" } else { "" };
        field(&mut text, label, &one_choice(choice));
    }
    if !word.keys.is_empty() {
        field(&mut text, "keys", &word.keys.join(", "));
    }
    if let Some(instead) = &word.instead {
        field(&mut text, "instead", instead);
    }
    for (index, line) in schema::example_of(word).lines().enumerate() {
        let label = if index == 0 { "example" } else { "" };
        text.push_str(format!("  {label:10}{line}").trim_end());
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// Several words of one name: which is meant must be said.
pub(super) fn choose(words: &[&Word]) -> String {
    let name = words.first().map_or("", |word| word.name.as_str());
    let mut text = format!("`{name}` means several things: name one by its place\n");
    for word in words {
        for place in &word.places {
            let line = format!("{place}{}: {}", not_built(word.is_built), word.summary());
            wrapped(&mut text, "  ", &line, 6);
        }
    }
    text.trim_end().to_owned()
}

/// A word on one line of a list.
pub(super) fn line(name: &str, word: &Word) -> String {
    format!("{name}{}: {}", not_built(word.is_built), word.summary())
}

fn one_choice(choice: &Choice) -> String {
    let Choice { name, says, is_built } = choice;
    let says = if says.is_empty() { String::new() } else { format!(": {says}") };
    format!("{name}{}{says}", not_built(*is_built))
}

fn not_built(is_built: bool) -> &'static str {
    if is_built { "" } else { " (not built yet)" }
}

fn field(text: &mut String, label: &str, value: &str) {
    wrapped(text, &format!("  {label:10}"), value, INDENT);
}

/// Puts a text behind its label, broken between words.
fn wrapped(text: &mut String, label: &str, value: &str, indent: usize) {
    let mut line = label.to_owned();
    let mut is_empty = true;
    for word in value.split_whitespace() {
        if !is_empty && line.chars().count() + word.chars().count() >= WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(indent);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    text.push_str(line.trim_end());
    text.push('\n');
}
