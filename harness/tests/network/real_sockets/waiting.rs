//! Bytes on their way: full buffers, slow readers, half-closed ways, calls that wait.

use std::io::IoSlice;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::{
    GLANCE, PATIENCE, Seen, Sockets, fill, kind, numbered, read, read_numbered, read_once,
    shutdown, write, write_once,
};

async fn three_megabytes<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    let there = async {
        let wrote = one.write_all(&numbered(3_000_000)).await;
        (kind(wrote), kind(one.shutdown().await))
    };
    let mut read = Seen::new();
    let (there, ()) = tokio::join!(there, read_numbered(&mut two, 3_000_000, &mut read));
    seen.push(format!("{there:?}"));
    seen.extend(read);
}

async fn a_megabyte_each_way_at_once<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, two) = sockets.connection().await;
    let exchange = async |socket: S::Socket| {
        let (mut reading, mut writing) = tokio::io::split(socket);
        let mut seen = Seen::new();
        let ((), wrote) = tokio::join!(read_numbered(&mut reading, 1_000_000, &mut seen), async {
            let wrote = writing.write_all(&numbered(1_000_000)).await;
            (kind(wrote), kind(writing.shutdown().await))
        });
        seen.push(format!("{wrote:?}"));
        seen
    };
    let (here, there) = tokio::join!(exchange(one), exchange(two));
    seen.extend(here);
    seen.extend(there);
}

async fn slow_reader_of_small_pieces<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    let writer = async {
        let wrote = one.write_all(&numbered(300_000)).await;
        drop(one);
        kind(wrote)
    };
    let reader = async {
        let (mut all, mut piece) = (Vec::new(), [0; 777]);
        while let len @ 1.. = two.read(&mut piece).await.unwrap() {
            all.extend_from_slice(&piece[..len]);
            tokio::task::yield_now().await;
        }
        all == numbered(300_000)
    };
    let both = tokio::join!(writer, reader);
    seen.push(format!("{both:?}"));
}

async fn many_small_writes<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    for piece in numbered(3_500).chunks(7) {
        assert_eq!(one.write(piece).await.unwrap(), 7);
    }
    drop(one);
    read_numbered(&mut two, 3_500, seen).await;
}

async fn one_write_of_several_slices<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    let slices = [IoSlice::new(b"data: "), IoSlice::new(b""), IoSlice::new(b"1\n\n")];
    seen.push(format!("{:?}", kind(one.write_vectored(&slices).await)));
    drop(one);
    read(&mut two, seen).await;
}

async fn writes_and_reads_of_nothing<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write_once(&mut one, b"", seen).await;
    sockets.settle().await;
    read_once(&mut two, 10, seen).await;
    write_once(&mut one, b"x", seen).await;
    sockets.settle().await;
    read_once(&mut two, 0, seen).await;
    read_once(&mut two, 10, seen).await;
    shutdown(&mut one, seen).await;
    write_once(&mut one, b"", seen).await;
    sockets.settle().await;
    read_once(&mut two, 0, seen).await;
    read_once(&mut two, 10, seen).await;
    write_once(&mut two, b"", seen).await;
}

async fn nothing_to_read_is_no_end<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    read_once(&mut two, 10, seen).await;
    read_once(&mut two, 0, seen).await;
    write(&mut one, "now", seen).await;
    sockets.settle().await;
    read_once(&mut two, 10, seen).await;
}

async fn full_buffers_hold_what_they_took_until_it_is_read<S: Sockets>(
    sockets: &mut S,
    seen: &mut Seen,
) {
    let (mut one, mut two) = sockets.connection().await;
    let took = fill(&mut one).await;
    write_once(&mut one, b"more", seen).await;
    write_once(&mut one, b"", seen).await;
    drop(one);
    sockets.settle().await;
    read_numbered(&mut two, took, seen).await;
}

async fn shutdown_behind_full_buffers<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    let took = fill(&mut one).await;
    shutdown(&mut one, seen).await;
    write_once(&mut one, b"more", seen).await;
    sockets.settle().await;
    write(&mut two, "I have not read a word", seen).await;
    sockets.settle().await;
    read_once(&mut one, 100, seen).await;
    read_numbered(&mut two, took, seen).await;
}

async fn peer_closes_while_a_writer_is_blocked<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    let writer = tokio::spawn(async move {
        fill(&mut two).await;
        let mut seen = Seen::new();
        seen.push(format!("{:?}", kind(two.write_all(&numbered(1 << 20)).await)));
        write(&mut two, "late", &mut seen).await;
        read(&mut two, &mut seen).await;
        seen
    });
    for _ in 0..30 {
        sockets.settle().await;
    }
    seen.push(format!("still blocked: {}", !writer.is_finished()));
    drop(one);
    seen.extend(timeout(PATIENCE, writer).await.unwrap().unwrap());
}

