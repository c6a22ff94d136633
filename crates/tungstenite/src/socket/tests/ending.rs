//! The ends of a connection: a close handshake, a protocol violation, or the end of the stream.

use super::*;

#[test]
fn bytes_after_the_peers_close_frame_are_ignored() {
    let mut socket = socket(ALL, &[CLOSE, TEXT]);
    assert!(matches!(socket.read_frame(), Frame::Close(_)));
    assert!(matches!(socket.read(), Poll::Ready(None)));
    assert!(socket.feed(Message::text("x")).is_err());
    socket.feed(Frame::Close(None)).unwrap();
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.sent().len(), 1);
}

#[test]
fn a_protocol_violation_is_answered_by_a_close_frame() {
    for (bytes, kind, code) in [
        (&[0xc1, 0][..], ErrorKind::Protocol, 1002),
        (&[0x81, 1, 0xff], ErrorKind::Protocol, 1007),
        (&[0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0], ErrorKind::TooLarge, 1009),
    ] {
        let mut socket = socket(ALL, &[bytes, TEXT]);
        let Poll::Ready(Some(Err(error))) = socket.read() else { panic!() };
        assert_eq!(error.kind(), kind);
        assert!(matches!(socket.read(), Poll::Ready(None)));
        let [Ws::Close(Some(close))] = &socket.sent()[..] else { panic!() };
        assert_eq!(u16::from(close.code), code);
    }
}

#[test]
fn closing_the_sink_begins_the_close_handshake() {
    let mut socket = socket(ALL, &[]);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..2 {
        assert!(Pin::new(&mut socket).poll_close(&mut cx).is_ready());
    }
    assert_eq!(socket.sent(), [Ws::Close(None)]);
}

#[test]
fn a_flush_after_the_close_handshake_closes_the_stream() {
    // The peer closes first. The bytes after its close frame are read from the stream.
    let mut socket = socket(ALL, &[CLOSE]);
    assert!(matches!(socket.read_frame(), Frame::Close(_)));
    assert_eq!(socket.script().closes, 0, "the answer is not written yet");
    socket.script().reads.extend([TEXT.to_vec(), TEXT.to_vec()]);
    for _ in 0..2 {
        assert!(socket.flushed().is_ready());
    }
    assert_eq!((socket.script().closes, socket.script().reads.len()), (1, 0));
    assert_eq!(socket.sent().len(), 1);
}

#[test]
fn the_answer_to_our_close_frame_closes_the_stream() {
    let mut socket = socket(ALL, &[]);
    socket.feed(Frame::Close(None)).unwrap();
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.script().closes, 0, "the peer has not answered yet");
    socket.script().reads.push_back(vec![0x88, 0]);
    assert_eq!(socket.read_frame(), Frame::Close(None));
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.script().closes, 1);
}

#[test]
fn a_flush_waits_until_the_stream_is_closed() {
    let mut socket = socket(0, &[CLOSE]);
    assert!(matches!(socket.read_frame(), Frame::Close(_)));
    // The stream accepts the answer with its header and mask, but no close_notify of TLS.
    socket.script().accepts = 6 + 4;
    assert!(socket.flushed().is_pending());
    assert!(socket.flushed().is_pending());
    socket.script().accepts = 1;
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.script().closes, 3);
}

#[test]
fn a_stream_that_the_peer_ends_is_closed() {
    for (reads, ends) in [(&[][..], true), (&[&[0xc1, 0][..]], false)] {
        let mut socket = socket(ALL, reads);
        socket.script().ends = ends;
        assert!(matches!(socket.read(), Poll::Ready(Some(Err(_)))));
        assert_eq!(socket.script().closes, 1);
    }
}

#[test]
fn a_stream_of_an_open_connection_is_not_closed() {
    let mut socket = socket(ALL, &[PING, TEXT]);
    while socket.read().is_ready() {}
    socket.feed(Message::text("x")).unwrap();
    assert!(socket.flushed().is_ready());
    // It is also not closed if the close frame about a violation cannot be written.
    socket.script().accepts = 0;
    socket.script().reads.push_back(vec![0xc1, 0]);
    assert!(matches!(socket.read(), Poll::Ready(Some(Err(_)))));
    assert_eq!(socket.script().closes, 0);
}

#[test]
fn a_forbidden_close_code_is_an_error_that_names_it() {
    for (code, reason) in
        [(0_u16, ""), (999, "why"), (1005, ""), (1006, ""), (1015, ""), (2999, "é")]
    {
        for ours_first in [false, true] {
            let body = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
            let frame = [&[0x88, body.len() as u8][..], &body].concat();
            let mut socket = socket(ALL, &[]);
            if ours_first {
                socket.feed(Frame::Close(Some(CloseFrame::new(1000, "")))).unwrap();
                assert!(socket.flushed().is_ready());
            }
            socket.script().reads.extend([[TEXT, &frame].concat(), TEXT.to_vec()]);
            assert_eq!(socket.read_frame(), Message::text("t").into());
            let Poll::Ready(Some(Err(error))) = socket.read() else { panic!("{code}") };
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert!(error.to_string().contains(&format!("code {code},")), "{error}");
            assert!(matches!(socket.read(), Poll::Ready(None)));
            let [Ws::Close(Some(close))] = &socket.sent()[..] else { panic!() };
            assert_eq!(u16::from(close.code), if ours_first { 1000 } else { 1002 });
        }
    }
}

#[test]
fn a_malformed_close_frame_is_a_protocol_error() {
    // Half a code; a reason that is not UTF-8.
    for (frame, code) in [(&[0x88, 1, 3][..], 1002), (&[0x88, 3, 3, 0xe8, 0xff], 1007)] {
        let mut socket = socket(ALL, &[frame]);
        let Poll::Ready(Some(Err(error))) = socket.read() else { panic!() };
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        let [Ws::Close(Some(close))] = &socket.sent()[..] else { panic!() };
        assert_eq!(u16::from(close.code), code);
    }
}
