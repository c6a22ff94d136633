//! Heads and bodies in the forms that servers send.

use websocket_heartbeat::HttpAnswer;

use super::{body::Body, *};

const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\n";

fn new(tuning: Tuning) -> Answer {
    let request = Request::for_stream("ws://example.org/feed/hush-path?pin=hush-query").unwrap();
    Answer::new(tuning, &request.header("X-Token", "hush-header").unwrap())
}

fn answer(tuning: Tuning, text: &[u8]) -> Result<Option<Head>, TransportError> {
    let mut answer = new(tuning);
    answer.push(text);
    answer.next_head()
}

/// Parses a head in one piece and byte by byte.
#[track_caller]
fn head(text: impl AsRef<[u8]>) -> Head {
    let whole = answer(Tuning::new(), text.as_ref()).unwrap().expect("complete");
    let mut pieces = new(Tuning::new());
    for byte in text.as_ref() {
        pieces.push(&[*byte]);
        if let Some(head) = pieces.next_head().unwrap() {
            assert_eq!((head.status, &head.headers), (whole.status, &whole.headers));
            return whole;
        }
    }
    panic!("never complete byte by byte");
}

#[track_caller]
fn failed(text: impl AsRef<[u8]>) -> TransportError {
    answer(Tuning::new(), text.as_ref()).expect_err("not acceptable")
}

#[track_caller]
fn body(fields: &str, pieces: &[&[u8]]) -> (String, bool) {
    let head = head(format!("HTTP/1.1 503 Busy\r\n{fields}\r\n"));
    let mut body = Body::new(head.status, &head.headers);
    pieces.iter().for_each(|piece| body.push(piece));
    let done = body.is_done();
    (String::from_utf8(body.into_bytes()).unwrap(), done)
}

#[test]
fn the_status_of_a_malformed_refusal_is_read() {
    for line in [
        "HTTP/1.1 503 Service Unavailable",
        "HTTP/1.0 503 Service Unavailable",
        "HTTP/1.1 503",
        "HTTP/1.1 503 ",
        "HTTP/1.1  503  Busy",
        "HTTP/1.1\t503 Busy",
        "HTTP/1.2 503 Busy",
        "HTTP/1.1 503 b\u{fc}sy",
        "HTTP/1.1 503 \x01\x7f",
        "HTTP/1.1 503;",
    ] {
        for end in ["\r\n", "\n"] {
            let text = format!("{line}{end}Retry-After: 7{end}{end}not now");
            let head = head(text);
            assert_eq!((head.status, head.headers.get("retry-after")), (503, Some("7")), "{line}");
        }
    }
}

#[test]
fn invalid_fields_of_a_refusal_are_dropped() {
    for bad in [
        "no colon here",
        ": no name",
        "a b: c",
        "\u{fc}: c",
        "X\0: c",
        " folded into nothing",
        "\tagain",
    ] {
        let text =
            format!("HTTP/1.1 410 Gone\r\n{bad}\r\nX-A: b\r\n{bad}\r\nRetry-After : 7\r\n\r\n");
        let head = head(text);
        assert_eq!((head.status, head.headers.get("retry-after")), (410, Some("7")), "{bad}");
        let known = |(name, _): &(&str, &[u8])| ["X-A", "Retry-After"].contains(name);
        assert!(head.headers.iter().all(|field| known(&field)), "{bad}");
    }
    let head = head(b"HTTP/1.1 403 No\r\nX-Raw: \xff\xfe\r\nX-Nul: a\0b\rc\r\n\r\n");
    let values: Vec<_> = head.headers.iter().map(|(_, value)| value).collect();
    assert_eq!(values, [&b"\xff\xfe"[..], b"a b c"]);
}

#[test]
fn a_folded_value_becomes_one_line() {
    for status in ["101 Switching Protocols", "503 Busy"] {
        let head =
            head(format!("HTTP/1.1 {status}\r\nX-A: one\r\n two\r\n\t three \r\nX-B: c\r\n\r\n"));
        assert_eq!(head.headers.get("x-a"), Some("one two three"), "{status}");
        assert_eq!(head.headers.get("x-b"), Some("c"), "{status}");
    }
}

#[test]
fn a_malformed_101_answer_is_an_error() {
    for bad in [
        "HTTP/1.0 101 Switching Protocols\r\n\r\n",
        "HTTP/1.2 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1  101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 101 x\x01\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade : websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nno colon\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nX-A: b\0c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nX-A: b\rc\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n X-A: b\r\n\r\n",
    ] {
        let error = failed(bad);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{bad:?}");
        let words = error.to_string();
        assert!(words.starts_with("the server's 101 answer is malformed: "), "{words}");
    }
}

