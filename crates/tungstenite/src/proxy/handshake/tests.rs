//! The handshakes, fed in pieces of any size.

use proptest::prelude::*;

use super::*;

/// The result of a handshake.
#[derive(Debug)]
struct Outcome {
    /// All bytes that were sent to the proxy.
    sent: Vec<u8>,
    /// The bytes of the proxy that were not read.
    unread: Vec<u8>,
    /// `Ok(true)` if the tunnel is open, `Ok(false)` if more is wanted.
    open: Result<bool, ProxyProblem>,
}

/// Runs a handshake against a proxy that sends these bytes. Each read returns at most `at_once`.
fn run(proxy: &str, destination: Destination<'_>, mut answer: &[u8], at_once: usize) -> Outcome {
    let mut handshake = Handshake::new(&Proxy::new(proxy).unwrap(), destination);
    let mut sent = Vec::new();
    let open = loop {
        sent.extend(handshake.output());
        let wanted = handshake.wanted();
        if wanted == 0 {
            break Ok(true);
        }
        let count = wanted.min(at_once).min(answer.len());
        if count == 0 {
            break Ok(false);
        }
        let (read, rest) = answer.split_at(count);
        answer = rest;
        if let Err(problem) = handshake.input(read) {
            break Err(problem);
        }
    };
    Outcome { sent, unread: answer.to_vec(), open }
}

const SERVER: Destination<'_> = Destination::Host("example.org", 443);
const HTTP: &str = "http://proxy.example";
const HTTP_PASSWORD: &str = "http://Aladdin:open%20sesame@proxy.example";
const SOCKS: &str = "socks5h://proxy.example";
const SOCKS_PASSWORD: &str = "socks5h://me:hush@proxy.example";

fn sent(proxy: &str, destination: Destination<'_>) -> String {
    String::from_utf8(run(proxy, destination, b"", 1).sent).unwrap()
}

/// The text of the problem that this answer causes.
fn problem(proxy: &str, answer: &[u8]) -> String {
    let problems = [1, 3, usize::MAX].map(|at_once| {
        run(proxy, SERVER, answer, at_once).open.expect_err("a problem").to_string()
    });
    assert!(problems.iter().all(|problem| *problem == problems[0]), "{problems:?}");
    problems[0].clone()
}

#[test]
fn a_connect_request_names_host_and_port() {
    assert_eq!(
        sent(HTTP, SERVER),
        "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"
    );
    let line = |destination| sent(HTTP, destination).lines().next().unwrap().to_owned();
    let zoned = Destination::Host("fe80::1%eth0", 8080);
    assert_eq!(line(zoned), "CONNECT [fe80::1]:8080 HTTP/1.1");
    let address = Destination::Address("[2001:db8::1]:80".parse().unwrap());
    assert_eq!(line(address), "CONNECT [2001:db8::1]:80 HTTP/1.1");
}

#[test]
fn a_connect_request_has_credentials_and_own_fields() {
    let field = "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    assert!(sent(HTTP_PASSWORD, SERVER).contains(field));
    let proxy = Proxy::new(HTTP_PASSWORD).unwrap();
    let proxy = proxy.header("User-Agent", "x").unwrap();
    let request = |proxy| String::from_utf8(Handshake::new(&proxy, SERVER).output()).unwrap();
    let with_field = request(proxy.clone());
    assert!(with_field.ends_with(&format!("{field}User-Agent: x\r\n\r\n")), "{with_field}");
    let bearer = request(proxy.header("proxy-authorization", "Bearer t0").unwrap());
    assert!(
        bearer.ends_with("User-Agent: x\r\nproxy-authorization: Bearer t0\r\n\r\n"),
        "{bearer}"
    );
    assert!(!bearer.contains("Basic"));
}

#[test]
fn a_tunnel_begins_right_after_the_head_of_a_2xx_answer() {
    for head in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\r\nProxy-Agent: x\r\n\r\n",
        "HTTP/1.1 200\n\n",
        "HTTP/1.1 204 No Content\r\nVia: a\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "\r\n\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        for at_once in [1, 2, 7, usize::MAX] {
            for early in ["", "\r\n\r\nearly data", "HTTP/1.1 200 OK\r\n\r\n"] {
                let answer = [head, early].concat();
                let outcome = run(HTTP, SERVER, answer.as_bytes(), at_once);
                assert!(matches!(outcome.open, Ok(true)), "{head:?} {outcome:?}");
                assert_eq!(outcome.unread, early.as_bytes(), "{head:?} {at_once}");
            }
            let incomplete = &head.as_bytes()[..head.len() - 1];
            assert!(matches!(run(HTTP, SERVER, incomplete, at_once).open, Ok(false)), "{head:?}");
        }
    }
}

