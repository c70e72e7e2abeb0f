//! A peer that no longer answers, and what keep-alive makes of it: each caller asks after one second, and
//! gives up after two questions of a second each.

use tokio::time::sleep;

use super::{Seen, Sockets, ms, read, read_once, write};

async fn a_silent_peer_is_given_up<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, two) = sockets.connection().await;
    sockets.deafen(&two);
    read(&mut one, seen).await;
    read(&mut one, seen).await;
    write(&mut one, "late", seen).await;
}

async fn a_silent_peer_is_given_up_by_a_writer_too<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, two) = sockets.connection().await;
    sockets.deafen(&two);
    sleep(ms(4_000)).await;
    write(&mut one, "late", seen).await;
    write(&mut one, "later", seen).await;
    read(&mut one, seen).await;
}

async fn what_came_before_the_silence_can_be_read<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut two, "hello", seen).await;
    sockets.settle().await;
    sockets.deafen(&two);
    sleep(ms(4_000)).await;
    read(&mut one, seen).await;
}

async fn unacknowledged_bytes_keep_the_questions_back<S: Sockets>(
    sockets: &mut S,
    seen: &mut Seen,
) {
    let (mut one, two) = sockets.connection().await;
    sockets.deafen(&two);
    write(&mut one, "anybody there?", seen).await;
    // Longer than idle time and questions take together.
    read(&mut one, seen).await;
    write(&mut one, "anybody?", seen).await;
}

async fn a_peer_that_is_quiet_and_well_is_kept<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    sleep(ms(4_500)).await;
    write(&mut one, "still there?", seen).await;
    sockets.settle().await;
    read_once(&mut two, 100, seen).await;
    write(&mut two, "yes", seen).await;
    sockets.settle().await;
    read_once(&mut one, 100, seen).await;
}

async fn a_half_closed_peer_is_given_up_too<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    super::shutdown(&mut two, seen).await;
    sockets.settle().await;
    sockets.deafen(&two);
    sleep(ms(4_000)).await;
    read(&mut one, seen).await;
    write(&mut one, "late", seen).await;
    write(&mut one, "later", seen).await;
}

super::beside_linux! {
    a_silent_peer_is_given_up
    a_silent_peer_is_given_up_by_a_writer_too
    what_came_before_the_silence_can_be_read
    unacknowledged_bytes_keep_the_questions_back
    a_peer_that_is_quiet_and_well_is_kept
    a_half_closed_peer_is_given_up_too
}