#[test]
fn an_invalid_status_line_is_a_protocol_error() {
    for bad in ["abc", "50", "5031 x", "099 x", "+50 x", "", "5 0 3"] {
        let error = failed(format!("HTTP/1.1 {bad}\r\n\r\n"));
        assert_eq!(error.kind(), ErrorKind::Protocol, "{bad}");
        assert!(error.to_string().contains("no valid status line"), "{error}");
    }
    assert!(failed("HTTP/1.1503 x\r\n\r\n").to_string().contains("no valid status line"));
    assert!(failed("HTTP/1. 503 x\r\n\r\n").to_string().contains("no valid status line"));
}

#[test]
fn interim_answers_are_skipped() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
                   \r\nHTTP/1.1 102 Processing\r\n\r\n";
    let head_after = head(format!("{interim}{SWITCHING}X-A: b\r\n\r\n"));
    assert_eq!((head_after.status, head_after.headers.len()), (101, 1));
    assert_eq!(head(format!("{interim}HTTP/1.0 401 No\r\n\r\n")).status, 401);

    let mut answer = new(Tuning::new());
    answer.push(interim.as_bytes());
    assert!(answer.next_head().unwrap().is_none() && answer.is_empty());
    answer.push(format!("{SWITCHING}\r\nframes").as_bytes());
    assert!(answer.next_head().unwrap().is_some());
    assert_eq!(answer.rest(), b"frames");
}

#[test]
fn interim_answers_are_limited_in_number_and_bytes() {
    let error = failed("HTTP/1.1 102 Processing\r\n\r\n".repeat(1_000));
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("more than 100 interim answers"), "{error}");
    let large = format!("HTTP/1.1 103 Hints\r\nX: {}\r\n\r\n", "y".repeat(100_000));
    assert_eq!(failed(large.repeat(3)).kind(), ErrorKind::TooLarge);
}

#[test]
fn a_refusal_with_too_many_fields_keeps_retry_after() {
    let fields = "X-A: b\r\n".repeat(300);
    let refusal = head(format!("HTTP/1.1 503 Busy\r\n{fields}Retry-After: 7\r\n\r\n"));
    assert_eq!((refusal.status, refusal.headers.len()), (503, 257));
    assert_eq!(refusal.headers.get("retry-after"), Some("7"));
}

#[test]
fn a_head_can_be_as_large_as_its_limits() {
    let with = |fields: usize| format!("{SWITCHING}{}\r\n", "X-A: b\r\n".repeat(fields));
    assert_eq!(head(with(256)).headers.len(), 256);
    let error = failed(with(257));
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let words = "the server's answer has more than 256 header fields";
    assert_eq!(error.to_string(), words);
    let more = Tuning::new().max_head_fields(1_000);
    assert_eq!(answer(more, with(1_000).as_bytes()).unwrap().unwrap().headers.len(), 1_000);
    assert!(answer(more, with(1_001).as_bytes()).is_err());
    let long = |bytes: usize| {
        let head = format!("{SWITCHING}X: {}\r\n\r\n", "y".repeat(bytes));
        let extra = head.len() - bytes;
        format!("{SWITCHING}X: {}\r\n\r\n", "y".repeat(bytes - extra))
    };
    assert_eq!(head(long(256 * 1024)).status, 101);
    let error = failed(long(256 * 1024 + 1));
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let words = "the head of the server's answer is larger than 262144 bytes";
    assert_eq!(error.to_string(), words);
    let small = Tuning::new().max_head(100);
    assert!(answer(small, long(100).as_bytes()).unwrap().is_some());
    assert_eq!(answer(small, long(101).as_bytes()).unwrap_err().kind(), ErrorKind::TooLarge);
}

#[test]
fn an_endless_head_fails_at_the_limit() {
    for endless in ["HTTP/1.1 200 OK\r\nX: y\r\n", "HTTP/1.1 200 OK\r\nX: yyyyy", "\r\n"] {
        let mut answer = new(Tuning::new());
        let line = endless.split_inclusive('\n').next_back().unwrap().repeat(1_000);
        answer.push(endless.as_bytes());
        let error = loop {
            if let Err(error) = answer.next_head() {
                break error;
            }
            answer.push(line.as_bytes());
        };
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{endless:?}");
        assert!(answer.received.len() <= 256 * 1024 + line.len());
    }
}