#[test]
fn a_refusal_of_an_http_proxy_has_status_and_reason() {
    let reason = |answer: &[u8]| problem(HTTP_PASSWORD, answer);
    assert_eq!(reason(b"HTTP/1.1 403 Filtered\r\n\r\n"), "the proxy refused: 403 Filtered");
    assert_eq!(reason(b"HTTP/1.1 502\r\nA: b\r\n\r\n"), "the proxy refused: 502");
    assert_eq!(reason(b"HTTP/1.1 302 Found\r\n\r\n"), "the proxy refused: 302 Found");
    assert_eq!(reason(b"HTTP/1.1 101 Upgrade\r\n\r\n"), "the proxy refused: 101 Upgrade");
    let escaped = "the proxy refused: 500 a\\u{1b}[2J\u{fffd}";
    assert_eq!(reason(b"HTTP/1.1 500 a\x1b[2J\xff\r\n\r\n"), escaped);
    let long = [b"HTTP/1.1 500 ", &[b'x'; 5000][..], b"\r\n\r\n"].concat();
    assert_eq!(reason(&long), format!("the proxy refused: 500 {}", "x".repeat(100)));
}

#[test]
fn a_refusal_does_not_repeat_the_credentials() {
    for echo in ["QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "open sesame", "Aladdin"] {
        let shown = problem(HTTP_PASSWORD, format!("HTTP/1.1 403 no {echo}\r\n\r\n").as_bytes());
        assert!(!shown.contains(echo), "{shown}");
        assert!(shown.starts_with("the proxy refused: 403 no"), "{shown}");
    }
}

#[test]
fn an_http_proxy_that_wants_other_credentials_is_explained() {
    let answer = |fields: &str| format!("HTTP/1.1 407 Auth\r\n{fields}\r\n").into_bytes();
    let missing = "the proxy needs credentials: set user and password in its URL";
    let wrong = "the proxy refused the credentials: check user and password";
    for fields in [
        "",
        "Proxy-Authenticate: Basic realm=\"a\"\r\n",
        "Proxy-Authenticate: Negotiate\r\nproxy-authenticate: basic realm=\"a, b\"\r\n",
        "Proxy-Authenticate: Digest realm=\"a\", Basic realm=\"b\"\r\n",
    ] {
        assert_eq!(problem(HTTP, &answer(fields)), missing);
        assert_eq!(problem(HTTP_PASSWORD, &answer(fields)), wrong);
    }
    assert_eq!(problem(HTTP_PASSWORD, b"HTTP/1.1 401 Unauthorized\r\n\r\n"), wrong);
    let others = "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM abc\r\n";
    assert_eq!(
        problem(HTTP_PASSWORD, &answer(others)),
        "the proxy accepts no password by Basic authentication, but only Negotiate, NTLM"
    );
}

#[test]
fn secrets_that_a_proxy_repeats_as_a_scheme_are_removed() {
    let proxy = "http://me:s3cr3t@proxy";
    for scheme in ["s3cr3t", "bWU6czNjcjN0", "X-s3cr3t"] {
        let answer = format!("HTTP/1.1 407 Auth\r\nProxy-Authenticate: {scheme}\r\n\r\n");
        let error = run(proxy, SERVER, answer.as_bytes(), 9).open.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cr3t") && !shown.contains("bWU6czNjcjN0"), "{shown}");
    }
}

#[test]
fn an_answer_that_is_not_http_fails_at_its_first_bytes() {
    for answer in [&b"\x05\xff"[..], b"\x15\x03\x01", b"SSH-2.0", b"HTTQ", b"\r\n\0"] {
        let words = "the answer is not that of such a proxy: check the port and the scheme";
        assert!(problem(HTTP, answer).starts_with(words));
    }
    for answer in
        [&b"HTTP/2 200 OK\r\n\r\n"[..], b"HTTP/1.1 20\r\n\r\n", b"HTTP/1.1 2000 A\r\n\r\n"]
    {
        assert!(matches!(run(HTTP, SERVER, answer, 9).open, Err(ProxyProblem::Malformed)));
    }
}

#[test]
fn a_head_without_a_status_fails_in_pieces_of_any_size() {
    for answer in [&b"HTTP/1.1\n\r\nmore"[..], b"HTTP/1.1\n\nHTTP/1.1 200\n\n", b"HTTP/1.1 2\nA: b"]
    {
        problem(HTTP, answer);
    }
}

#[test]
fn an_endless_head_fails_at_its_limit() {
    let fields = [b"HTTP/1.1 200 OK\r\n", &b"a: b\r\n".repeat(100_000)[..]].concat();
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000);
    for endless in [fields, interim, vec![b'\n'; 100_000]] {
        let outcome = run(HTTP, SERVER, &endless, usize::MAX);
        assert!(matches!(outcome.open, Err(ProxyProblem::TooLong)));
        let read = endless.len() - outcome.unread.len();
        assert!((16 * 1024..17 * 1024).contains(&read), "{read}");
    }
}

#[test]
fn a_socks_request_has_a_name_or_an_address() {
    let request = |destination| run(SOCKS, destination, b"\x05\x00", 1).sent[3..].to_vec();
    assert_eq!(run(SOCKS, SERVER, b"", 1).sent, b"\x05\x01\x00");
    assert_eq!(request(SERVER), b"\x05\x01\x00\x03\x0bexample.org\x01\xbb");
    let v4 = b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50";
    assert_eq!(request(Destination::Host("192.0.2.1", 80)), v4);
    assert_eq!(request(Destination::Address("192.0.2.1:80".parse().unwrap())), v4);
    let v6 = b"\x05\x01\x00\x04\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1f\x90";
    assert_eq!(request(Destination::Host("fe80::1%eth0", 8080)), v6);
    assert_eq!(request(Destination::Address("[fe80::1%7]:8080".parse().unwrap())), v6);
}

