//! `wsbeat serve`, with tungstenite's client and with `wsbeat connect`.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use async_tungstenite::tungstenite::{self, Message, WebSocket, client};
#[cfg(target_os = "linux")]
use rustix::net::sockopt::set_socket_linger;

use crate::program::{Program, TIME_LIMIT};

/// A running server.
struct Served {
    program: Program,
    url: String,
}

fn serve(args: &[&str]) -> Served {
    let mut program = Program::start(&[&["serve"], args].concat());
    let url = program.line().unwrap();
    Served { program, url }
}

impl Served {
    fn address(&self) -> &str {
        self.url.trim_start_matches("ws://").trim_end_matches('/')
    }

    fn stream(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        stream
    }

    /// The server ends when it is dropped.
    fn client_of(self) -> (Self, WebSocket<TcpStream>) {
        let client = self.client();
        (self, client)
    }

    fn client(&self) -> WebSocket<TcpStream> {
        client(self.url.as_str(), self.stream()).unwrap().0
    }

    /// Sends a command by HTTP, and waits until it is applied.
    fn command(&self, path: &str) {
        let mut stream = self.stream();
        write!(stream, "POST {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }
}

/// Sends a text and returns the next message.
fn ask(client: &mut WebSocket<TcpStream>, text: &str) -> Result<Message, tungstenite::Error> {
    client.send(Message::text(text))?;
    client.read()
}

/// Asserts that nothing arrives, and that TCP stays open. The wait cannot fail on a slow machine.
fn assert_silent(client: &mut WebSocket<TcpStream>) {
    client.get_ref().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let silent = |error: &std::io::Error| {
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
    };
    match client.read() {
        Err(tungstenite::Error::Io(error)) if silent(&error) => {}
        other => panic!("{other:?}"),
    }
    client.get_ref().set_read_timeout(Some(TIME_LIMIT)).unwrap();
}

#[test]
fn messages_are_echoed_and_pings_are_answered() {
    let served = serve(&["--prefix", "re: "]);
    let mut client = served.client();
    assert_eq!(ask(&mut client, "hello").unwrap(), Message::text("re: hello"));
    client.send(Message::binary(vec![0, 255])).unwrap();
    assert_eq!(client.read().unwrap(), Message::binary(vec![0, 255]));
    client.send(Message::Ping("p".into())).unwrap();
    assert_eq!(client.read().unwrap(), Message::Pong("p".into()));
    client.close(None).unwrap();
    while client.read().is_ok() {}
    let mut program = served.program;
    program.await_err("connection 1: open");
    program.await_err("connection 1: closed");
}

#[test]
fn ticks_are_sent_in_an_interval() {
    let (_served, mut client) = serve(&["--tick", "10ms", "--no-echo"]).client_of();
    client.send(Message::text("not echoed")).unwrap();
    for number in 1..4 {
        assert_eq!(client.read().unwrap(), Message::text(format!("tick {number}")));
    }
}

#[test]
fn a_server_becomes_silent_after_a_number_of_messages() {
    let (_served, mut client) = serve(&["--silent-after", "2"]).client_of();
    assert_eq!(ask(&mut client, "1").unwrap(), Message::text("1"));
    assert_eq!(ask(&mut client, "2").unwrap(), Message::text("2"));
    client.send(Message::text("3")).unwrap();
    assert_silent(&mut client);
    let (_served, mut client) = serve(&["--half-open"]).client_of();
    client.send(Message::text("1")).unwrap();
    assert_silent(&mut client);
}

#[cfg(target_os = "linux")]
#[test]
fn the_connection_of_a_client_that_has_left_is_closed() {
    for fault in ["--half-open", "--stall-upgrade"] {
        let mut served = serve(&[fault]);
        let files = format!("/proc/{}/fd", served.program.child.id());
        let open_files = || std::fs::read_dir(&files).unwrap().count();
        let before = open_files();
        let request = "GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\nunread";
        let clients: Vec<_> = (0..20)
            .map(|_| {
                let mut client = served.stream();
                client.write_all(request.as_bytes()).unwrap();
                set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
                client
            })
            .collect();
        for connection in 1..=clients.len() {
            let line = served.program.err_line().unwrap();
            assert!(!line.contains("left"), "{connection}: {line}");
        }
        assert_eq!(open_files(), before + clients.len());
        drop(clients);
        let mut left = 0;
        while left < 20 {
            left += usize::from(served.program.err_line().unwrap().contains("the client has left"));
        }
        assert_eq!(open_files(), before, "{fault}");
    }
}

#[test]
fn tcp_ends_at_every_message_of_a_number() {
    let (_served, mut client) = serve(&["--drop-every", "2"]).client_of();
    assert_eq!(ask(&mut client, "1").unwrap(), Message::text("1"));
    assert!(ask(&mut client, "2").is_err());
}

#[test]
fn the_first_upgrades_are_refused() {
    let served = serve(&["--refuse", "503", "--retry-after", "1s", "--faulty", "1"]);
    let mut program = Program::json(&served.url, &["--ping-timeout", "100ms"]);
    let lost = program.event("lost");
    assert_eq!((&lost["status"], &lost["retry_after_ms"]), (&503.into(), &1000.into()));
    assert_eq!(program.event("open")["connection"], 2);
    program.signal("-TERM");
    program.end();
}

#[test]
fn a_close_frame_has_the_code_and_the_reason() {
    let served = serve(&["--close", "4001:enough", "--close-after", "1"]);
    let mut client = served.client();
    assert_eq!(ask(&mut client, "1").unwrap(), Message::text("1"));
    let Message::Close(Some(frame)) = client.read().unwrap() else { panic!("it is a close frame") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4001, "enough"));
}

#[test]
fn early_data_is_in_the_packet_of_the_answer() {
    let served = serve(&["--early-data", "hello", "--subprotocol", "v2"]);
    let mut stream = served.stream();
    let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Protocol: v1, v2\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut buffer = [0; 4096];
    let count = stream.read(&mut buffer).unwrap();
    let answer = String::from_utf8_lossy(&buffer[..count]);
    // The example of RFC 6455 section 1.3.
    assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    assert!(answer.contains("Sec-WebSocket-Protocol: v2\r\n"), "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");
}

#[test]
fn tcp_ends_after_idle_time_and_at_an_age() {
    for limit in ["--idle-limit", "--age-limit"] {
        let served = serve(&[limit, "50ms"]);
        assert!(served.client().read().is_err());
        let mut program = served.program;
        program.await_err(&format!("connection 1: ended by {limit}"));
    }
}

#[test]
fn an_upgrade_can_stay_without_an_answer() {
    let served = serve(&["--stall-upgrade"]);
    let mut program =
        Program::json(&served.url, &["--connect-timeout", "100ms", "--repeat-limit", "0"]);
    assert_eq!(program.event("lost")["cause"], "connect_timeout");
    program.end();
}

#[test]
fn commands_arrive_by_http() {
    let served = serve(&["--control", "--restart-time", "0s"]);
    let mut client = served.client();
    assert_eq!(ask(&mut client, "1").unwrap(), Message::text("1"));
    served.command("/silence");
    client.send(Message::text("2")).unwrap();
    assert_silent(&mut client);
    let mut later = served.client();
    later.send(Message::text("3")).unwrap();
    assert_silent(&mut later);
    served.command("/answer");
    assert_eq!(later.read().unwrap(), Message::text("3"));
    assert_eq!(client.read().unwrap(), Message::text("2"));
    served.command("/close");
    assert!(matches!(client.read().unwrap(), Message::Close(Some(_))));
    for command in ["/cut", "/restart"] {
        let mut client = served.client();
        assert_eq!(ask(&mut client, "1").unwrap(), Message::text("1"));
        served.command(command);
        assert!(client.read().is_err());
    }
    let mut program = Program::json(&served.url, &[]);
    program.event("open");
}

#[test]
fn other_requests_get_an_answer() {
    let served = serve(&[]);
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 426 "),
        ("POST /cut HTTP/1.1\r\n\r\n", "HTTP/1.1 426 "),
        ("hello\r\n\r\n", "HTTP/1.1 400 "),
    ] {
        let mut stream = served.stream();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(status), "{answer}");
    }
}

