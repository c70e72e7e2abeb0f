//! FIN and RST, and what each end is told of them.

use tokio::{io::AsyncWriteExt as _, time::timeout};

use super::{PATIENCE, Seen, Sockets, read, shutdown, write};

async fn write_then_close<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "hello", seen).await;
    drop(one);
    sockets.settle().await;
    read(&mut two, seen).await;
    read(&mut two, seen).await;
}

async fn fin_with_data_and_an_answer<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "question", seen).await;
    shutdown(&mut one, seen).await;
    shutdown(&mut one, seen).await;
    write(&mut one, "more", seen).await;
    sockets.settle().await;
    read(&mut two, seen).await;
    write(&mut two, "answer", seen).await;
    drop(two);
    read(&mut one, seen).await;
}

async fn close_with_unread_bytes<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    write(&mut two, "unread", seen).await;
    sockets.settle().await;
    drop(one);
    sockets.settle().await;
    read(&mut two, seen).await;
    read(&mut two, seen).await;
    write(&mut two, "late", seen).await;
    shutdown(&mut two, seen).await;
}

async fn answer_then_close_with_unread_bytes<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut two, "unread", seen).await;
    sockets.settle().await;
    write(&mut one, "answer", seen).await;
    drop(one);
    sockets.settle().await;
    read(&mut two, seen).await;
}

async fn close_with_unread_bytes_after_shutdown<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    shutdown(&mut one, seen).await;
    write(&mut two, "unread", seen).await;
    sockets.settle().await;
    drop(one);
    sockets.settle().await;
    write(&mut two, "late", seen).await;
    read(&mut two, seen).await;
}

async fn data_for_a_closed_socket_before_its_last_word_is_read<S: Sockets>(
    sockets: &mut S,
    seen: &mut Seen,
) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "answer", seen).await;
    drop(one);
    sockets.settle().await;
    write(&mut two, "more of the question", seen).await;
    sockets.settle().await;
    read(&mut two, seen).await;
    write(&mut two, "and more", seen).await;
}

async fn reset_after_data_read_first<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    for frame in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
        write(&mut one, frame, seen).await;
    }
    sockets.reset(one).await;
    sockets.settle().await;
    read(&mut two, seen).await;
    read(&mut two, seen).await;
    write(&mut two, "late", seen).await;
    shutdown(&mut two, seen).await;
}

async fn reset_after_data_written_to_first<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "data: 1\n\n", seen).await;
    sockets.reset(one).await;
    sockets.settle().await;
    write(&mut two, "late", seen).await;
    write(&mut two, "later", seen).await;
    read(&mut two, seen).await;
}

async fn reset_after_fin<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "hello", seen).await;
    shutdown(&mut one, seen).await;
    sockets.settle().await;
    sockets.reset(one).await;
    sockets.settle().await;
    read(&mut two, seen).await;
    write(&mut two, "late", seen).await;
}

async fn reset_of_a_peer_that_has_shut_down<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    shutdown(&mut two, seen).await;
    sockets.settle().await;
    sockets.reset(one).await;
    sockets.settle().await;
    write(&mut two, "late", seen).await;
    read(&mut two, seen).await;
}

async fn reset_after_both_fins<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "hello", seen).await;
    shutdown(&mut one, seen).await;
    sockets.settle().await;
    shutdown(&mut two, seen).await;
    sockets.settle().await;
    sockets.reset(one).await;
    sockets.settle().await;
    read(&mut two, seen).await;
    write(&mut two, "late", seen).await;
}

async fn writes_to_a_peer_that_closed<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    drop(one);
    sockets.settle().await;
    for text in ["first", "second", "third"] {
        write(&mut two, text, seen).await;
        sockets.settle().await;
    }
    read(&mut two, seen).await;
    shutdown(&mut two, seen).await;
}

async fn writes_to_a_peer_that_closed_after_its_last_word<S: Sockets>(
    sockets: &mut S,
    seen: &mut Seen,
) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "goodbye", seen).await;
    drop(one);
    sockets.settle().await;
    for text in ["first", "second"] {
        write(&mut two, text, seen).await;
        sockets.settle().await;
    }
    read(&mut two, seen).await;
}

async fn reset_of_a_blocked_writer<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    let writer = tokio::spawn(async move {
        let megabyte = vec![0; 1 << 20];
        loop {
            if let Err(error) = two.write_all(&megabyte).await {
                let mut seen: Seen = vec![error.kind().to_string()];
                write(&mut two, "late", &mut seen).await;
                read(&mut two, &mut seen).await;
                return seen;
            }
        }
    });
    sockets.settle().await;
    sockets.settle().await;
    seen.push(format!("still blocked: {}", !writer.is_finished()));
    sockets.reset(one).await;
    seen.extend(timeout(PATIENCE, writer).await.unwrap().unwrap());
}

async fn reset_of_a_waiting_reader<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    let reader = tokio::spawn(async move {
        let mut seen = Seen::new();
        read(&mut two, &mut seen).await;
        seen
    });
    sockets.settle().await;
    sockets.reset(one).await;
    seen.extend(timeout(PATIENCE, reader).await.unwrap().unwrap());
}

async fn reset_of_a_waiting_reader_that_has_shut_down<S: Sockets>(
    sockets: &mut S,
    seen: &mut Seen,
) {
    let (one, mut two) = sockets.connection().await;
    shutdown(&mut two, seen).await;
    let reader = tokio::spawn(async move {
        let mut seen = Seen::new();
        read(&mut two, &mut seen).await;
        write(&mut two, "late", &mut seen).await;
        seen
    });
    sockets.settle().await;
    sockets.reset(one).await;
    seen.extend(timeout(PATIENCE, reader).await.unwrap().unwrap());
}

async fn close_by_both_with_unread_bytes<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    let mut three = sockets.connection().await.1;
    write(&mut one, "from one", seen).await;
    write(&mut two, "from two", seen).await;
    sockets.settle().await;
    drop((one, two));
    sockets.settle().await;
    // The other connection does not notice, though its caller has left as well.
    read(&mut three, seen).await;
}

async fn close_by_both_at_once<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "from one", seen).await;
    write(&mut two, "from two", seen).await;
    shutdown(&mut one, seen).await;
    shutdown(&mut two, seen).await;
    sockets.settle().await;
    read(&mut one, seen).await;
    read(&mut two, seen).await;
    write(&mut one, "late", seen).await;
}

super::beside_linux! {
    write_then_close
    fin_with_data_and_an_answer
    close_with_unread_bytes
    answer_then_close_with_unread_bytes
    close_with_unread_bytes_after_shutdown
    data_for_a_closed_socket_before_its_last_word_is_read
    reset_after_data_read_first
    reset_after_data_written_to_first
    reset_after_fin
    reset_of_a_peer_that_has_shut_down
    reset_after_both_fins
    writes_to_a_peer_that_closed
    writes_to_a_peer_that_closed_after_its_last_word
    reset_of_a_blocked_writer
    reset_of_a_waiting_reader
    reset_of_a_waiting_reader_that_has_shut_down
    close_by_both_with_unread_bytes
    close_by_both_at_once
}
