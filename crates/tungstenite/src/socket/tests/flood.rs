//! Peers that send without end, and peers that do not read.

use super::*;

/// A socket whose write buffer is full of answers to pings.
fn flooded_socket() -> Socket<Script> {
    let ping = [&[0x89, 125][..], &[0; 125]].concat();
    let burst = ping.repeat(100);
    let mut socket = socket(0, &[&burst[..]; 200]);
    for _ in 0..20_000 {
        assert!(matches!(socket.read_through(), Poll::Ready(Some(Ok(Frame::Ping(_))))));
    }
    assert!(socket.read_through().is_pending());
    socket
}

#[test]
fn a_close_frame_fits_into_a_full_write_buffer() {
    let mut socket = flooded_socket();
    socket.feed(Frame::Close(None)).unwrap();
    assert!(socket.flushed().is_pending());
    socket.script().accepts = ALL;
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.sent().last(), Some(&Ws::Close(None)));
}

#[test]
fn a_message_fits_into_a_full_write_buffer() {
    let mut socket = flooded_socket();
    socket.feed(binary(2 << 20)).unwrap();
    socket.script().accepts = ALL;
    assert!(socket.ready().is_ready());
    // The answer to the last ping may follow it.
    assert!(socket.sent().iter().any(|message| message.len() == 2 << 20));
}

#[test]
fn memory_is_bounded_if_a_peer_pings_and_does_not_read() {
    let mut socket = flooded_socket();
    // The peer closes while the write buffer is full of pongs.
    socket.script().reads.push_back(CLOSE.to_vec());
    assert!(matches!(socket.read_frame(), Frame::Close(_)));
    socket.script().accepts = ALL;
    assert!(socket.flushed().is_ready());
    let sent = socket.sent();
    assert!(sent.len() < 10_000, "{}", sent.len());
    assert!(matches!(sent.last(), Some(Ws::Close(Some(_)))), "the last flush writes the answer");
}

/// Polls once, which must be pending. Returns the numbers of reads and of calls of the waker.
fn pending_poll(socket: &mut Socket<Script>) -> (usize, usize) {
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(calls.clone());
    let before = socket.script().asked[0];
    let read = Pin::new(&mut *socket).poll_next(&mut Context::from_waker(&waker));
    assert!(read.is_pending(), "{read:?}");
    (socket.script().asked[0] - before, calls.count())
}

#[test]
fn a_poll_pauses_in_endless_fragments() {
    for (first, rest, chunk, chunks_per_budget) in [
        // Empty fragments, full reads.
        (&[0x01, 0][..], vec![0x00, 0], 16 * 1024, 8_usize),
        (&[0x02, 0], vec![0x00, 0], 16 * 1024, 8),
        // Fragments of one byte, byte by byte.
        (&[0x01, 1, b'a'], vec![0x00, 1, b'a'], 1, 32),
        // Large fragments.
        (&[0x02, 0], [&[0x00, 126, 0x40, 0][..], &[7; 0x4000]].concat(), 16 * 1024, 8),
    ] {
        for max_message in [Some(16 << 20), None] {
            let stream = rest.repeat((4 * chunks_per_budget * chunk).div_ceil(rest.len()));
            let mut socket = socket(ALL, &[first]);
            socket.context.set_config(|config| config.max_message_size = max_message);
            socket.script().reads.extend(stream.chunks(chunk).map(<[u8]>::to_vec));
            for _ in 0..3 {
                let (reads, calls) = pending_poll(&mut socket);
                assert!(reads <= 32, "{reads} reads in one poll");
                assert_eq!(calls, 1, "a pause with more to read calls the waker");
            }
        }
    }
}

#[test]
fn a_pause_loses_no_bytes() {
    let payload: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let head = [&[0x82, 127][..], &(1_u64 << 20).to_be_bytes()].concat();
    let mut socket = socket(ALL, &[&head, &payload, PING, TEXT]);
    let (mut pauses, mut frames) = (0, Vec::new());
    while frames.len() < 3 {
        match socket.read() {
            Poll::Ready(Some(frame)) => frames.push(frame.unwrap()),
            Poll::Ready(None) => panic!("{frames:?}"),
            Poll::Pending => pauses += 1,
        }
    }
    let ping = Frame::Ping("p".into());
    assert!(frames == [Message::binary(payload).into(), ping, Message::text("t").into()]);
    assert!((7..=9).contains(&pauses), "{pauses}");
    assert_eq!(pending_poll(&mut socket), (1, 0), "a pending stream is not a pause");
}

#[test]
fn messages_that_are_read_one_by_one_share_a_budget() {
    // Each has many empty fragments: they cost as much as one message without end.
    let message = [&[0x01, 0][..], &[0x00, 0].repeat(7_000), &[0x80, 0]].concat();
    let mut socket = socket(ALL, &[]);
    socket.script().reads.extend(vec![message; 100]);
    let mut longest = 0;
    let mut run = 0;
    for _ in 0..100 {
        match socket.read() {
            Poll::Ready(_) => run += 1,
            Poll::Pending => run = 0,
        }
        longest = longest.max(run);
    }
    assert!(longest < 20, "{longest} messages without a pause");
}

#[test]
fn a_blocked_write_is_tried_once_per_poll() {
    let mut socket = socket(0, &[PING, &[0x01, 0]]);
    assert!(matches!(socket.read_frame(), Frame::Ping(_)));
    socket.script().reads.extend(vec![[0x00, 0].repeat(8 * 1024); 8]);
    for _ in 0..2 {
        let before = socket.script().asked[1];
        assert!(socket.read().is_pending());
        assert!(socket.script().asked[1] - before <= 1, "{}", socket.script().asked[1] - before);
    }
    socket.script().accepts = ALL;
    assert!(socket.read().is_pending());
    assert_eq!(socket.sent(), [Ws::Pong("p".into())]);
}
