//! Models of middleboxes beside the programs that they model: nginx and haproxy of the system's
//! packages, on loopback, with the same bytes from the same server at the same pauses.
//!
//! Compared are patterns and never times: how much of the body the client has after which of the
//! server's sends, how the answer ends, and after which send the server learns that it is alone.
//! Pauses are wide, and a case that comes out differently is tried twice more: a machine that
//! stands still for longer than a pause tells nothing of a program.
//!
//! A program that is not there is said on standard error and its test passes; with `CI=true` it fails.

#![expect(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion; clippy sees only `#[test]` functions as tests"
)]

mod cases;
mod program;
#[path = "../../../mock-openai/tests/sdk/runner.rs"]
#[expect(dead_code, reason = "of the SDKs' runner only its words about what is missing are used")]
mod runner;
mod story;
#[path = "../network/support.rs"]
#[expect(dead_code, reason = "of the network's tests only plans and runs are used")]
mod support;

use std::sync::Arc;

use harness::{middlebox, scenario::LinkSpec};
use tokio::net::{TcpListener, TcpStream};

use cases::Case;
use program::Program;
use story::{Board, Seen};

/// What the model does with a case.
fn simulated(case: &Case) -> Seen {
    let board = Arc::new(Board::default());
    let (steps, seen_by_server) = (case.server.clone(), Arc::clone(&board));
    let server = support::server("upstream", move |stream| {
        story::serve(stream, steps.clone(), Arc::clone(&seen_by_server))
    });
    let hop = middlebox::actor(&case.model, "hop".into(), "upstream".into());
    let (asked, seen_by_client) = (case.clone(), Arc::clone(&board));
    let plan = support::path(&["client"], &["hop"], LinkSpec::default());
    let actors = if case.refuses() { vec![hop] } else { vec![server, hop] };
    let (mut seen, _) = support::run(&plan, actors, move |host| async move {
        let stream = host.connect(&"hop".into()).await.expect("the hop listens");
        story::ask(stream, &asked, &seen_by_client).await
    });
    seen.noticed = board.noticed(&seen);
    seen
}

/// What the program does with it.
async fn real(case: &Case) -> Seen {
    let board = Arc::new(Board::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let upstream = listener.local_addr().expect("an address").port();
    let program = Program::start(case.program, upstream).await;
    let (steps, seen_by_server) = (case.server.clone(), Arc::clone(&board));
    let refuses = case.refuses();
    let server = tokio::spawn(async move {
        if refuses {
            return;
        }
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("a socket");
            tokio::spawn(story::serve(stream, steps.clone(), Arc::clone(&seen_by_server)));
        }
    });
    let stream = TcpStream::connect(("127.0.0.1", program.port)).await.expect("it listens");
    if case.stops {
        program.tell_to_stop();
    }
    let mut seen = story::ask(stream, case, &board).await;
    // A client that has left waits for what the server makes of that.
    if seen.ending == story::Ending::Left || seen.ending == story::Ending::Cut {
        tokio::time::sleep(case.patience()).await;
    }
    seen.noticed = board.noticed(&seen);
    server.abort();
    seen
}

async fn compared(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for case in cases {
        let model = tokio::task::block_in_place(|| {
            std::thread::scope(|scope| scope.spawn(|| simulated(&case)).join())
        });
        let model = model.expect("the model runs");
        let mut program = real(&case).await;
        for _ in 0..2 {
            if program == model {
                break;
            }
            program = real(&case).await;
        }
        if program != model {
            let (name, kind) = (case.name, case.model.kind());
            wrong.push(format!("{name}\n  {kind:15} {model:?}\n  the program     {program:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_does_what_its_models_do() {
    if program::is_there("nginx") {
        let stops = cases::stopping().0;
        compared(cases::nginx().into_iter().chain([stops]).collect()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_compresses_as_its_model_does() {
    if program::is_there("nginx") {
        compared(cases::compressing()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_does_what_its_models_do() {
    if program::is_there("haproxy") {
        let stops = cases::stopping().1;
        compared(cases::haproxy().into_iter().chain([stops]).collect()).await;
    }
}
