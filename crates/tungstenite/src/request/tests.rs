//! Valid and invalid requests, their bytes, and their `Debug` and `Display` output.

use websocket_heartbeat::TransportError;

use super::*;

fn parsed(url: &str) -> Request {
    Request::for_stream(url).unwrap()
}

fn sent(request: &Request) -> String {
    String::from_utf8(request.to_bytes("KEY")).unwrap()
}

fn line(request: &Request) -> String {
    sent(request).lines().next().unwrap().to_owned()
}

/// The values of the fields of that name, in order.
fn values(request: &Request, name: &str) -> Vec<String> {
    let sent = sent(request);
    let fields = sent.lines().filter_map(|line| line.split_once(": "));
    fields.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_owned()).collect()
}

fn target(url: &str) -> String {
    let line = line(&parsed(url));
    line.strip_prefix("GET ").unwrap().strip_suffix(" HTTP/1.1").unwrap().to_owned()
}

#[test]
fn the_request_has_the_form_of_rfc_6455() {
    let request = parsed("ws://example.org:8080/a?b=c").subprotocol("v2").unwrap();
    let request = request.subprotocol("v1").unwrap().header("X-A", "b").unwrap();
    assert_eq!(
        sent(&request),
        "GET /a?b=c HTTP/1.1\r\nHost: example.org:8080\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: v2, v1\r\nX-A: b\r\n\r\n"
    );
}

#[test]
fn urls_are_split_into_host_port_and_path() {
    for (url, host, port, name, path) in [
        ("ws://example.org", "example.org", 80, "example.org", "/"),
        ("WS://example.org:80/a", "example.org", 80, "example.org", "/a"),
        ("ws://Example.ORG", "example.org", 80, "example.org", "/"),
        ("wss://example.org?x=1", "example.org", 443, "example.org", "/?x=1"),
        ("wss://example.org:/", "example.org", 443, "example.org", "/"),
        ("wss://example.org:80/", "example.org", 80, "example.org:80", "/"),
        ("ws://example.org./", "example.org.", 80, "example.org.", "/"),
        ("ws://127.0.0.1:81", "127.0.0.1", 81, "127.0.0.1:81", "/"),
        ("ws://a_b.example", "a_b.example", 80, "a_b.example", "/"),
        ("ws://[::1]:8080/a/b?c", "::1", 8080, "[::1]:8080", "/a/b?c"),
        ("ws://[2001:db8::1]", "2001:db8::1", 80, "[2001:db8::1]", "/"),
        ("ws://[fe80::1%25eth0]:81/", "fe80::1%eth0", 81, "[fe80::1]:81", "/"),
        ("ws://[fe80::1%2]/", "fe80::1%2", 80, "[fe80::1]", "/"),
    ] {
        let request = parsed(url);
        assert_eq!((request.host(), request.port()), (host, port), "{url}");
        assert_eq!(values(&request, "host"), [name], "{url}");
        assert_eq!(target(url), path, "{url}");
    }
}