#[test]
fn a_socks_tunnel_begins_right_after_the_reply() {
    let name = [b"\x05\x00\x00\x03\xff", &[b'x'; 255][..], b"\0\0"].concat();
    for reply in [
        &b"\x05\x00\x00\x01\x7f\0\0\x01\x12\x34"[..],
        b"\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34",
        b"\x05\x00\x00\x03\x00\x12\x34",
        &name,
    ] {
        for at_once in [1, 2, 7, usize::MAX] {
            for (proxy, before) in
                [(SOCKS, &b"\x05\x00"[..]), (SOCKS_PASSWORD, b"\x05\x02\x01\x00")]
            {
                let answer = [before, reply].concat();
                let early = [&answer, &b"\x05early"[..]].concat();
                let outcome = run(proxy, SERVER, &early, at_once);
                assert!(matches!(outcome.open, Ok(true)), "{outcome:?}");
                assert_eq!(outcome.unread, b"\x05early");
                let incomplete = run(proxy, SERVER, &answer[..answer.len() - 1], at_once);
                assert!(matches!(incomplete.open, Ok(false)), "{incomplete:?}");
            }
        }
    }
}

#[test]
fn socks_credentials_are_sent_only_if_the_proxy_asks() {
    let sent = |answer: &[u8]| run(SOCKS_PASSWORD, SERVER, answer, 1).sent;
    assert_eq!(sent(b""), b"\x05\x02\x00\x02");
    assert_eq!(sent(b"\x05\x02"), b"\x05\x02\x00\x02\x01\x02me\x04hush");
    let request = b"\x05\x01\x00\x03\x0bexample.org\x01\xbb";
    assert_eq!(sent(b"\x05\x02\x01\x00")[13..], request[..]);
    assert_eq!(sent(b"\x05\x00")[4..], request[..]);
}

#[test]
fn a_refusal_of_a_socks_proxy_is_explained() {
    assert_eq!(
        problem(SOCKS, b"\x05\xff"),
        "the proxy needs credentials: set user and password in its URL"
    );
    assert_eq!(
        problem(SOCKS_PASSWORD, b"\x05\xff"),
        "the proxy accepts neither a password nor a client without one"
    );
    assert_eq!(
        problem(SOCKS_PASSWORD, b"\x05\x02\x01\x01"),
        "the proxy refused the credentials: check user and password"
    );
    assert_eq!(
        problem(SOCKS, b"\x05\x00\x05\x04"),
        "the proxy cannot reach the server (SOCKS5 reply 4)"
    );
    assert_eq!(
        problem(SOCKS, b"\x05\x00\x05\x63"),
        "the proxy failed for a reason that RFC 1928 does not define (SOCKS5 reply 99)"
    );
}

#[test]
fn an_answer_that_is_not_socks5_is_malformed() {
    for answer in [
        &b"HT"[..],
        b"\x04\x00",
        b"\x05\x02",
        b"\x05\x01",
        b"\x05\x00HT",
        b"\x05\x00\x05\x00\x00\x02",
    ] {
        for at_once in [1, usize::MAX] {
            let outcome = run(SOCKS, SERVER, answer, at_once);
            assert!(matches!(outcome.open, Err(ProxyProblem::Malformed)), "{answer:?} {outcome:?}");
        }
    }
}

/// Bytes that are similar to an answer, cut and mutated.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Just(b"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic\r\n".to_vec()),
        Just(b"HTTP/1.1 100 \n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\x05\x00".to_vec()),
        Just(b"\x05\x02\x01\x00".to_vec()),
        Just(b"\x05\x00\x00\x03\x04".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_answer_ends_alike_however_it_is_cut(
        answer in answers(),
        tail in proptest::collection::vec(any::<u8>(), 0..40),
        at_once in 1usize..40,
        proxy in prop_oneof![Just(HTTP), Just(HTTP_PASSWORD), Just(SOCKS), Just(SOCKS_PASSWORD)],
    ) {
        let whole = run(proxy, SERVER, &answer, usize::MAX);
        let cut = run(proxy, SERVER, &answer, at_once);
        let end = |outcome: &Outcome| outcome.open.as_ref().copied().map_err(ToString::to_string);
        prop_assert_eq!(end(&whole), end(&cut));
        prop_assert_eq!(&whole.sent, &cut.sent);
        // An open tunnel gets all bytes after the answer, and these are the same for any cut.
        if let Ok(true) = whole.open {
            prop_assert_eq!(&whole.unread, &cut.unread);
            let longer = run(proxy, SERVER, &[&answer[..], &tail].concat(), at_once);
            prop_assert_eq!(longer.unread, [&whole.unread[..], &tail].concat());
        }
    }
}