#[test]
fn another_protocol_is_recognized_at_its_first_bytes() {
    for (bytes, words) in [
        (&b"SSH-2.0-OpenSSH_9.6\r\n"[..], "this port speaks SSH, not HTTP"),
        (b"220 mail.example ESMTP ready\r\n", "this port speaks SMTP or FTP, not HTTP"),
        (b"\x4a\0\0\0\x0a8.0.36\0", "this port speaks MySQL, not HTTP"),
        (b"\0\0\x12\x04\0\0\0\0\0\0\0", "this port speaks HTTP/2, not HTTP"),
        (b"HTTP/2 403\r\n\r\n", "this port speaks HTTP/2, not HTTP"),
        (b"\x15\x03\x01\0\x02\x02\x46", "this port speaks TLS: use wss:// instead of ws://"),
        (b"\x15\x03", "this port speaks TLS"),
        (b"\r\n\nSSH-", "this port speaks SSH"),
        (b"HTTP/1.1 100 Continue\r\n\r\nSSH-", "this port speaks SSH"),
        (b"hello\x1b[2J", "it begins with \"hello\\x1b[2J\""),
        (b"HTTPS", "it begins with \"HTTPS\""),
        (b"http/1.1 200 OK\r\n", "it begins with \"http/1.1"),
        (b"<html>", "it begins with \"<html>\""),
        (b"\0", "it begins with \"\\x00\""),
    ] {
        let error = failed(bytes);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{bytes:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
    for beginning in ["", "\r\n", "H", "HTTP", "HTTP/1.", "HTTP/1.1 4"] {
        assert!(answer(Tuning::new(), beginning.as_bytes()).unwrap().is_none(), "{beginning}");
    }
}

#[test]
fn an_answer_that_repeats_the_request_shows_no_secrets() {
    for (text, words) in [
        (&b"GET /feed/hush-path?pin=hush-query HTTP/1.1\r\n"[..], "begins with \"GET .. HTTP/1.1"),
        (
            b"-unknown: 'GET /feed/hush-path?pin=hush-query HT",
            "begins with \"-unknown: \\'GET .. HT",
        ),
        (b"? hush-header", "begins with \"? ..\""),
        (b"? GET /feed/hus", "begins with \"? GET ..\""),
        (b"HTTP/1.1 bad /feed/hush-path\r\n\r\n", "status line: \"HTTP/1.1 bad .."),
    ] {
        let error = failed(text).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn the_fields_determine_the_length_of_a_body() {
    let chunked = "Transfer-Encoding: gzip, Chunked\r\nContent-Length: 3\r\n";
    for (fields, text, wanted, done) in [
        ("", "not now", "not now", false),
        ("Content-Length: 3\r\n", "not now", "not", true),
        ("Content-Length: 30\r\n", "not now", "not now", false),
        ("Content-Length: 0\r\n", "not now", "", true),
        ("Content-Length: 3, 3\r\n", "not now", "not", true),
        ("Content-Length: -3\r\n", "not now", "not now", false),
        ("Transfer-Encoding: gzip\r\n", "not now", "not now", false),
        (chunked, "3\r\nnot\r\n4;a=b\r\n now\r\n0\r\n\r\n", "not now", true),
        (chunked, "3 \r\nnot\r\n0004\r\n now", "not now", false),
        (chunked, "3\nnot\n4\n now\n00\nX: y\n\n", "not now", true),
        (chunked, "3\r\nnot\r\nsoon", "not", true),
        (chunked, "not now", "", true),
        (chunked, "3\r\nnotnow", "not", true),
        (chunked, "ffffffffffffffffffffffff\r\nnow", "", true),
    ] {
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        for pieces in [&[text.as_bytes()][..], &pieces] {
            assert_eq!(body(fields, pieces), (wanted.into(), done), "{fields:?} {text:?}");
        }
    }
    assert!(Body::new(204, &Default::default()).is_done());
}

#[test]
fn a_body_and_its_framing_are_limited() {
    let long = "x".repeat(10_000);
    for (fields, text) in [
        ("", long.clone()),
        ("Content-Length: 99999999\r\n", long.clone()),
        ("Transfer-Encoding: chunked\r\n", format!("fffff\r\n{long}")),
    ] {
        let (body, done) = body(fields, &[text.as_bytes()]);
        assert!(done && body.len() == HttpAnswer::BODY_LIMIT, "{fields}");
    }
    for framing in [format!("1;{}", "x".repeat(100_000)), "1\r\nx\r\n".repeat(30_000)] {
        let (body, done) = body("Transfer-Encoding: chunked\r\n", &[framing.as_bytes()]);
        assert!(done && body.len() <= HttpAnswer::BODY_LIMIT);
    }
}