async fn peer_shuts_down_while_a_writer_is_blocked<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    let took = fill(&mut two).await;
    shutdown(&mut one, seen).await;
    sockets.settle().await;
    write_once(&mut two, b"more", seen).await;
    read_once(&mut two, 10, seen).await;
    drop(two);
    read_numbered(&mut one, took, seen).await;
}

async fn unread_bytes_and_fin_read_in_pieces<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "goodbye", seen).await;
    drop(one);
    sockets.settle().await;
    for _ in 0..5 {
        read_once(&mut two, 3, seen).await;
    }
}

async fn unread_bytes_and_rst_read_in_pieces<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "goodbye", seen).await;
    sockets.settle().await;
    read_once(&mut two, 3, seen).await;
    sockets.reset(one).await;
    sockets.settle().await;
    for _ in 0..4 {
        read_once(&mut two, 3, seen).await;
    }
    write_once(&mut two, b"", seen).await;
}

async fn half_closed_by_the_caller<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    shutdown(&mut one, seen).await;
    sockets.settle().await;
    read(&mut two, seen).await;
    for text in ["one", "two", "three"] {
        write(&mut two, text, seen).await;
        sockets.settle().await;
        read_once(&mut one, 100, seen).await;
    }
    shutdown(&mut two, seen).await;
    sockets.settle().await;
    read(&mut one, seen).await;
    write(&mut two, "more", seen).await;
}

async fn half_closed_by_the_callee<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    shutdown(&mut two, seen).await;
    shutdown(&mut two, seen).await;
    sockets.settle().await;
    read(&mut one, seen).await;
    write(&mut one, "still talking", seen).await;
    sockets.settle().await;
    read_once(&mut two, 100, seen).await;
    drop(one);
    sockets.settle().await;
    read(&mut two, seen).await;
    shutdown(&mut two, seen).await;
}

async fn own_shutdown_beside_a_waiting_reader<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    let (mut reading, mut writing) = tokio::io::split(one);
    let reader = tokio::spawn(async move {
        let mut seen = Seen::new();
        read(&mut reading, &mut seen).await;
        seen
    });
    sockets.settle().await;
    shutdown(&mut writing, seen).await;
    sockets.settle().await;
    seen.push(format!("still waits: {}", !reader.is_finished()));
    write(&mut two, "an answer", seen).await;
    drop(two);
    seen.extend(timeout(PATIENCE, reader).await.unwrap().unwrap());
}

async fn peers_shutdown_wakes_a_waiting_reader<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    let reader = tokio::spawn(async move {
        let mut seen = Seen::new();
        read(&mut two, &mut seen).await;
        write(&mut two, "noted", &mut seen).await;
        seen
    });
    sockets.settle().await;
    shutdown(&mut one, seen).await;
    seen.extend(timeout(PATIENCE, reader).await.unwrap().unwrap());
    read(&mut one, seen).await;
}

async fn peers_last_read_lets_a_blocked_writer_go_on<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    let took = fill(&mut one).await;
    let rest = tokio::spawn(async move {
        let wrote = one.write_all(&numbered(took + 100_000)[took..]).await;
        kind(wrote)
    });
    sockets.settle().await;
    seen.push(format!("still blocked: {}", !rest.is_finished()));
    let mut all = Vec::new();
    let read = timeout(PATIENCE, two.read_to_end(&mut all)).await;
    seen.push(format!("{:?}", read.map_err(drop).map(|read| kind(read.map(drop)))));
    seen.push(format!("{} {:?}", all == numbered(took + 100_000), rest.await.unwrap()));
}

async fn called_off_reads_and_writes_lose_nothing<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    for _ in 0..3 {
        let read = timeout(GLANCE / 10, two.read(&mut [0; 10])).await;
        seen.push(format!("nothing: {}", read.is_err()));
    }
    let took = fill(&mut one).await;
    for _ in 0..3 {
        let wrote = timeout(GLANCE / 10, one.write(b"never")).await;
        seen.push(format!("blocked: {}", wrote.is_err()));
    }
    drop(one);
    read_numbered(&mut two, took, seen).await;
}

super::beside_linux! {
    three_megabytes
    a_megabyte_each_way_at_once
    slow_reader_of_small_pieces
    many_small_writes
    one_write_of_several_slices
    writes_and_reads_of_nothing
    nothing_to_read_is_no_end
    full_buffers_hold_what_they_took_until_it_is_read
    shutdown_behind_full_buffers
    peer_closes_while_a_writer_is_blocked
    peer_shuts_down_while_a_writer_is_blocked
    unread_bytes_and_fin_read_in_pieces
    unread_bytes_and_rst_read_in_pieces
    half_closed_by_the_caller
    half_closed_by_the_callee
    own_shutdown_beside_a_waiting_reader
    peers_shutdown_wakes_a_waiting_reader
    peers_last_read_lets_a_blocked_writer_go_on
    called_off_reads_and_writes_lose_nothing
}
