//! What a run tells of itself while it lasts.

use harness::net::recorder_on_this_thread;
use tokio::time::sleep;

use crate::support::{latency, ms, name, pair, run, server};

#[test]
fn a_panic_hook_finds_the_recorder_of_the_run_on_its_thread() {
    assert!(recorder_on_this_thread().is_none());
    let (at, _) = run(&pair(latency(1)), vec![], |_| async {
        sleep(ms(5)).await;
        recorder_on_this_thread().map(|recorder| recorder.now())
    });
    assert_eq!(at, Some(ms(5)));
    assert!(recorder_on_this_thread().is_none());
}

#[test]
fn tasks_of_the_code_under_test_are_counted_while_they_live() {
    let serve = server("upstream", |stream| async move {
        sleep(ms(1_000)).await;
        drop(stream);
    });
    let (alive, _) = run(&pair(latency(1)), vec![serve], |host| async move {
        let count = || host.stack().tasks_alive(&|_| true).unwrap().all;
        let before = count();
        let _one = host.connect(&name("upstream")).await.unwrap();
        let _two = host.connect(&name("upstream")).await.unwrap();
        sleep(ms(100)).await;
        let during = count();
        sleep(ms(2_000)).await;
        (during - before, count() - before)
    });
    assert_eq!(alive, (2, 0));
}

#[test]
fn a_panic_in_a_task_of_an_actor_ends_that_task_alone() {
    let serve = server("upstream", |stream| async move {
        drop(stream);
        panic!("of this task alone");
    });
    let (connected, _) = run(&pair(latency(1)), vec![serve], |host| async move {
        let first = host.connect(&name("upstream")).await.is_ok();
        sleep(ms(10)).await;
        (first, host.connect(&name("upstream")).await.is_ok())
    });
    assert_eq!(connected, (true, true));
}