#[test]
fn a_port_in_use_is_refused_with_the_remedy() {
    let served = serve(&[]);
    let mut second = Program::start(&["serve", served.address()]);
    assert_eq!(second.end(), 1);
    let message = format!(
        "wsbeat: the server cannot listen at {}: another program uses it; choose another port, or 0",
        served.address()
    );
    assert_eq!(second.seen_err, [message]);
}

#[test]
fn a_client_that_always_sends_does_not_stop_the_others() {
    let served = serve(&["--no-echo", "--age-limit", "2s", "--tick", "10ms"]);
    let mut flood = served.client();
    let ended = std::thread::spawn(move || {
        // Empty messages, so that reading them takes longer than writing them.
        let frames = [0x81, 0x80, 0, 0, 0, 0].repeat(10_000);
        while flood.get_mut().write_all(&frames).is_ok() {}
    });
    for _ in 0..20 {
        assert!(served.client().read().unwrap().is_text());
    }
    ended.join().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn too_many_clients_do_not_stop_the_others() {
    let (mut served, mut client) = serve(&[]).client_of();
    served.program.limit_files(20);
    let waiting: Vec<_> = (0..40).map(|_| served.stream()).collect();
    served.program.await_err("a client cannot be accepted");
    for _ in 0..100 {
        assert_eq!(ask(&mut client, "hello").unwrap(), Message::text("hello"));
    }
    drop(waiting);
    assert_eq!(ask(&mut served.client(), "hello").unwrap(), Message::text("hello"));
}
