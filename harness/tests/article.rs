//! The page about the Gin tutorial: each command prints what the page says, each link leads to a file,
//! and each of the tutorial's relays has its place there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use harness::broken;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn page() -> String {
    fs::read_to_string(folder().join("gin-article.md")).expect("it can be read")
}

/// The commands of the page, each with the lines that it shows.
fn commands(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            found.push((command, Vec::new()));
        } else if inside && let Some((_, lines)) = found.last_mut() {
            lines.push(line);
        }
    }
    found
}

/// What a command of the page prints, and whether all held.
fn run(command: &str) -> (String, bool) {
    let mut words = command.split_whitespace();
    assert_eq!(words.next(), Some("whitewater"), "{command}");
    let mut program = Command::new(env!("CARGO_BIN_EXE_whitewater"));
    let output = program.args(words).current_dir(folder().join("..")).output().expect("it runs");
    (String::from_utf8(output.stdout).expect("it prints text"), output.status.success())
}

/// Whether a line is the one that the page shows, or begins as the page shows it.
fn shows(shown: &str, line: &str) -> bool {
    match shown.strip_suffix(" ...") {
        Some(beginning) => line.starts_with(beginning),
        None => line == shown,
    }
}

#[test]
fn every_command_prints_what_the_page_shows_in_its_order() {
    let page = page();
    let commands = commands(&page);
    assert!(commands.len() >= 10, "{}", commands.len());
    for (command, lines) in commands {
        let (output, held) = run(command);
        assert_eq!(held, !command.contains("--relay broken/"), "{command}:\n{output}");
        assert!(!lines.is_empty(), "{command} shows nothing");
        let mut left = output.lines();
        for shown in lines {
            assert!(left.any(|line| shows(shown, line)), "{command}: no `{shown}` in\n{output}");
        }
    }
}

#[test]
fn every_link_leads_to_a_file() {
    let page = page();
    let links: Vec<&str> =
        page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() >= 10, "{links:?}");
    for link in links {
        assert!(folder().join(link).is_file(), "{link}");
    }
}

#[test]
fn every_relay_of_the_tutorial_stands_on_the_page() {
    let page = page();
    let ours =
        broken::ALL.iter().map(|relay| relay.name).filter(|name| name.starts_with("article-"));
    let absent: Vec<&str> =
        ours.filter(|name| !page.contains(&format!("--relay broken/{name}\n"))).collect();
    assert!(absent.is_empty(), "{absent:?}");
}
