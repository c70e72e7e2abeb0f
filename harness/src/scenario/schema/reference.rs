//! The reference page: every word of the language in the order of a file, as Markdown.

use super::{Choice, Word, example, words};

/// What the page says before the words themselves.
const HEAD: &str = include_str!("reference_head.md");

/// Keys that stand together in the first section, since nothing stands below them.
const FIRST: &str = "The top of a file";

/// The deepest heading.
const DEEPEST: usize = 5;

/// The page.
pub fn reference() -> String {
    let top: Vec<&Word> = words().iter().filter(|w| w.places.contains(&w.name)).collect();
    let (large, small): (Vec<&Word>, Vec<&Word>) = top.into_iter().partition(|w| has_parts(w));
    let mut body = Page::default();
    body.heading(2, FIRST);
    body.table(small.iter().copied());
    let examples = small.iter().filter_map(|word| example(word.place()));
    body.yaml(&examples.collect::<Vec<_>>().join("\n"));
    for word in large {
        body.section(word, word.place(), 2);
    }
    let Page { text, contents } = body;
    format!("{HEAD}\n## Contents\n\n{contents}\n{}\n", text.trim_end())
}

/// Whether a word needs a section: its value is a mapping, or one of words that take a value.
fn has_parts(word: &Word) -> bool {
    !word.is_value && (below(word.place()).any(|part| !part.is_value))
}

/// The words right below a place.
fn below(place: &str) -> impl Iterator<Item = &'static Word> {
    words().iter().filter(move |word| word.places.contains(&format!("{place}.{}", word.name)))
}

#[derive(Default)]
struct Page {
    text: String,
    contents: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn heading(&mut self, depth: usize, title: &str) {
        let line = format!("{} {title}\n", "#".repeat(depth));
        self.line(&line);
        if depth <= 3 {
            let indent = "  ".repeat(depth - 2);
            let entry = format!("{indent}- [{title}]({})\n", anchor(title));
            self.contents.push_str(&entry);
        }
    }

    fn example(&mut self, place: &str) {
        if let Some(yaml) = example(place) {
            self.yaml(yaml);
        }
    }

    fn yaml(&mut self, yaml: &str) {
        self.line(&format!("```yaml\n{yaml}\n```\n"));
    }

    /// A word with all that stands below it. `place` is where the page has arrived at it.
    fn section(&mut self, word: &'static Word, place: &str, depth: usize) {
        self.heading(depth, &format!("`{place}`"));
        if word.is_marked {
            self.line("*Not built yet: a file that says it is refused.*\n");
        }
        self.line(&format!("{}\n", word.says));
        self.example(place);
        self.parts(place, &word.values, depth);
    }

    fn parts(&mut self, place: &str, values: &[Choice], depth: usize) {
        let is_choice = |word: &&Word| values.iter().any(|choice| choice.name == word.name);
        let keys: Vec<&Word> =
            below(place).filter(|word| !word.is_value && !is_choice(word)).collect();
        self.choices("One of:", place, values);
        if !keys.is_empty() {
            self.table(keys.iter().copied());
        }
        for word in &keys {
            let here = format!("{place}.{}", word.name);
            if !has_parts(word) && !word.values.is_empty() {
                let title = format!("`{}` is one of:", word.name);
                self.choices(&title, &here, &word.values);
            }
        }
        let large = below(place).filter(|word| has_parts(word));
        for word in large {
            let here = format!("{place}.{}", word.name);
            if word.place() == here {
                self.section(word, &here, (depth + 1).min(DEEPEST));
            }
        }
    }

    fn choices(&mut self, title: &str, place: &str, values: &[Choice]) {
        if values.is_empty() {
            return;
        }
        self.line(&format!("{title}\n"));
        for Choice { name, says, is_built } in values {
            let word = below(place).find(|word| word.name == *name);
            let name = match word.filter(|word| has_parts(word)) {
                Some(word) => format!("[`{name}`]({})", anchor(&format!("`{}`", word.place()))),
                None => format!("`{name}`"),
            };
            let value = match word.filter(|word| !word.is_value && !has_parts(word)) {
                Some(word) => format!(" with a value ({})", word.of_type),
                None => String::new(),
            };
            let says = if says.is_empty() { String::new() } else { format!(": {says}") };
            let mark = if *is_built { "" } else { " *(not built yet)*" };
            let shown = word.filter(|word| !has_parts(word)).and_then(|w| example(w.place()));
            let shown = shown.map_or_else(String::new, |yaml| format!(" Such as `{yaml}`."));
            self.line(&format!("- {name}{value}{mark}{says}{shown}"));
        }
        self.line("");
    }

    fn table<'a>(&mut self, keys: impl Iterator<Item = &'a Word>) {
        self.line("| key | value | left out | what it says |\n|---|---|---|---|");
        for word in keys {
            let name = if has_parts(word) {
                format!("[`{}`]({})", word.name, anchor(&format!("`{}`", word.place())))
            } else {
                format!("`{}`", word.name)
            };
            let mark = if word.is_marked { "*Not built yet.* " } else { "" };
            let left_out = match &word.default {
                _ if word.is_required => "must be given".to_owned(),
                Some(default) => format!("`{default}`"),
                None => String::new(),
            };
            let says = format!("{mark}{}", word.says).replace("\n\n", " ").replace('|', "\\|");
            let of_type = word.of_type.replace('|', "\\|");
            self.line(&format!("| {name} | {of_type} | {left_out} | {says} |"));
        }
        self.line("");
    }
}

/// The link to a heading, as Git hosts make it.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase().replace(' ', "-");
    let kept: String =
        kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect();
    format!("#{kept}")
}
