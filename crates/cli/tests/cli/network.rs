//! The way to the server: proxies, Unix sockets, addresses and redirects; and the words of failures.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    program::Program,
    scratch::Scratch,
    server::{NOBODY, Server},
};

/// Whether a session opens, and the words of the failure otherwise.
fn attempt(url: &str, more: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let args = [&["connect", url, "--json", "--repeat-limit", "0"], more].concat();
    let mut program = Program::start_in(&args, variables);
    while let Some(event) = program.next_event() {
        match event["event"].as_str().unwrap() {
            "open" => {
                program.signal("-TERM");
                program.end();
                return Ok(());
            }
            "lost" => {
                let detail = event["detail"].as_str().unwrap().to_owned();
                program.end();
                let prefix = "could not connect: ";
                return Err(detail.strip_prefix(prefix).unwrap_or(&detail).to_owned());
            }
            _ => {}
        }
    }
    program.end();
    Err(program.seen_err.join("\n"))
}

fn words(url: &str, more: &[&str]) -> String {
    attempt(url, more, &[]).unwrap_err()
}

/// An HTTP proxy that connects to every host at this port of this machine, and records the first
/// line and the credentials of each request.
fn proxy(to: u16) -> (Server, Arc<Mutex<Vec<String>>>) {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let list = Arc::clone(&seen);
    let server = Server::tcp(move |_, mut stream| {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let request = head.lines().next().unwrap_or_default().to_owned();
        let field = head.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: "));
        list.lock().unwrap().push(format!("{request} {}", field.unwrap_or("none")));
        let mut target = TcpStream::connect(("127.0.0.1", to)).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let (mut from, mut back) = (stream.try_clone().unwrap(), target.try_clone().unwrap());
        thread::spawn(move || io::copy(&mut from, &mut back));
        let _ = io::copy(&mut target, &mut stream);
    });
    (server, seen)
}

