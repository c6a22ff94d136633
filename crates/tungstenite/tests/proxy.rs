//! SOCKS5 by address: this machine resolves the host, and the proxy is asked for each address.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use async_net::TcpStream as Socket;
use futures::executor::block_on;
use websocket_heartbeat::{ErrorKind, FuturesTimer, TransportError};
use websocket_heartbeat_tungstenite::{
    Dialer, Network, Request, SocketOptions, Target, proxy::Proxy,
};

/// The server has three addresses, which only a proxy reaches.
struct Resolver;

impl Network for Resolver {
    type Stream = Socket;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(match host.parse() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => [1, 2, 3].map(|last| ([192, 0, 2, last], port).into()).into(),
        })
    }

    async fn open(&self, target: Target, _: &SocketOptions) -> io::Result<Socket> {
        Socket::connect(target.tcp()?).await
    }
}

/// The last bytes of the addresses that a proxy was asked for.
type Asked = Arc<Mutex<Vec<u8>>>;

/// A SOCKS5 proxy that gives these answers to its next clients, one each. A client whose answer is a
/// success finds a WebSocket server.
fn proxy(answers: &[&'static [u8]]) -> (Proxy, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("socks5://{}", listener.local_addr().unwrap());
    let answers = answers.to_vec();
    let asked = Asked::default();
    let record = asked.clone();
    thread::spawn(move || {
        let mut open = Vec::new();
        for answer in answers {
            let mut stream = listener.accept().unwrap().0;
            record.lock().unwrap().push(request(&mut stream));
            stream.write_all(answer).unwrap();
            if answer == SUCCESS {
                open.push(tungstenite::accept(stream).unwrap());
            }
        }
    });
    (Proxy::new(&url).unwrap(), asked)
}

const SUCCESS: &[u8] = b"\x05\x00\x00\x01\0\0\0\0\0\0";
const UNREACHABLE: &[u8] = b"\x05\x04";

/// Reads a greeting and a request for an IPv4 address. Returns its last byte.
fn request(stream: &mut TcpStream) -> u8 {
    stream.read_exact(&mut [0; 3]).unwrap();
    stream.write_all(b"\x05\x00").unwrap();
    let mut request = [0; 10];
    stream.read_exact(&mut request).unwrap();
    assert_eq!(request[..7], *b"\x05\x01\x00\x01\xc0\x00\x02");
    request[7]
}

fn dial(dialer: &Dialer) -> Result<(), TransportError> {
    let request = Request::new("ws://server.example").unwrap();
    block_on(dialer.dial(&request, &Resolver, &FuturesTimer::new())).map(drop)
}

#[test]
fn a_socks5_proxy_is_asked_for_each_address_of_the_server() {
    let (proxy, asked) = proxy(&[UNREACHABLE, SUCCESS, SUCCESS]);
    let dialer = Dialer::new().proxy(proxy);
    dial(&dialer).unwrap();
    // The next attempt begins with the address that worked.
    dial(&dialer).unwrap();
    assert_eq!(*asked.lock().unwrap(), [1, 2, 2]);
}

#[test]
fn a_socks5_proxy_that_reaches_no_address_is_reported() {
    let (proxy, asked) = proxy(&[UNREACHABLE; 3]);
    let error = dial(&Dialer::new().proxy(proxy)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Proxy);
    let words = ": the proxy cannot reach the server (SOCKS5 reply 4)";
    assert!(error.to_string().ends_with(words), "{error}");
    assert_eq!(*asked.lock().unwrap(), [1, 2, 3]);
}

#[test]
fn a_broken_socks5_proxy_is_not_asked_for_other_addresses() {
    let (proxy, asked) = proxy(&[b"HTTP/1.1 400 Bad Request"]);
    let error = dial(&Dialer::new().proxy(proxy)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Proxy);
    assert_eq!(*asked.lock().unwrap(), [1]);
}
