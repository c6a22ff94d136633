//! URLs, header fields and subprotocols of a request, proxies, and their exceptions.
//!
//! The lines of the input are: a URL, the name and the value of a header field, a subprotocol, the
//! URL of a proxy, and a list of exceptions.

use futures::executor::block_on;
use websocket_heartbeat_tungstenite::{
    Request, Tuning,
    proxy::{Proxies, Proxy},
    upgrade,
};

use crate::{cuts::Cuts, server::Server};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (url, name, value, subprotocol) = (line(), line(), line(), line());
    let (proxy, exceptions) = (line(), line());
    if let Ok(proxy) = Proxy::new(proxy) {
        check_words(&proxy.to_string());
        check_words(&format!("{proxy:?}"));
        let again = Proxy::new(&proxy.to_string()).expect("a shown proxy is a proxy");
        assert_eq!((again.host(), again.port()), (proxy.host(), proxy.port()));
        let _ = proxy.header(name, value).map_err(|error| check_words(&error.to_string()));
    }
    let variables = Proxies::from_vars(|name| match name {
        "all_proxy" => Some(proxy.to_owned()),
        "no_proxy" => Some(exceptions.to_owned()),
        _ => None,
    });
    let _ = variables.as_ref().map_err(|error| check_words(&error.to_string()));
    match Request::for_stream(url) {
        Ok(request) => {
            let proxies = variables.unwrap_or_default();
            let _ = proxies.proxy_for(&request);
            check(request, name, value, subprotocol);
        }
        Err(error) => check_words(&error.to_string()),
    }
}

fn check(request: Request, name: &str, value: &str, subprotocol: &str) {
    check_words(&request.to_string());
    check_words(&format!("{request:?}"));
    assert!(!request.host().is_empty() && request.port() > 0, "{request}");
    let scheme = if request.is_tls() { "wss" } else { "ws" };
    let host = request.host();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let url = format!("{scheme}://{host}:{}", request.port());
    // A zone is percent-encoded in a URL.
    if !host.contains('%') {
        let again = Request::for_stream(&url).expect("a parsed host is a host");
        assert_eq!((again.host(), again.port()), (request.host(), request.port()));
    }
    let mut fields = 5 + usize::from(has_credentials(&request));
    let mut request = request;
    match request.clone().header(name, value) {
        Ok(with) => {
            let replaces = name.eq_ignore_ascii_case("host")
                || (name.eq_ignore_ascii_case("authorization") && has_credentials(&request));
            fields += usize::from(!replaces);
            request = with;
        }
        Err(error) => check_words(&error.to_string()),
    }
    match request.clone().subprotocol(subprotocol) {
        Ok(with) => {
            fields += 1;
            request = with;
        }
        Err(error) => check_words(&error.to_string()),
    }
    assert_eq!(fields_of(&request), fields, "the fields of the written request");
}

/// Whether the request has credentials from its URL.
fn has_credentials(request: &Request) -> bool {
    format!("{request:?}").contains("\"Authorization\"")
}

/// The number of header fields of the request as it is written, which is one whole request.
fn fields_of(request: &Request) -> usize {
    let server = Server::new(b"", Cuts::None);
    let seen = server.seen();
    assert!(block_on(upgrade(server, request, Tuning::new())).is_err(), "nothing was answered");
    let seen = seen.lock().unwrap();
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut parsed = httparse::Request::new(&mut fields);
    let status = parsed.parse(&seen.written).expect("a valid request");
    assert_eq!(status, httparse::Status::Complete(seen.written.len()), "one whole request");
    let count = parsed.headers.len();
    let keys = parsed.headers.iter().filter(|field| field.name == "Sec-WebSocket-Key");
    assert_eq!(keys.count(), 1);
    count
}

/// Text for people is printable.
fn check_words(words: &str) {
    assert!(!words.is_empty() && !words.chars().any(char::is_control), "{words:?}");
}
