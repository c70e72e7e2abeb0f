//! Input that is made to hurt: refused with its own text, without panic and without much work.

use harness::scenario::load;
use mock_openai::yaml::{DIAGNOSTICS_MAX, Diagnostic, FILE_SIZE_MAX};

fn refused(text: &[u8]) -> Vec<Diagnostic> {
    load("hostile.yaml", text, &[]).expect_err("hostile input is refused")
}

fn only(text: &[u8]) -> Diagnostic {
    let mut wrong = refused(text);
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    wrong.remove(0)
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

#[test]
fn a_thousand_aliases_are_refused_at_the_first_anchor() {
    let aliases = lines(1_000, |nth| format!("k{nth}: [*a, *a, *a]\n"));
    let text = format!("title: &a [x, x, x, x, x, x, x, x, x, x]\n{aliases}");
    let wrong = only(text.as_bytes());
    assert_eq!((wrong.line, wrong.column, wrong.length), (1, 8, 2));
    assert_eq!(wrong.message, "anchors and aliases are refused");
}

#[test]
fn ten_thousand_open_brackets_are_refused_at_the_first_that_is_too_deep() {
    for open in ["[", "{a: "] {
        let wrong = only(format!("title: {}", open.repeat(10_000)).as_bytes());
        assert_eq!(wrong.message, "lists and mappings stand more than 64 deep in each other");
        // `title` is in a mapping itself.
        let nth = 63 * open.len();
        assert!(wrong.column >= 8 + nth && wrong.column <= 8 + nth + open.len(), "{wrong}");
    }
    let block = lines(1_000, |level| format!("{}a:\n", " ".repeat(level)));
    let wrong = only(block.as_bytes());
    assert_eq!(wrong.message, "lists and mappings stand more than 64 deep in each other");
    assert_eq!(wrong.line, 65);
    // Half of the levels in each of YAML's two notations.
    let mixed = lines(40, |level| format!("{}a:\n", " ".repeat(level))) + &" ".repeat(40);
    let wrong = only(format!("{mixed}{}{}", "[".repeat(40), "]".repeat(40)).as_bytes());
    assert_eq!(wrong.message, "lists and mappings stand more than 64 deep in each other");
    assert_eq!((wrong.line, wrong.column), (41, 65));
}

#[test]
fn what_is_not_utf_8_is_refused_at_its_first_byte() {
    let wrong = only(b"title: A reader\ntags: [caf\xE9]\n");
    let expected = "\
error: the byte 0xE9 is not UTF-8
 --> hostile.yaml:2:11
  |
2 | tags: [caf\u{fffd}]
  |           ^
  |
  = help: save the file as UTF-8";
    assert_eq!(wrong.to_string(), expected);
    assert_eq!(only(b"\xFF\xFEt\0i\0").message, "the byte 0xFF is not UTF-8");
}

#[test]
fn a_file_of_a_hundred_megabytes_is_refused_unread() {
    let wrong = only(&vec![b'#'; 100_000_000]);
    assert_eq!(
        wrong.to_string(),
        "error: the file is larger than 1024 KiB\n--> hostile.yaml\n = help: split it into several \
         scenarios"
    );
    assert!(refused(&vec![b'#'; FILE_SIZE_MAX])[0].message.contains("says nothing"));
}

#[test]
fn a_file_of_a_million_values_is_refused() {
    let wrong = only(format!("title: [{}]", "1,".repeat(500_000)).as_bytes());
    assert_eq!(wrong.message, "the file has more than 100000 values");
}

#[test]
fn a_file_full_of_mistakes_tells_the_first_twenty() {
    let text = lines(40_000, |nth| format!("k{nth}: 1\n"));
    assert_eq!(refused(text.as_bytes()).len(), DIAGNOSTICS_MAX);
    let twice = "a: 1\n".repeat(30_000);
    assert_eq!(refused(twice.as_bytes()).len(), DIAGNOSTICS_MAX);
}

#[test]
fn a_mistake_in_a_very_long_line_shows_the_part_around_it() {
    let text =
        format!("title: \"{}\"\ntags: [{}{{}}]\n", "日".repeat(200_000), "a, ".repeat(20_000));
    let wrong = &refused(text.as_bytes())[1];
    assert_eq!((wrong.line, wrong.column), (2, 60_008));
    assert_eq!(wrong.source.as_ref().map(|line| line.chars().count()), Some(103));
    let text = wrong.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], " --> hostile.yaml:2:60008");
    assert!(lines[3].starts_with("2 | ...") && lines[3].ends_with("a, a, {}]"), "{text}");
    let marked = lines[4].find("^^").map(|at| &lines[3][at..]);
    assert_eq!(marked, Some("{}]"), "{text}");
}

#[test]
fn control_characters_and_marks_never_reach_the_terminal_raw() {
    let wrong = refused("title: x\n\"\\e[31m\u{202e}\": 1\n".as_bytes());
    let text = wrong.iter().map(ToString::to_string).collect::<String>();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
}
