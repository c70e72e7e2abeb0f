//! Files that are made to hurt, read by the program itself: refused soon and within 200 MB.
//!
//! The bound of memory is the kernel's, on the address space of the process (`ulimit -v`), so that no
//! peak can be missed. The bound of time is a guard against hanging alone.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// In KiB, as `ulimit` counts.
const MEMORY_KIB: u32 = 200_000;

const HANGS_AFTER: Duration = Duration::from_secs(10);

fn file(name: &str, text: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
    fs::create_dir_all(&folder).expect("the target folder takes folders");
    let path = folder.join(name);
    fs::write(&path, text).expect("the target folder takes files");
    path
}

/// Runs `whitewater` in an address space of so many KiB.
fn whitewater(arguments: &[&str], memory_kib: u32) -> Output {
    let script = format!("ulimit -v {memory_kib} && exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_whitewater")]).args(arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    in_time(child.expect("the shell starts"))
}

#[expect(clippy::disallowed_methods, reason = "whether a process hangs shows in wall time alone")]
fn in_time(mut child: Child) -> Output {
    let began = Instant::now();
    while child.try_wait().expect("it can be asked").is_none() {
        if began.elapsed() > HANGS_AFTER {
            child.kill().expect("it can be ended");
            panic!("it hangs");
        }
        std::thread::yield_now();
    }
    child.wait_with_output().expect("its output can be read")
}

/// What `check` says of a hostile file, in which place.
fn refused(name: &str, text: &[u8], told: &str) {
    let path = file(name, text);
    let output = whitewater(&["check", &path.display().to_string()], MEMORY_KIB);
    let (out, log) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(2), "{name}: {out}{log}");
    assert!(out.contains(told), "{name}: {out}");
    fs::remove_file(path).expect("it can be removed");
}

#[test]
fn the_bound_of_memory_binds() {
    let output = whitewater(&["list", "rules"], 4_000);
    assert_ne!(output.status.code(), Some(0), "4 MB are enough?");
    assert_eq!(whitewater(&["list", "rules"], MEMORY_KIB).status.code(), Some(0));
}

#[test]
fn a_thousand_aliases_are_refused() {
    let aliases = "  - [*a, *a, *a]\n".repeat(1_000);
    let text = format!("title: &a [x, x, x, x, x, x, x, x, x, x]\ntags:\n{aliases}");
    refused("aliases.yaml", text.as_bytes(), "anchors and aliases are refused");
}

#[test]
fn ten_thousand_open_brackets_are_refused() {
    for (name, open) in [("lists.yaml", "["), ("mappings.yaml", "{a: "), ("items.yaml", "- ")] {
        let text = format!(
            "title: x\ntags: {}{}",
            if open == "- " { "\n" } else { "" },
            open.repeat(10_000)
        );
        refused(name, text.as_bytes(), "stand more than 64 deep in each other");
    }
}

#[test]
fn a_file_of_a_hundred_megabytes_is_refused() {
    refused("comments.yaml", &vec![b'#'; 100_000_000], "the file is larger than 1024 KiB");
    refused("spaces.yaml", &vec![b' '; 100_000_000], "the file is larger than 1024 KiB");
}

#[test]
fn what_is_no_utf_8_is_refused() {
    refused("latin-1.yaml", b"title: caf\xE9\n", "the byte 0xE9 is not UTF-8");
    refused("utf-16.yaml", b"\xFF\xFEt\0i\0t\0l\0e\0", "the byte 0xFF is not UTF-8");
    refused("binary.yaml", &vec![0x80; 1_000_000], "the byte 0x80 is not UTF-8");
    refused("cut.yaml", b"title: \xF0\x9F\x98", "is not UTF-8");
}

/// The largest files that are still read: their values, keys, lines and mistakes.
#[test]
fn a_file_of_the_largest_size_is_refused_in_time() {
    let fill = |piece: &str| piece.repeat((1 << 20) / piece.len() - 100);
    for (name, text, told) in [
        ("values.yaml", format!("title: [{}]", fill("1,")), "more than 100000 values"),
        ("duplicates.yaml", fill("a: 1\n"), "more than 100000 values"),
        ("quotes.yaml", format!("title: \"{}", fill("\\\"")), "error:"),
        ("escapes.yaml", format!("title: \"{}\"", fill("\\u0041")), "error:"),
        ("lines.yaml", format!("title: |\n{}", fill(" x\n")), "error:"),
        ("long-line.yaml", format!("title: [{}]\nnonsense: 1\n", "x".repeat(1_000_000)), "error:"),
        ("wide.yaml", format!("title: \"{}\"\nnonsense: 1\n", "日".repeat(300_000)), "error:"),
        ("dashes.yaml", fill("- "), "error:"),
        ("questions.yaml", fill("? "), "error:"),
        ("colons.yaml", fill(": "), "error:"),
        ("hashes.yaml", fill("{#\n"), "error:"),
        ("percents.yaml", fill("%a\n"), "error:"),
        ("tags.yaml", fill("!a "), "error:"),
    ] {
        refused(name, text.as_bytes(), told);
    }
}

#[test]
fn a_scenario_that_asks_for_too_much_is_refused() {
    let scenario = |upstream: &str, clients: &str| {
        format!("title: T\nupstream: [{{then: [{upstream}]}}]\nclients: [{clients}]\n")
    };
    let stream = "{stream: {chunks: 1000}}";
    let nested = (0..40).fold("{send: {data: a}}".to_owned(), |inner, _| {
        format!("{{repeat: {{times: 2, steps: [{inner}]}}}}")
    });
    for (name, text, told) in [
        (
            "crowd.yaml",
            scenario(stream, "{name: c, count: 18446744073709551615}"),
            "clients are refused",
        ),
        ("frames.yaml", scenario(stream, "{name: c, count: 10000}"), "this run would need"),
        ("nested.yaml", scenario(&nested, "{name: c}"), "error:"),
        (
            "chunks.yaml",
            scenario("{stream: {chunks: 18446744073709551615}}", "{name: c}"),
            "is refused",
        ),
    ] {
        refused(name, text.as_bytes(), told);
    }
}
