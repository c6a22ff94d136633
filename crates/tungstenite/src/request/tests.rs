//! Which requests are accepted, and what of them is shown.

use super::*;

fn parsed(url: &str) -> Request {
    Request::for_stream(url).unwrap()
}

#[test]
fn hosts_ports_and_paths() {
    for (url, host, port, name, target) in [
        ("ws://example.org", "example.org", 80, "example.org", "/"),
        ("WS://example.org:80/a", "example.org", 80, "example.org", "/a"),
        ("wss://example.org?x=1", "example.org", 443, "example.org", "/?x=1"),
        ("wss://example.org:/", "example.org", 443, "example.org", "/"),
        ("ws://[::1]:8080/a/b?c", "::1", 8080, "[::1]:8080", "/a/b?c"),
        ("ws://[2001:db8::1]", "2001:db8::1", 80, "[2001:db8::1]", "/"),
    ] {
        let request = parsed(url);
        assert_eq!((request.host(), request.port()), (host, port), "{url}");
        let http = request.to_http();
        assert_eq!(http.headers()["host"], name, "{url}");
        assert_eq!(http.uri().path_and_query().unwrap(), target, "{url}");
    }
}

#[test]
fn what_cannot_work_is_refused() {
    for (url, error) in [
        ("", RequestError::Malformed),
        ("ws://", RequestError::Malformed),
        ("ws://exa mple.org", RequestError::Malformed),
        ("ws:///path", RequestError::Malformed),
        ("ws://%zz:x@example.org", RequestError::Malformed),
        ("example.org", RequestError::Scheme),
        ("/path", RequestError::Scheme),
        ("https://example.org", RequestError::Scheme),
        ("ws://me@", RequestError::Malformed),
        ("ws://:80/", RequestError::Host),
        ("ws://[::zz]/", RequestError::Host),
        ("ws://example.org:0/", RequestError::Port),
        ("ws://example.org:65536/", RequestError::Port),
        ("ws://example.org:+80/", RequestError::Port),
        ("ws://example.org/#there", RequestError::Fragment),
    ] {
        assert_eq!(Request::for_stream(url).unwrap_err(), error, "{url}");
    }
}

#[cfg(not(feature = "rustls"))]
#[test]
fn without_tls_a_wss_url_is_refused_up_front() {
    assert_eq!(Request::new("wss://example.org").unwrap_err(), RequestError::TlsMissing);
    assert!(parsed("wss://example.org").is_tls());
}

#[test]
fn credentials_become_basic_authorization() {
    let http = parsed("ws://Aladdin:open%20sesame@example.org").to_http();
    assert_eq!(http.headers()["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(http.headers()["host"], "example.org");
    assert_eq!(http.uri().authority().unwrap(), "example.org");
}

#[test]
fn headers_and_subprotocols_are_checked() {
    let request = || parsed("ws://example.org");
    assert!(request().header("X-A", "b").unwrap().header("Host", "other").is_ok());
    let name = |name: &str| request().header(name, "x").unwrap_err();
    assert_eq!(name("a b"), RequestError::HeaderName("a b".into()));
    assert_eq!(name("UPGRADE"), RequestError::HeaderReserved("upgrade".into()));
    assert_eq!(
        request().header("X-A", "b\r\nX-C: d").unwrap_err(),
        RequestError::HeaderValue("x-a".into())
    );
    for bad in ["", "a b", "a,b", "é", "a\n"] {
        assert_eq!(request().subprotocol(bad).unwrap_err(), RequestError::Subprotocol(bad.into()));
    }
    let twice = request().subprotocol("v1").unwrap().subprotocol("v1");
    assert_eq!(twice.unwrap_err(), RequestError::SubprotocolTwice("v1".into()));
}

#[test]
fn a_header_field_replaces_an_earlier_one_and_leaves_clones_as_they_are() {
    let request = parsed("ws://me:pw@example.org").header("X-A", "1").unwrap();
    let other = request.clone().header("x-a", "2").unwrap().header("host", "h").unwrap();
    let values = |request: &Request| {
        let http = request.to_http();
        let all = http.headers().get_all("x-a").iter().cloned().collect::<Vec<_>>();
        (all, http.headers()["host"].clone())
    };
    assert_eq!(values(&request), (vec!["1".parse().unwrap()], "example.org".parse().unwrap()));
    assert_eq!(values(&other), (vec!["2".parse().unwrap()], "h".parse().unwrap()));
}

#[test]
fn secrets_do_not_show() {
    let request = parsed("ws://me:hush@example.org/path?token=hush")
        .header("Cookie", "hush")
        .unwrap()
        .subprotocol("v1")
        .unwrap();
    assert_eq!(request.to_string(), "ws://example.org/path?..");
    let debug = format!("{request:?} {:?}", request.to_http().headers());
    assert!(!debug.contains("hush") && debug.contains("cookie"), "{debug}");
    for url in ["ws://me:hush@", "ws://hush /", "ws://x/?hush#hush", "hush://x"] {
        let error = Request::for_stream(url).unwrap_err();
        let all = format!("{error} {error:?} {}", TransportError::from(error.clone()));
        assert!(!all.contains("hush"), "{all}");
    }
}
