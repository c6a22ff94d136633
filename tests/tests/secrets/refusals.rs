//! Servers that refuse an upgrade and repeat its secrets.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::FutureExt;
use websocket_heartbeat::{
    Builder, Constant, Event, LostCause, Preset, Supervisor, Transport, TransportError, Verdict,
    transport_fn,
};
use websocket_heartbeat_tests::{Backend, accept_key};
use websocket_heartbeat_tungstenite::{Dialer, Request};

use crate::{
    echo::{REFUSALS, forms, redirect, refused},
    output::Output,
    planted::{OF_REQUEST, assert_absent},
    server::{self, request},
};

/// A session that tries again after each refusal.
pub(crate) fn session<B: Backend>(
    dialer: &Dialer,
    request: &Request,
) -> Builder<impl Transport + 'static, B::Timer> {
    let (dialer, request) = (dialer.clone(), request.clone());
    let transport = transport_fn(move |_| {
        let (dialer, request) = (dialer.clone(), request.clone());
        async move { B::dial_by(&dialer, &request).await }.boxed_local()
    });
    Supervisor::builder(transport, B::timer())
        .preset(Preset::Resilient)
        .backoff(Constant::new(Duration::from_millis(1)))
        .minimum_gap(Duration::from_millis(1))
        .verdict(|_| Verdict::Retry)
}

/// A dialer that prints its steps.
pub(crate) fn dialer(output: &Arc<Mutex<Output>>) -> Dialer {
    let output = output.clone();
    Dialer::new().on_step(move |step| output.lock().expect("no panic").both(step))
}

pub(crate) async fn a_server_that_repeats_secrets_in_refusals_reveals_none<B: Backend>() {
    let (address, received) = server::start(|number, head, mut stream| {
        let forms = forms(head);
        if let Some(answer) = REFUSALS.get(number / forms.len()) {
            let answer = answer(&forms[number % forms.len()], &accept_key(head));
            // Fails when the client has given up.
            let _ = stream.write_all(answer.as_bytes());
        } else {
            server::accept(head, &mut stream, "");
        }
    });
    let output = Arc::new(Mutex::new(Output::new()));
    let shown = || output.lock().expect("no panic");
    let (dialer, request) = (dialer(&output), request("ws", address));
    shown().both(&request);
    shown().debug(&dialer);
    shown().debug(B::connect(request.clone()));
    let builder = session::<B>(&dialer, &request);
    shown().debug(&builder);
    let mut session = builder.build().expect("valid settings");
    let handle = session.handle();
    let (mut refusals, mut answers) = (0, Vec::new());
    loop {
        let event = session.next().await.expect("no end");
        shown().event(&event);
        match &event {
            Event::Lost(lost) => {
                shown().status(&handle.status());
                let LostCause::Connect(error) = &lost.cause else { panic!("{lost:?}") };
                refusals += 1;
                answers.push(answer_of(error));
            }
            Event::Open(_) => break,
            _ => {}
        }
    }
    shown().debug(&session);
    shown().debug(&handle);
    handle.abort();
    while let Some(event) = session.next().await {
        shown().event(&event);
    }
    shown().status(&handle.status());
    // The server had each secret, and the client got each in answers.
    let first = received.all();
    let forms = forms(first.split("\r\n\r\n").next().expect("a request"));
    assert_eq!(refusals, REFUSALS.len() * forms.len());
    let answers = answers.concat();
    for (name, secret) in OF_REQUEST {
        assert!(forms.iter().any(|form| form.contains(secret)), "{name}: {forms:?}");
        assert!(answers.contains(secret), "{name}: {answers}");
    }
    shown().assert_hidden(&OF_REQUEST);
    // The selected subprotocol is a part of the records.
    assert_absent(shown().json(), &OF_REQUEST[..6]);
}

/// The answer as the client got it.
fn answer_of(error: &TransportError) -> String {
    let Some(answer) = error.http_answer() else { return String::new() };
    let values = answer.headers.iter().map(|(_, value)| String::from_utf8_lossy(value));
    format!("{}{}\n", String::from_utf8_lossy(&answer.body), values.collect::<String>())
}

/// The second server knows the secrets of the first request, for example since it is the same one.
pub(crate) async fn secrets_stay_hidden_after_a_redirect<B: Backend>() {
    let first = Arc::new(Mutex::new(Vec::new()));
    let known = first.clone();
    let (other, _) = server::start(move |number, _, mut stream| {
        let form: String = {
            let known: std::sync::MutexGuard<'_, Vec<String>> = known.lock().expect("no panic");
            known[number % known.len()].clone()
        };
        let _ = stream.write_all(refused("403 No", "", &format!("not {form}")).as_bytes());
    });
    let (address, received) = server::start(move |number, head, mut stream| {
        let mut known = first.lock().expect("no panic");
        if known.is_empty() {
            *known = forms(head);
        }
        // Every other redirect is to this server.
        let answer = match number % 3 {
            0 => redirect(&format!("http://{other}/elsewhere")),
            1 => redirect("/elsewhere"),
            _ => refused("403 No", "", &format!("not {}", known[number / 3 % known.len()])),
        };
        let _ = stream.write_all(answer.as_bytes());
    });
    let output = Arc::new(Mutex::new(Output::new()));
    let (dialer, request) = (dialer(&output).redirects(2), request("ws", address));
    let mut answers = String::new();
    for _ in 0..40 {
        let error = B::dial_by(&dialer, &request).await.map(drop).expect_err("a refusal");
        output.lock().expect("no panic").transport_error(&error);
        answers += &answer_of(&error);
    }
    assert!(received.all().contains("GET /elsewhere"));
    for (name, secret) in OF_REQUEST {
        assert!(answers.contains(secret), "{name}: {answers}");
    }
    let output = output.lock().expect("no panic");
    output.assert_hidden(&OF_REQUEST);
}
