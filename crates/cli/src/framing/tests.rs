//! Tests of the formats in both directions.

use proptest::{collection::vec, prelude::*, sample::select};
use websocket_heartbeat_smol::{Message, Timestamp};

use super::*;
use crate::{
    record::{Record, json},
    utc::Utc,
};

fn encoded(framing: Framing, messages: &[Message]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        let record = Record::message(1, message);
        let line = || json::line(Timestamp::EPOCH, Utc::from_millis(0), &record);
        framing.write(&mut bytes, message, line).unwrap();
    }
    bytes
}

fn decoded<'a>(mut decoder: Decoder, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Decoded> {
    let mut all = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk, |decoded| all.push(decoded));
    }
    all.extend(decoder.finish());
    all
}

/// The messages of the input, of which none is rejected.
fn read(framing: Framing, binary: bool, bytes: &[u8], chunk: usize) -> Vec<Message> {
    decoded(Decoder::new(framing, binary, 1_000), bytes.chunks(chunk))
        .into_iter()
        .map(|decoded| match decoded {
            Decoded::Message(message) => message,
            Decoded::Rejected(reason, frame) => panic!("{reason}: {:?}", frame.as_bytes()),
        })
        .collect()
}

fn messages(binary: bool) -> impl Strategy<Value = Vec<Message>> {
    let parts = select(vec!["a", "\n", "\r", "\0", "\"", "\\", "é", "\u{1b}", "\u{2028}", "🦀"]);
    let texts = vec(parts, 0..9).prop_map(|parts| Message::text(parts.concat()));
    let bytes = vec(any::<u8>(), 0..9).prop_map(Message::binary);
    vec(if binary { bytes.boxed() } else { texts.boxed() }, 0..9)
}

/// Whether the format has another meaning for this message.
fn is_ambiguous(framing: Framing, message: &Message) -> bool {
    let bytes = message.as_bytes();
    match framing {
        Framing::Lines => bytes.contains(&b'\n') || bytes.ends_with(b"\r"),
        Framing::Nul => bytes.contains(&0),
        _ => false,
    }
}

proptest! {
    #[test]
    fn output_is_input_of_the_same_messages(
        (binary, mut messages) in any::<bool>().prop_flat_map(|binary| {
            messages(binary).prop_map(move |messages| (binary, messages))
        }),
        framing in select(Framing::value_variants()),
        chunk in 1..40_usize,
    ) {
        messages.retain(|message| !is_ambiguous(framing, message));
        let read = read(framing, binary, &encoded(framing, &messages), chunk);
        match framing {
            // All bytes are one message.
            Framing::Raw => {
                let all: Vec<u8> = messages.iter().flat_map(Message::as_bytes).copied().collect();
                let read: Vec<u8> = read.iter().flat_map(Message::as_bytes).copied().collect();
                prop_assert_eq!(read, all);
            }
            // Every message is binary.
            Framing::Base64 => {
                let as_binary = |message: &Message| Message::binary(message.as_bytes().to_vec());
                prop_assert_eq!(read, messages.iter().map(as_binary).collect::<Vec<_>>());
            }
            _ => prop_assert_eq!(read, messages),
        }
    }

    #[test]
    fn json_keeps_texts_and_binary_messages_apart(
        texts in messages(false),
        binary in messages(true),
        chunk in 1..40_usize,
    ) {
        let all = [texts, binary].concat();
        prop_assert_eq!(read(Framing::Json, false, &encoded(Framing::Json, &all), chunk), all);
    }

    #[test]
    fn no_input_panics_and_each_line_is_one_message(
        bytes in vec(any::<u8>(), 0..200),
        framing in select(Framing::value_variants()),
        chunk in 1..40_usize,
    ) {
        let all = decoded(Decoder::new(framing, false, 10), bytes.chunks(chunk));
        if framing == Framing::Base64 {
            let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
            prop_assert_eq!(all.len(), lines);
        }
    }
}

#[test]
fn a_line_that_is_no_message_is_rejected_with_the_reason() {
    let text = Message::text;
    for (framing, line, decoded_line) in [
        (Framing::Lines, &b"\xff\xfe"[..], ("not_utf8", Message::binary(&b"\xff\xfe"[..]))),
        (Framing::Lines, b"12345678901", ("too_large", text("1234567890"))),
        (Framing::Nul, b"\xff\0", ("not_utf8", Message::binary(&b"\xff"[..]))),
        (Framing::Length, b"\0\0\0\x02a", ("incomplete", Message::binary(&b"\0\0\0\x02a"[..]))),
        (Framing::Base64, b"YQ", ("malformed", text("YQ"))),
        (Framing::Json, b"", ("malformed", text(""))),
        (Framing::Json, b"[1]", ("malformed", text("[1]"))),
        (Framing::Json, br#"{"event":"message"}"#, ("malformed", text(r#"{"event":"message"}"#))),
        (
            Framing::Json,
            br#"{"text":"a","base64":"YQ=="}"#,
            ("malformed", text(r#"{"text":"a","base64":"YQ=="}"#)),
        ),
        (Framing::Json, br#"{"base64":"YQ"}"#, ("malformed", text(r#"{"base64":"YQ"}"#))),
    ] {
        let end: &[u8] = if framing == Framing::Json { b"\n" } else { b"" };
        let all = decoded(Decoder::new(framing, false, 10), [line, end]);
        let (reason, frame) = decoded_line;
        assert_eq!(all, [Decoded::Rejected(reason, frame)], "{framing:?}");
    }
}

#[test]
fn records_of_other_events_are_no_messages() {
    let lines = br#"{"t_ms":1,"event":"open","connection":1}
{"event":"unsent","fate":"dropped","text":"not this one"}
{"t_ms":2,"event":"message","connection":1,"text":"a"}
{"text":"b"}
{"base64":"AP8="}
"#;
    let expected = [Message::text("a"), Message::text("b"), Message::binary(&b"\0\xff"[..])];
    assert_eq!(read(Framing::Json, false, lines, 7), expected);
}
