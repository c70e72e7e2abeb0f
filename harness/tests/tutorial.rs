//! The tutorial: every file that it shows is the file in its folder, and every output is what the
//! program prints, but for wall times. The same of the outputs in README, which `...` shortens.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> String {
    fs::read_to_string(root().join("docs/tutorial.md")).expect("it can be read")
}

/// A fenced block: what stands behind its fence, and its text.
struct Block {
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                open = Some(Block { info: info.to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

/// The commands of a console, each with what it prints.
fn commands(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            found.push((command.to_owned(), String::new()));
        } else if let Some((_, output)) = found.last_mut() {
            output.push_str(line);
            output.push('\n');
        }
    }
    found
}

/// Runs a command of the page; what it prints, results first.
fn run(command: &str) -> String {
    let mut words = command.split_whitespace().map(|word| word.trim_matches('\''));
    assert_eq!(words.next(), Some("whitewater"), "{command}");
    let mut program = Command::new(env!("CARGO_BIN_EXE_whitewater"));
    let output = program.args(words).current_dir(root()).output().expect("the program starts");
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8(text).expect("it prints UTF-8")
}

/// Without wall times, and without the blanks by which a table makes room for them.
fn comparable(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut kept = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let unit = words.get(index + 1).copied();
            let is_wall = word.parse::<f64>().is_ok()
                && (unit == Some("ms")
                    || index > 0 && words[index - 1] == "in" && unit == Some("s"));
            kept.push(if is_wall { "WALL" } else { word });
        }
        kept.join(" ")
    };
    text.trim_end().lines().map(line).collect()
}

#[test]
fn every_file_that_the_page_shows_is_the_one_in_its_folder() {
    let shown: Vec<Block> =
        blocks(&page()).into_iter().filter(|block| block.info.starts_with("yaml")).collect();
    for Block { info, text } in &shown {
        let path = info.strip_prefix("yaml ").expect("the fence names the file");
        let file = fs::read_to_string(root().join(path)).unwrap_or_default();
        assert!(*text == file, "{path} is not what the page shows");
    }
    let folder = fs::read_dir(root().join("docs/tutorial")).expect("it can be read");
    for entry in folder.filter_map(Result::ok) {
        let path = format!("docs/tutorial/{}", entry.file_name().to_string_lossy());
        let block = shown.iter().any(|block| block.info == format!("yaml {path}"));
        assert!(block, "{path} is shown nowhere");
        assert!(page().contains(&format!(" {path}")), "{path} is run nowhere");
    }
}

#[test]
fn every_output_on_the_page_is_what_the_program_prints() {
    let page = page();
    let mut wrong = Vec::new();
    let mut right = page.clone();
    for block in blocks(&page).iter().filter(|block| block.info == "console") {
        let mut console = String::new();
        for (command, shown) in commands(&block.text) {
            let printed = run(&command);
            let printed = printed.trim_end();
            console.push_str(format!("$ {command}\n{printed}\n").trim_start());
            if comparable(&shown) != comparable(printed) {
                wrong.push(command);
            }
        }
        right = right.replace(&block.text, &console);
    }
    assert!(right.matches("\n$ whitewater ").count() >= 8, "the page runs next to nothing");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tutorial.md");
    fs::write(&path, right).expect("it can be written");
    let path = path.display();
    assert!(
        wrong.is_empty(),
        "{wrong:#?} print something else; {path} is the page as it should be"
    );
}

/// What README calls the program before it has a short name.
const BY_CARGO: &str = "cargo run --release -p harness --";

/// What a line is about, whatever it counts: its words without numbers and hashes.
fn shape(line: &str) -> Vec<&str> {
    let is_name = |word: &&str| word.contains(['-', '/']) || !word.contains(char::is_numeric);
    line.split_whitespace().filter(is_name).collect()
}

/// What is printed, cut as `shown` is; `None` at a line that is printed nowhere, or where lines are
/// left out without a `...`.
fn cut_alike(shown: &str, printed: &str) -> Option<Vec<String>> {
    let mut rest = printed.trim_end().lines();
    let (mut cut, mut may_skip) = (Vec::new(), false);
    for line in shown.trim_end().lines() {
        if line == "..." {
            may_skip = true;
            cut.push(line.to_owned());
            continue;
        }
        let mut skipped = 0;
        let found =
            rest.by_ref().inspect(|_| skipped += 1).find(|one| shape(one) == shape(line))?;
        if skipped > 1 && !may_skip {
            return None;
        }
        may_skip = false;
        cut.push(found.to_owned());
    }
    (may_skip || rest.next().is_none()).then_some(cut)
}

#[test]
fn every_output_in_readme_is_what_the_program_prints() {
    let readme = fs::read_to_string(root().join("README.md")).expect("it can be read");
    let (mut compared, mut wrong, mut right) = (0, Vec::new(), readme.clone());
    for block in blocks(&readme).iter().filter(|block| block.info == "console") {
        for (command, shown) in commands(&block.text) {
            let command = command.replace(BY_CARGO, "whitewater");
            if shown.trim().is_empty() || !command.starts_with("whitewater ") {
                continue;
            }
            compared += 1;
            let Some(cut) = cut_alike(&shown, &run(&command)) else {
                wrong.push(format!("{command}: it prints other lines"));
                continue;
            };
            let cut = cut.join("\n");
            if comparable(&cut) != comparable(&shown) {
                wrong.push(command);
                right = right.replace(shown.trim_end(), &cut);
            }
        }
    }
    assert!(compared >= 4, "README runs next to nothing");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("README.md");
    fs::write(&path, right).expect("it can be written");
    let path = path.display();
    assert!(
        wrong.is_empty(),
        "{wrong:#?} print something else; {path} is the page as it should be"
    );
}
