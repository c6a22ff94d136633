//! The URLs of proxies, and the choice of a proxy from variables.

use std::{collections::HashMap, ffi::OsString};

use super::{environment::exceptions, *};
use crate::{Request, RequestError};

fn error(url: &str) -> ProxyError {
    Proxy::new(url).expect_err(url)
}

#[test]
fn a_proxy_has_the_default_port_of_its_scheme() {
    for (url, shown) in [
        ("http://a.example", "http://a.example:80"),
        ("HTTP://a.example:/", "http://a.example:80"),
        ("socks5://192.0.2.1", "socks5://192.0.2.1:1080"),
        ("socks5h://[2001:db8::1]", "socks5h://[2001:db8::1]:1080"),
        ("http://user:p@ss@bücher.example:3128/", "http://xn--bcher-kva.example:3128"),
    ] {
        assert_eq!(Proxy::new(url).unwrap().to_string(), shown);
    }
    let https = Proxy::new("https://a.example");
    match cfg!(feature = "rustls") {
        true => assert_eq!(https.unwrap().port(), 443),
        false => assert_eq!(https.unwrap_err(), ProxyError::TlsMissing),
    }
}

#[test]
fn credentials_replace_those_of_the_url_and_are_not_decoded() {
    let set = |url: &str, user: &str, password: &str| {
        Proxy::new(url).unwrap().credentials(user, password)
    };
    for url in ["http://a.example", "http://other:other@a.example"] {
        let encoded = Proxy::new("http://me%25:p%40ss%2541@a.example").unwrap();
        assert_eq!(set(url, "me%", "p@ss%41").unwrap(), encoded);
    }
    assert_eq!(set("http://a.example", "m:e", "x").unwrap_err(), ProxyError::UserWithColon);
    assert_eq!(set("socks5://a.example", "", "x").unwrap_err(), ProxyError::SocksCredentials);
    let with_token = Proxy::new("http://a.example").unwrap();
    let with_token = with_token.header("Proxy-Authorization", "Bearer x").unwrap();
    let replaced = with_token.credentials("me", "hush").unwrap();
    assert_eq!(replaced, Proxy::new("http://me:hush@a.example").unwrap());
}

#[test]
fn debug_and_display_show_no_credentials() {
    for url in ["http://me:hush@a.example", "socks5://me:hush@a.example"] {
        let proxy = Proxy::new(url).unwrap();
        let proxies = Proxies::all(proxy.clone());
        for text in [format!("{proxy}"), format!("{proxy:?}"), format!("{proxies:?}")] {
            assert!(text.contains("a.example") && !text.contains("hush"), "{text}");
        }
    }
    let proxy = Proxy::new("http://a.example").unwrap();
    let proxy = proxy.header("Proxy-Authorization", "Bearer hush").unwrap();
    assert!(!format!("{proxy:?}").contains("hush"));
}

#[test]
fn an_invalid_url_has_a_typed_error_without_its_text() {
    assert_eq!(error("a.example:3128"), ProxyError::Scheme);
    assert_eq!(error("socks4://a.example"), ProxyError::Scheme);
    assert_eq!(error(" http://a.example"), ProxyError::Malformed);
    assert_eq!(error("http://a.example\n"), ProxyError::Malformed);
    assert_eq!(error("http://me%4:hush@a.example"), ProxyError::Malformed);
    assert_eq!(error("http://"), ProxyError::Address(RequestError::Host));
    assert_eq!(error("http://a.example:0"), ProxyError::Address(RequestError::Port));
    assert_eq!(error("http://[::1"), ProxyError::Address(RequestError::Host));
    assert_eq!(error("http://me:hu/sh@a.example"), ProxyError::Path);
    assert_eq!(error("http://a.example/path"), ProxyError::Path);
    assert_eq!(error("http://a.example?q"), ProxyError::Path);
    assert_eq!(error("http://m%3ae:hush@a.example"), ProxyError::UserWithColon);
    assert_eq!(error("socks5://:hush@a.example"), ProxyError::SocksCredentials);
    let long = format!("socks5h://me:{}@a.example", "x".repeat(256));
    assert_eq!(error(&long), ProxyError::SocksCredentials);
    assert!(Proxy::new(&long.replace("xx@", "x@")).is_ok());
}

#[test]
fn a_field_that_cannot_be_sent_is_refused() {
    let proxy = Proxy::new("http://a.example").unwrap();
    let header = |name, value| proxy.clone().header(name, value).unwrap_err();
    assert_eq!(header("a b", ""), ProxyError::Header(RequestError::HeaderName));
    assert_eq!(header("X", "a\r\nb"), ProxyError::Header(RequestError::HeaderValue("x".into())));
    for name in ["Host", "Content-Length", "Upgrade"] {
        assert!(matches!(header(name, "1"), ProxyError::Header(RequestError::HeaderReserved(_))));
    }
    let socks = Proxy::new("socks5://a.example").unwrap();
    assert_eq!(socks.header("X", "y"), Err(ProxyError::HeaderWithoutHttp));
}

