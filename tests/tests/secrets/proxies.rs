//! Proxies that repeat credentials.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use websocket_heartbeat_tests::{Backend, read_request};
use websocket_heartbeat_tungstenite::{
    Dialer,
    proxy::{Proxies, Proxy},
};

use crate::{
    echo::{forms, refused},
    output::Output,
    planted::{HEADER, OF_PROXY, OF_REQUEST, PROXY_PASSWORD, PROXY_USER, percent_encoded},
    refusals::dialer,
    server::{self, Received, request},
};

/// The answers of a proxy with a text of the request.
const ANSWERS: [fn(&str) -> String; 5] = [
    |form| refused(&format!("403 {form}"), "", form),
    |form| refused(&format!("407 {form}"), &format!("Proxy-Authenticate: {form}\r\n"), form),
    |form| refused("401 No", &format!("Proxy-Authenticate: Bearer {form}\r\n"), form),
    |form| format!("{form}\r\n\r\n"),
    |form| format!("HTTP/1.1 {form}\r\n\r\n"),
];

fn credentials() -> String {
    format!("{}:{}", PROXY_USER.1, percent_encoded(PROXY_PASSWORD.1))
}

/// The dialer through a proxy, which is printed in all its parts.
fn through(output: &Arc<Mutex<Output>>, proxy: &Proxy) -> Dialer {
    let proxies = Proxies::all(proxy.clone()).except("10.0.0.0/8").expect("exceptions");
    let dialer = dialer(output).proxy(proxies.clone());
    let mut shown = output.lock().expect("no panic");
    shown.both(proxy);
    shown.debug(proxies);
    shown.debug(&dialer);
    dialer
}

async fn fail<B: Backend>(output: &Arc<Mutex<Output>>, dialer: &Dialer) {
    let request = request("ws", "server.invalid");
    let error = B::dial_by(dialer, &request).await.map(drop).expect_err("a failure");
    output.lock().expect("no panic").transport_error(&error);
}

pub(crate) async fn an_http_proxy_that_repeats_secrets_reveals_none<B: Backend>() {
    let (address, received) = server::start(|number, head, mut stream| {
        let forms = forms(head);
        let answer = ANSWERS.get(number / forms.len());
        let form = &forms[number % forms.len()];
        let answer = answer.map_or_else(
            || {
                // The tunnel, and then the answer of the server.
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("sent");
                read_request(&mut stream).expect("an upgrade");
                refused("403 No", "", &format!("no {form}"))
            },
            |answer| answer(form),
        );
        let _ = stream.write_all(answer.as_bytes());
    });
    let output = Arc::new(Mutex::new(Output::new()));
    let proxy = Proxy::new(&format!("http://{}@{address}", credentials())).expect("a URL");
    let proxy = proxy.header("X-Api-Key", HEADER.1).expect("a field");
    let dialer = through(&output, &proxy);
    // As many attempts as there are answers with each form.
    fail::<B>(&output, &dialer).await;
    let forms = forms(&received.all());
    for _ in 1..(ANSWERS.len() + 1) * forms.len() {
        fail::<B>(&output, &dialer).await;
    }
    for (name, secret) in OF_PROXY {
        assert!(forms.iter().any(|form| form.contains(secret)), "{name}: {forms:?}");
    }
    for wrong in [
        format!("http://{}@", credentials()),
        format!("http://{}@host name", credentials()),
        format!("http://{}@host:x", credentials()),
        format!("http://{}@host/{}", credentials(), PROXY_PASSWORD.1),
        format!("{}://host", PROXY_PASSWORD.1),
        format!("http://{}%2@host", credentials()),
    ] {
        output.lock().expect("no panic").error(&Proxy::new(&wrong).expect_err("a wrong URL"));
    }
    let wrong = proxy.header(PROXY_PASSWORD.1, "").expect_err("a wrong field");
    output.lock().expect("no panic").error(&wrong);
    output.lock().expect("no panic").assert_hidden(&[&OF_PROXY[..], &OF_REQUEST].concat());
}

/// Reads the credentials of a client of SOCKS5 (RFC 1929).
fn read_credentials(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut exact = |count: usize| {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    let user = exact(2)?;
    let user = exact(user[1].into())?;
    let password = exact(1)?;
    let password = exact(password[0].into())?;
    Ok(String::from_utf8_lossy(&[user, password].concat()).into_owned())
}

pub(crate) async fn a_socks_proxy_reveals_no_password<B: Backend>() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    let received = Received::default();
    let credentials_of_clients = received.clone();
    thread::spawn(move || {
        for (number, mut stream) in listener.incoming().flatten().enumerate() {
            let mut greeting = [0; 3];
            let _ = stream.read_exact(&mut greeting[..2]);
            let _ = stream.read_exact(&mut vec![0; greeting[1].into()]);
            let _ = stream.write_all(b"\x05\x02");
            let Ok(credentials) = read_credentials(&mut stream) else { continue };
            credentials_of_clients.push(&*credentials);
            // The credentials are refused, or repeated in place of an answer.
            let _ = match number {
                0 => stream.write_all(b"\x01\x01"),
                _ => stream.write_all(&[&b"\x01\x00"[..], credentials.as_bytes()].concat()),
            };
        }
    });
    let output = Arc::new(Mutex::new(Output::new()));
    let proxy = Proxy::new(&format!("socks5h://{}@{address}", credentials())).expect("a URL");
    let dialer = through(&output, &proxy);
    for _ in 0..2 {
        fail::<B>(&output, &dialer).await;
    }
    for (name, secret) in OF_PROXY {
        assert!(received.all().contains(secret), "{name}");
    }
    output.lock().expect("no panic").assert_hidden(&[&OF_PROXY[..], &OF_REQUEST].concat());
}
