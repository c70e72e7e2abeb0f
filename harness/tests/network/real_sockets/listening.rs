//! Connecting, listening, and connections that nobody has taken yet.

use tokio::time::timeout;

use super::{GLANCE, Seen, Sockets, kind, outcome, read, read_once, write};

async fn refused_connect<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let refused = sockets.connect_to_nobody().await;
    seen.push(outcome(refused.map(drop)));
}

async fn connect_after_listening_ended_and_again_after_it_began<S: Sockets>(
    sockets: &mut S,
    seen: &mut Seen,
) {
    sockets.stop_listening();
    seen.push(outcome(sockets.connect().await.map(drop)));
    seen.push(outcome(sockets.listen().await));
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "hello", seen).await;
    drop(one);
    read(&mut two, seen).await;
}

async fn what_was_accepted_outlives_its_listener<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    sockets.stop_listening();
    sockets.settle().await;
    write(&mut one, "still there?", seen).await;
    sockets.settle().await;
    read_once(&mut two, 100, seen).await;
    write(&mut two, "yes", seen).await;
    // A new listener beside what the old one accepted.
    seen.push(outcome(sockets.listen().await));
    drop(two);
    read(&mut one, seen).await;
}

async fn a_second_listener_at_one_address<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    seen.push(outcome(sockets.listen().await));
}

async fn accept_with_nobody_there<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let accepted = timeout(GLANCE, sockets.accept()).await;
    seen.push(format!("{:?}", accepted.map(|accepted| kind(accepted.map(drop))).is_err()));
}

async fn connections_are_accepted_in_the_order_of_their_calls<S: Sockets>(
    sockets: &mut S,
    seen: &mut Seen,
) {
    let mut callers = Vec::new();
    for text in ["first", "second", "third"] {
        let mut caller = sockets.connect().await.unwrap();
        write(&mut caller, text, seen).await;
        callers.push(caller);
    }
    sockets.settle().await;
    for _ in 0..callers.len() {
        let mut accepted = sockets.accept().await.unwrap();
        read_once(&mut accepted, 100, seen).await;
    }
}

async fn caller_leaves_before_it_is_accepted<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let mut one = sockets.connect().await.unwrap();
    write(&mut one, "hello", seen).await;
    drop(one);
    sockets.settle().await;
    let mut two = sockets.accept().await.unwrap();
    read(&mut two, seen).await;
    write(&mut two, "too late", seen).await;
    sockets.settle().await;
    write(&mut two, "too late again", seen).await;
}

async fn caller_resets_before_it_is_accepted<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let mut one = sockets.connect().await.unwrap();
    write(&mut one, "hello", seen).await;
    sockets.reset(one).await;
    sockets.settle().await;
    let mut two = sockets.accept().await.unwrap();
    read(&mut two, seen).await;
    read(&mut two, seen).await;
    write(&mut two, "too late", seen).await;
}

async fn listening_ends_before_a_caller_is_accepted<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let mut one = sockets.connect().await.unwrap();
    write(&mut one, "hello", seen).await;
    sockets.settle().await;
    sockets.stop_listening();
    sockets.settle().await;
    read(&mut one, seen).await;
    write(&mut one, "late", seen).await;
}

async fn listening_ends_before_a_silent_caller_is_accepted<S: Sockets>(
    sockets: &mut S,
    seen: &mut Seen,
) {
    let mut one = sockets.connect().await.unwrap();
    sockets.settle().await;
    sockets.stop_listening();
    sockets.settle().await;
    write(&mut one, "late", seen).await;
    read(&mut one, seen).await;
}

super::beside_linux! {
    refused_connect
    connect_after_listening_ended_and_again_after_it_began
    what_was_accepted_outlives_its_listener
    a_second_listener_at_one_address
    accept_with_nobody_there
    connections_are_accepted_in_the_order_of_their_calls
    caller_leaves_before_it_is_accepted
    caller_resets_before_it_is_accepted
    listening_ends_before_a_caller_is_accepted
    listening_ends_before_a_silent_caller_is_accepted
}