#[test]
fn forbidden_characters_of_a_target_are_percent_encoded() {
    for (path, wanted) in [
        ("/küche", "/k%C3%BCche"),
        ("/?name=größe", "/?name=gr%C3%B6%C3%9Fe"),
        ("?name=größe", "/?name=gr%C3%B6%C3%9Fe"),
        ("/k%C3%BCche", "/k%C3%BCche"),
        ("/k%c3%bcche", "/k%c3%bcche"),
        ("/a b", "/a%20b"),
        ("/?a b+c", "/?a%20b+c"),
        (r#"/?q={"a":"<b>|c^`d"}"#, "/?q=%7B%22a%22:%22%3Cb%3E%7Cc%5E%60d%22%7D"),
        ("/a[0]\\b?c[]=1", "/a%5B0%5D%5Cb?c%5B%5D=1"),
        ("/100%", "/100%25"),
        ("/100%/50%2", "/100%25/50%252"),
        ("/%zz%20%25", "/%25zz%20%25"),
        ("/ä%C3%A4%", "/%C3%A4%C3%A4%25"),
        ("/a/../b//c;d=e,f:@!$&'()*+~", "/a/../b//c;d=e,f:@!$&'()*+~"),
        ("/a?b?c/d?", "/a?b?c/d?"),
        ("/?", "/?"),
        ("/\u{202e}\u{2028}🦀", "/%E2%80%AE%E2%80%A8%F0%9F%A6%80"),
    ] {
        assert_eq!(target(&format!("ws://example.org{path}")), wanted, "{path}");
    }
}

#[test]
fn an_international_name_is_sent_in_its_ascii_form() {
    for (name, wanted) in [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        // The same letter as two characters.
        ("bu\u{308}cher.example", "xn--bcher-kva.example"),
        ("b%C3%BCcher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("１２７.0.0.1", "127.0.0.1"),
    ] {
        let request = parsed(&format!("ws://{name}:81/"));
        assert_eq!(request.host(), wanted, "{name}");
        assert_eq!(values(&request, "host"), [format!("{wanted}:81")], "{name}");
    }
}

#[test]
fn an_http_url_is_refused_with_the_remedy() {
    for url in ["http://example.org", "https://example.org"] {
        let words = Request::new(url).unwrap_err().to_string();
        assert_eq!(words, "the URL must begin with ws:// (not http://) or wss:// (not https://)");
    }
}

#[test]
fn invalid_urls_are_refused() {
    let long = format!("ws://{}.example", "a".repeat(64));
    let long_when_encoded = format!("ws://{}.example", "ü".repeat(60));
    let too_long = format!("ws://{}example", "abcdefg.".repeat(33));
    for (url, error) in [
        ("", RequestError::Malformed),
        ("ws://example.org/a\n", RequestError::Malformed),
        ("ws://example.org/a\r\nX: y", RequestError::Malformed),
        (" ws://example.org/", RequestError::Malformed),
        ("ws://example.org/ ", RequestError::Malformed),
        ("ws://%zz:x@example.org", RequestError::Malformed),
        ("ws://good.example\\@bad.example/", RequestError::Malformed),
        ("ws://%zz/", RequestError::Malformed),
        ("example.org", RequestError::Scheme),
        ("/path", RequestError::Scheme),
        ("ws:/example.org", RequestError::Scheme),
        ("https://example.org", RequestError::Scheme),
        ("HTTP://example.org:80/", RequestError::Scheme),
        ("ws://", RequestError::Host),
        ("ws:///path", RequestError::Host),
        ("ws://?query", RequestError::Host),
        ("ws://me@", RequestError::Host),
        ("ws://:80/", RequestError::Host),
        ("ws://[::zz]/", RequestError::Host),
        ("ws://[::1", RequestError::Host),
        ("ws://[::1]x/", RequestError::Host),
        ("ws://[127.0.0.1]/", RequestError::Host),
        ("ws://[fe80::1%]/", RequestError::Host),
        ("ws://[fe80::1%25a/b]/", RequestError::Host),
        ("ws://exa mple.org", RequestError::HostCharacter),
        ("ws://exa%20mple.org", RequestError::HostCharacter),
        ("ws://exa<mple.org", RequestError::HostCharacter),
        ("ws://%FF.example", RequestError::HostCharacter),
        ("ws://a\u{202e}b.example", RequestError::HostCharacter),
        ("ws://xn--a.example", RequestError::HostCharacter),
        ("ws://a..example", RequestError::HostLength),
        (&long, RequestError::HostLength),
        (&long_when_encoded, RequestError::HostLength),
        (&too_long, RequestError::HostLength),
        ("ws://example.org:0/", RequestError::Port),
        ("ws://example.org:65536/", RequestError::Port),
        ("ws://example.org:+80/", RequestError::Port),
        ("ws://example.org:80:80/", RequestError::Port),
        ("ws://example.org/#there", RequestError::Fragment),
    ] {
        assert_eq!(Request::for_stream(url).unwrap_err(), error, "{url}");
    }
}

#[cfg(not(feature = "rustls"))]
#[test]
fn a_wss_url_is_refused_without_tls() {
    assert_eq!(Request::new("wss://example.org").unwrap_err(), RequestError::TlsMissing);
    assert!(parsed("wss://example.org").is_tls());
}

#[test]
fn credentials_become_basic_authorization() {
    for (user_info, value) in [
        ("Aladdin:open%20sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("Aladdin:open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("me", "Basic bWU6"),
        (":pw", "Basic OnB3"),
        ("ü:%C3%BC", "Basic w7w6w7w="),
        ("a:b@c", "Basic YTpiQGM="),
    ] {
        let request = parsed(&format!("ws://{user_info}@example.org"));
        assert_eq!(values(&request, "authorization"), [value], "{user_info}");
        assert_eq!(values(&request, "host"), ["example.org"]);
    }
}

#[test]
fn empty_user_info_sends_nothing() {
    for url in ["ws://@example.org", "ws://:@example.org/"] {
        assert_eq!(sent(&parsed(url)), sent(&parsed("ws://example.org")), "{url}");
    }
}

#[test]
fn headers_and_subprotocols_are_checked() {
    let request = || parsed("ws://example.org");
    assert!(request().header("X-A", "b").unwrap().header("Host", "other").is_ok());
    for bad in ["", "a b", "a:", "é", "a\r\nb"] {
        assert_eq!(request().header(bad, "x").unwrap_err(), RequestError::HeaderName, "{bad}");
    }
    for bad in ["b\r\nX-C: d", "b\n", "\0", "\x7f"] {
        let error = request().header("X-A", bad).unwrap_err();
        assert_eq!(error, RequestError::HeaderValue("x-a".into()));
    }
    assert!(request().header("X-A", [0xff, b'\t']).is_ok());
    assert!(request().header("Host", [0xff]).is_err());
    for bad in ["", "a b", "a,b", "é", "a\n"] {
        assert_eq!(request().subprotocol(bad).unwrap_err(), RequestError::Subprotocol);
    }
    let twice = request().subprotocol("v1").unwrap().subprotocol("v1");
    assert_eq!(twice.unwrap_err(), RequestError::SubprotocolTwice);
}

#[test]
fn fields_reserved_for_the_handshake_are_refused() {
    for name in [
        "UPGRADE",
        "Connection",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Accept",
        "Content-Length",
        "Transfer-Encoding",
        "HTTP2-Settings",
        "Expect",
        "TE",
        "Trailer",
    ] {
        let error = parsed("ws://example.org").header(name, "x").unwrap_err();
        assert_eq!(error, RequestError::HeaderReserved(name.to_lowercase().into()));
    }
}

#[test]
fn fields_that_are_added_twice_are_sent_twice_in_order() {
    let request = parsed("ws://example.org").header("Cookie", "a=1").unwrap();
    let request = request.header("X-Feed", "first").unwrap().header("x-feed", "second").unwrap();
    let request = request.header("cookie", "b=2").unwrap().header("X-Feed", "first").unwrap();
    assert_eq!(values(&request, "x-feed"), ["first", "second", "first"]);
    assert_eq!(values(&request, "cookie"), ["a=1", "b=2"]);
}

#[test]
fn host_and_authorization_replace_earlier_values() {
    let request = parsed("ws://me:pw@example.org");
    let other = request.clone().header("host", "h").unwrap().header("Host", "i").unwrap();
    let other = other.header("authorization", "Bearer 1").unwrap();
    let other = other.header("Authorization", "Bearer 2").unwrap();
    assert_eq!(values(&request, "host"), ["example.org"]);
    assert_eq!(values(&request, "authorization"), ["Basic bWU6cHc="]);
    assert_eq!(values(&other, "host"), ["i"]);
    assert_eq!(values(&other, "authorization"), ["Bearer 2"]);
    // `Host` is the first field.
    assert!(sent(&other).contains("HTTP/1.1\r\nHost: i\r\n"));
}

#[test]
fn debug_and_errors_show_no_secrets() {
    let request = parsed("ws://me:hush@example.org/hush?token=hush")
        .header("Cookie", "hush")
        .unwrap()
        .subprotocol("bearer.hush")
        .unwrap();
    assert_eq!(request.to_string(), "ws://example.org/..");
    assert_eq!(parsed("ws://example.org").to_string(), "ws://example.org/");
    let debug = format!("{request:?}");
    assert!(!debug.contains("hush") && debug.contains("Cookie"), "{debug}");
    let errors = [
        Request::for_stream("ws://me:hush@"),
        Request::for_stream("ws://hush /"),
        Request::for_stream("ws://x/?hush#hush"),
        Request::for_stream("hush://x"),
        Request::for_stream("ws://x:hush/"),
        request.clone().header("hush hush", "x"),
        request.clone().header("X-A", "hush\n"),
        request.clone().subprotocol("hush hush"),
        request.subprotocol("bearer.hush"),
    ];
    for error in errors {
        let error = error.unwrap_err();
        let all = format!("{error} {error:?} {0} {0:?}", TransportError::from(error.clone()));
        assert!(!all.contains("hush"), "{all}");
    }
}

#[test]
fn secrets_that_a_server_repeats_are_removed() {
    let request = parsed("ws://me%40home:hush%21pass@example.org/h%C3%BCsh-path?token=hush-query")
        .header("X-Token", "hush-header")
        .unwrap()
        .header("Origin", "https://example.org")
        .unwrap()
        .subprotocol("bearer.hush-offer")
        .unwrap();
    for (text, shown) in [
        ("Cannot GET /h%C3%BCsh-path", "Cannot GET .."),
        ("no resource /hüsh-path here", "no resource .. here"),
        ("key hush-query has expired", "key .. has expired"),
        ("bad X-Token: hush-header", "bad X-Token: .."),
        ("unknown protocol bearer.hush-offer", "unknown protocol .."),
        ("user me@home:hush!pass is locked", "user .. is locked"),
        ("Basic bWVAaG9tZTpodXNoIXBhc3M= is wrong", ".. is wrong"),
        ("https://example.org is no origin of ours", "https://example.org is no origin of ours"),
    ] {
        let cleaned = String::from_utf8(request.without_echo(text.as_bytes())).unwrap();
        assert_eq!(cleaned, shown);
    }
}
