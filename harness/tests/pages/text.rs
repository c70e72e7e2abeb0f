//! Markdown, and what differs between two texts.

/// A table: its header, its rows.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = row(header.iter().map(|cell| (*cell).to_owned()));
    text.push_str(&row(header.iter().map(|_| "---".to_owned())));
    for cells in rows {
        text.push_str(&row(cells.into_iter()));
    }
    text
}

fn row(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// A text in which issue threads are links: `owner/name#1`, `owner/name PR#1`, and
/// `owner/name pull request 1`.
pub(crate) fn linked(text: &str) -> String {
    let text = text.replace(" pull request ", " PR#");
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let (named, rest) = word.split_once('#').unwrap_or((word, ""));
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let before = words.last().map_or("", String::as_str);
        let (repository, shown, joins) = match named {
            "PR" => (before, format!("{before} {named}#{}", &rest[..digits]), true),
            _ => (named, format!("{named}#{}", &rest[..digits]), false),
        };
        if digits == 0 || !is_repository(repository) {
            words.push(word.to_owned());
            continue;
        }
        let address = format!("https://github.com/{repository}/issues/{}", &rest[..digits]);
        let link = format!("[{shown}]({address}){}", &rest[digits..]);
        if joins {
            words.pop();
        }
        words.push(link);
    }
    words.join(" ")
}

fn is_repository(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    text.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

#[test]
fn threads_become_links_and_nothing_else_does() {
    assert_eq!(
        linked("a/b#1: one; c/d.e PR#22, and RFC 9112 8, #3"),
        "[a/b#1](https://github.com/a/b/issues/1): one; \
         [c/d.e PR#22](https://github.com/c/d.e/issues/22), and RFC 9112 8, #3"
    );
    assert_eq!(linked("a/b pull request 7"), "[a/b PR#7](https://github.com/a/b/issues/7)");
}

/// The first line in which a page is no longer what it was.
pub(crate) fn first_difference(committed: &str, page: &str) -> String {
    let (mut old, mut new) = (committed.lines(), page.lines());
    for line in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (old, new) if old != new => {
                let (old, new) = (old.unwrap_or("nothing"), new.unwrap_or("nothing"));
                return format!("line {line} is\n  {old}\nand should be\n  {new}");
            }
            _ => {}
        }
    }
    "it ends otherwise".to_owned()
}

#[test]
fn a_page_that_differs_is_told_by_its_first_line_that_does() {
    let told = first_difference("a\nb\n", "a\nc\n");
    assert_eq!(told, "line 2 is\n  b\nand should be\n  c");
    assert_eq!(first_difference("a\n", "a\nb\n"), "line 2 is\n  nothing\nand should be\n  b");
    assert_eq!(first_difference("a", "a\n"), "it ends otherwise");
}
