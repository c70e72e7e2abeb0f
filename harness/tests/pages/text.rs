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