/// The proxies of these variables.
fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, VariableError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Proxies::from_vars(|name| variables.get(name).map(|&value| value.to_owned()))
}

/// The host of the proxy that these variables choose.
fn chosen(variables: &[(&str, &str)], url: &str) -> Option<String> {
    let request = Request::for_stream(url).unwrap();
    proxies(variables).unwrap().proxy_for(&request).map(|proxy| proxy.host().to_owned())
}

const WS: &str = "ws://feed.example.org";
const WSS: &str = "wss://feed.example.org";

#[test]
fn the_first_variable_in_the_documented_order_wins() {
    for (url, order) in [
        (WS, &["ws_proxy", "WS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"][..]),
        (WSS, &["wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
    ] {
        // Each variable names a proxy by its position.
        let values: Vec<_> = (0..order.len()).map(|at| format!("http://p{at}.example")).collect();
        let variables: Vec<_> =
            order.iter().copied().zip(values.iter().map(String::as_str)).collect();
        for at in 0..order.len() {
            let host = format!("p{at}.example");
            assert_eq!(chosen(&variables[at..], url), Some(host.clone()), "{url}");
            // An empty variable is not set.
            let mut emptied = variables.clone();
            emptied[..at].iter_mut().for_each(|(_, value)| *value = "");
            assert_eq!(chosen(&emptied, url), Some(host), "{url}");
        }
    }
}

#[test]
fn a_variable_that_a_web_client_can_set_is_not_read() {
    let evil = ("HTTP_PROXY", "http://evil.example");
    assert_eq!(chosen(&[evil, ("REQUEST_METHOD", "GET")], WS), None);
    assert_eq!(chosen(&[evil, ("REQUEST_METHOD", "")], WS), None);
    let host = chosen(&[evil, ("REQUEST_METHOD", "GET"), ("all_proxy", "http://p.example")], WS);
    assert_eq!(host.as_deref(), Some("p.example"));
    assert_eq!(chosen(&[("https_proxy", "http://p.example")], WS), None);
    assert_eq!(chosen(&[("http_proxy", "http://p.example")], WSS), None);
    assert_eq!(chosen(&[], WS), None);
}

#[test]
fn a_value_without_a_scheme_is_an_http_proxy() {
    let variables = [("http_proxy", "me:hush@p.example:3128")];
    let request = Request::for_stream(WS).unwrap();
    let proxies = proxies(&variables).unwrap();
    assert_eq!(proxies.proxy_for(&request).unwrap().to_string(), "http://p.example:3128");
}

#[test]
fn exceptions_are_reached_without_a_proxy() {
    let variables = |name, list| [("all_proxy", "http://p.example"), (name, list)];
    for name in ["no_proxy", "NO_PROXY"] {
        assert_eq!(chosen(&variables(name, "a.example,.example.org"), WS), None);
        assert_eq!(chosen(&variables(name, "*"), WSS), None);
        assert_eq!(chosen(&variables(name, "example.org:80"), WS), None);
        assert!(chosen(&variables(name, "example.org:80"), WSS).is_some());
        assert!(chosen(&variables(name, ""), WS).is_some());
    }
    let both = [("all_proxy", "http://p.example"), ("no_proxy", "a.example"), ("NO_PROXY", "*")];
    assert!(chosen(&both, WS).is_some());
    let proxies = Proxies::all(Proxy::new("http://p.example").unwrap());
    let proxies = proxies.except("10.0.0.0/8").unwrap();
    let choice = |url| proxies.proxy_for(&Request::for_stream(url).unwrap()).is_some();
    assert_eq!([choice("ws://10.1.2.3"), choice("ws://11.1.2.3")], [false, true]);
}

#[test]
fn a_variable_that_is_not_valid_is_named_without_its_value() {
    let error = proxies(&[("HTTPS_PROXY", "http://me:hush/@p.example")]).unwrap_err();
    assert_eq!(error.name(), "HTTPS_PROXY");
    assert_eq!(error.problem(), &VariableProblem::Proxy(ProxyError::Path));
    let text = format!("{error} {error:?}");
    assert!(!text.contains("hush"), "{text}");
    let words = "the environment variable HTTPS_PROXY: the URL of a proxy ends after the port";
    assert!(text.starts_with(words), "{text}");

    let error = proxies(&[("no_proxy", "10.0.0.0/40")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the environment variable no_proxy: \"10.0.0.0/40\" is not a server: write a domain, an \
         address, a range such as 10.0.0.0/8, or *"
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_an_error() {
    use std::os::unix::ffi::OsStringExt;

    let error = exceptions(&|_| Some(OsString::from_vec(vec![0xff]))).unwrap_err();
    assert_eq!((error.name(), error.problem()), ("no_proxy", &VariableProblem::NotUnicode));
}