#[test]
fn a_proxy_gets_the_credentials_of_its_file() {
    let server = Server::echo();
    let (proxy, seen) = proxy(server.port);
    let scratch = Scratch::new();
    let file = scratch.file("password", "me:h@sh\n");
    let url = format!("127.0.0.1:{}", proxy.port);
    let more = ["--proxy", &url, "--proxy-auth-file", &file];
    attempt("ws://x.example/", &more, &[]).unwrap();
    // Base64 of "me:h@sh".
    let request = "CONNECT x.example:80 HTTP/1.1 Basic bWU6aEBzaA==";
    assert_eq!(*seen.lock().unwrap(), [request]);
    // Not for an exception.
    let more = [&more[..], &["--no-proxy", "127.0.0.1"]].concat();
    attempt(&server.url(), &more, &[]).unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn the_proxy_of_the_environment_is_used_by_default() {
    let server = Server::echo();
    let (proxy, seen) = proxy(server.port);
    let variable = ("http_proxy", &*format!("me@127.0.0.1:{}", proxy.port));
    attempt("ws://x.example:81/", &[], &[variable]).unwrap();
    assert_eq!(*seen.lock().unwrap(), ["CONNECT x.example:81 HTTP/1.1 Basic bWU6"]);
    attempt(&server.url(), &["--no-proxy", "*"], &[variable]).unwrap();
    attempt(&server.url(), &[], &[variable, ("no_proxy", "127.0.0.1")]).unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
    let wrong = ("all_proxy", "ftp://hush");
    let error = attempt(&server.url(), &[], &[wrong]).unwrap_err();
    let text = "wsbeat: the environment variable all_proxy: the URL of the proxy must begin with \
                http://, https://, socks5:// or socks5h://; correct it, or use --no-proxy '*'";
    assert_eq!(error, text);
    attempt(&server.url(), &["--no-proxy", "*"], &[wrong]).unwrap();
}

#[test]
fn a_set_address_replaces_that_of_the_resolver() {
    let server = Server::echo();
    let url = format!("ws://x.invalid:{}/", server.port);
    let resolve = format!("X.invalid:{}:127.0.0.1", server.port);
    attempt(&url, &["--resolve", &resolve], &[]).unwrap();
    attempt(&url, &["--resolve", &resolve, "-4"], &[]).unwrap();
    let error = words(&url, &["--resolve", &resolve, "-6"]);
    let text = "the host has no IPv6 address, and IPv4 is not used; check the host, or leave -4 and \
                -6 out";
    assert_eq!(error, text);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_used_in_place_of_tcp() {
    use std::os::unix::net::UnixListener;

    // The path of a socket has at most some 100 bytes.
    let path = std::env::temp_dir().join(format!("wsbeat-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut peer = async_tungstenite::tungstenite::accept(stream).unwrap();
            while peer.read().is_ok() {}
        }
    });
    let path = path.to_str().unwrap();
    let opened = attempt("ws://x.example/", &["--unix", path], &[("all_proxy", NOBODY)]);
    std::fs::remove_file(path).unwrap();
    opened.unwrap();
    let error = words("ws://x.example/", &["--unix", path]);
    assert_eq!(
        error,
        format!("{path} does not exist; check the path, and whether the server runs")
    );
}

#[test]
fn redirects_are_followed_by_choice() {
    let server = Server::echo();
    let answer = format!("HTTP/1.1 307 Elsewhere\r\nLocation: {}\r\n\r\n", server.url());
    let redirecting = Server::refusing(Box::leak(answer.into_boxed_str()));
    attempt(&redirecting.url(), &["--redirects", "1"], &[]).unwrap();
    let error = words(&redirecting.url(), &[]);
    let text = format!(
        "the server answered the upgrade with HTTP status 307, a redirect to {}, which is not \
         followed: use that URL, or follow redirects (--redirects COUNT)",
        server.url()
    );
    assert_eq!(error, text);
}

/// A port of this machine on which no program listens.
const CLOSED: &str = "127.0.0.1:1 refuses the connection";

#[test]
fn each_failure_on_the_way_is_one_sentence_with_its_remedy() {
    let loop_ = Server::refusing("HTTP/1.1 302 Again\r\nLocation: /\r\n\r\n");
    let needs_credentials =
        Server::refusing("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n");
    let through = |server: &Server| format!("http://127.0.0.1:{}", server.port);
    let (proxy, x) = (through(&needs_credentials), "ws://x.example/");
    for (url, more, text) in [
        (
            NOBODY,
            &[][..],
            format!("{CLOSED}; check the host and the port, and whether the server runs"),
        ),
        (
            x,
            &["--resolve", "x.example:80:127.0.0.1,[::1]"],
            "all 2 addresses of the host fail: [::1]:80 ".to_owned(),
        ),
        ("ws://x.invalid/", &[], "the host x.invalid cannot be resolved (".to_owned()),
        (
            x,
            &["--proxy", "http://127.0.0.1:1"],
            format!(
                "the proxy http://127.0.0.1:1 cannot be reached ({CLOSED}); check --proxy or the variables of the \
                 environment, and whether the proxy runs"
            ),
        ),
        (
            x,
            &["--proxy", &proxy],
            format!(
                "the proxy {proxy} needs user and password; set them (--proxy-auth-file FILE)"
            ),
        ),
        (
            &loop_.url(),
            &["--redirects", "2"],
            "the upgrade was redirected more than 2 times in one attempt; allow more (--redirects COUNT)"
                .to_owned(),
        ),
    ] {
        let words = words(url, more);
        assert!(words.starts_with(&text), "{words}");
        // The longer ones end with a text of the system.
        assert!(text.ends_with([' ', '(']) || words == text, "{words}");
    }
}

#[test]
fn each_refusal_of_the_server_names_the_option_that_helps() {
    let said = "the server answered the upgrade with HTTP status";
    for (answer, text) in [
        (
            "HTTP/1.1 401 No\r\n\r\n",
            format!(
                "{said} 401 (the credentials are missing or not accepted); set credentials \
                 (--header-file FILE, --basic-auth-file FILE)"
            ),
        ),
        (
            "HTTP/1.1 403 No\r\n\r\n",
            format!(
                "{said} 403 (not allowed with these credentials or this Origin); set credentials \
                 (--header-file FILE) or an origin (-H 'Origin: URL')"
            ),
        ),
        (
            "HTTP/1.1 407 No\r\n\r\n",
            format!(
                "{said} 407 (a proxy requires credentials); set its credentials (--proxy URL, \
                 --proxy-auth-file FILE)"
            ),
        ),
        ("HTTP/1.1 404 No\r\n\r\n", format!("{said} 404 (there is no WebSocket at this path)")),
        ("SSH-2.0-x\r\n", "this port speaks SSH, not HTTP: check the host and the port".to_owned()),
    ] {
        assert_eq!(words(&Server::refusing(answer).url(), &[]), text);
    }
}

#[test]
fn an_answer_that_is_never_valid_ends_the_session() {
    let wrong_accept = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                        Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";
    for (server, more, words) in [
        (Server::refusing("SSH-2.0-x\r\n"), &[][..], "this port speaks SSH, not HTTP"),
        (Server::refusing(wrong_accept), &[], "the answer is from a cache, or from a server that"),
        (Server::echo(), &["--subprotocol", "v1"], "chose none of the offered subprotocols"),
    ] {
        let more = [&["--backoff", "1ms..1ms"], more].concat();
        let mut program = Program::json(&server.url(), &more);
        let closed = program.event("closed");
        let detail = closed["detail"].as_str().unwrap();
        assert_eq!(closed["reason"], "stopped");
        assert!(detail.starts_with("not worth another attempt: th"), "{detail}");
        assert!(detail.contains(words), "{detail}");
        assert_ne!(program.end(), 0);
        assert_eq!(program.events_named("connecting").len(), 3);
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for (more, text) in [
        (&["-4", "-6"][..], "--ipv4 contradicts --ipv6; leave one out"),
        (
            &["--unix", "/x", "--proxy", "http://x.example"],
            "--unix contradicts --proxy; leave one out",
        ),
        (&["--proxy-auth-file", "/x"], "another option has no effect without --proxy URL; add it"),
        (
            &["-6"],
            "the host of the URL is an IPv4 address, and -6 uses the other version; leave it out",
        ),
        (&["--redirects", "11"], "--redirects: the value must be a whole number from 0 to 10"),
        (
            &["--resolve", "x.example:443"],
            "--resolve: the value must be HOST:PORT:ADDRESS; write for example \
             example.org:443:192.0.2.7",
        ),
        (
            &["--no-proxy", "a/b"],
            "--no-proxy: \"a/b\" is not a server: write a domain, an address, a range such as \
             10.0.0.0/8, or *",
        ),
        (
            &["--proxy", "http://me:hu/sh@x.example"],
            "--proxy: the URL of a proxy ends after the port: percent-encode /, ? and # in user and \
             password; or use --proxy-auth-file FILE",
        ),
    ] {
        let mut program = Program::start(&[&["connect", NOBODY], more].concat());
        assert_eq!(program.end(), 2);
        assert_eq!(program.seen_err, [format!("wsbeat: {text}")]);
    }
}
