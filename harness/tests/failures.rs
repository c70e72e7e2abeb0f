//! What a run prints of ten broken relays: each block's first line says what the client met.
//!
//! `INSTA_UPDATE=always cargo test -p harness --test failures` writes the snapshots; they are read as a
//! newcomer would read them.

use std::{path::Path, process::Command};

use rstest::rstest;

#[rstest]
#[case("forgets-flush", "proxy-buffering/ten-events-come-one-by-one")]
#[case("always-done", "dropped-connections/provider-ends-without-done")]
#[case("ends-cleanly", "dropped-connections/provider-truncates-the-body")]
#[case("detached-upstream", "dropped-connections/client-resets-mid-stream")]
#[case("decodes-each-chunk", "any-cut/each-byte-in-a-segment-of-its-own")]
#[case("splits-on-two-newlines", "any-cut/line-ends-change-within-a-stream")]
#[case("heartbeat-inside-events", "heartbeats/event-comes-in-two-halves")]
#[case("splices-its-error", "dropped-connections/provider-dies-inside-an-event")]
#[case("keeps-places-of-leavers", "limits/place-of-a-client-that-left-is-free-again")]
#[case("drops-empty-choices", "usage/asked-usage-arrives")]
fn a_broken_relay_is_told_from_the_clients_side(#[case] relay: &str, #[case] scenario: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_whitewater"))
        .args(["run", scenario, "--relay", &format!("broken/{relay}")])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    // What stands around the blocks has wall times.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let blocks: Vec<&str> = text.split("\n\n").filter(|block| block.starts_with("BROKE")).collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("failures");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(relay, blocks.join("\n\n")));
}
