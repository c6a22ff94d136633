//! No secret is in any output, record or bucket.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_nats::jetstream;
use futures::{SinkExt, StreamExt};
use rustix::process::Signal;
use tokio::net::TcpListener;
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
    },
};

use crate::{
    bed::{skip::skip, time::wait_for},
    place::{LIMIT, Place, stored, wait_for_stored},
};

/// Each has this in it.
const PLANTED: &str = "Zx9planted";

/// An upstream that wants secrets, refuses each third attempt with them in the answer, and sends them in
/// messages. Returns its port, and what it was told.
async fn upstream() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = Arc::clone(&told);
    tokio::spawn(async move {
        let mut count = 0;
        while let Ok((stream, _)) = listener.accept().await {
            count += 1;
            let told = Arc::clone(&record);
            let refuses = count % 3 == 0;
            tokio::spawn(async move {
                #[allow(clippy::result_large_err, reason = "the server library wants this type")]
                let answer = |request: &Request, mut response: Response| {
                    let mut told = told.lock().expect("no panic");
                    told.push(format!("{} {:?}", request.uri(), request.headers()));
                    if refuses {
                        let body = Some(format!("who is {PLANTED}body?"));
                        let mut refusal = ErrorResponse::new(body);
                        *refusal.status_mut() = 503.try_into().expect("a status");
                        return Err(refusal);
                    }
                    let protocol = "v1".parse().expect("a value");
                    response.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
                    Ok(response)
                };
                let mut socket = accept_hdr_async(stream, answer).await.ok()?;
                let first = socket.next().await?.ok()?;
                told.lock().expect("no panic").push(first.to_string());
                for number in 0..5 {
                    let text =
                        format!("{{\"seq\":{count}{number},\"secret\":\"{PLANTED}payload\"}}");
                    socket.send(Message::text(text)).await.ok()?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                // Not a message of the protocol: the connection is broken.
                socket.send(Message::text("x".repeat(1_200_000) + PLANTED)).await.ok()?;
                tokio::time::sleep(Duration::from_millis(200)).await;
                Some(())
            });
        }
    });
    (port, told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_a_log_a_record_a_status_or_an_error() {
    let test = "no_secret_is_in_a_log_a_record_a_status_or_an_error";
    let server = format!("authorization {{ user: relay, password: {PLANTED}password }}");
    let place = match Place::start(&server).await {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    let (port, told) = upstream().await;
    let secrets = [
        ("password", "password".to_owned()),
        ("url", format!("ws://127.0.0.1:{port}/{PLANTED}path?token={PLANTED}query")),
        ("header", "Bearer Zx9plantedheader".to_owned()),
        ("open", format!("{{\"auth\":\"{PLANTED}open\"}}")),
    ];
    for (name, text) in &secrets {
        let text = if *name == "password" { format!("{PLANTED}{text}") } else { text.clone() };
        place.write(&format!("{name}.secret"), &text);
    }
    let file = |name: &str| {
        format!("{{ file = \"{}\" }}", place.path(&format!("{name}.secret")).display())
    };
    let nats = format!("user = \"relay\"\npassword = {}", file("password"));
    let subscription = |name: &str, lines: &str| {
        format!(
            "[[subscription]]\nname = \"{name}\"\nurl = {}\nheaders = {{ Authorization = {} }}\n\
             subprotocols = [\"v1\"]\nopen = [{}]\nid = {{ pointer = \"/seq\" }}\ncommands = true\n{lines}\n",
            file("url"),
            file("header"),
            file("open")
        )
    };
    let tables = subscription("over", "")
        + &subscription(
            "only",
            "kind = \"exclusive\"\nheartbeat = { interval = \"1s\", text = \"Zx9plantedbeat\" }",
        );
    place.configure("a", &nats, &tables);
    let mut outputs = vec![place.done("a", &["check"]).await, place.done("a", &["init"]).await];
    let mut command = place.program("a", &["run"]);
    // As detailed as it can be.
    command.env("RUST_LOG", "trace");
    let mut worker = place.worker_by("a", &mut command);
    let options = async_nats::ConnectOptions::with_user_and_password(
        "relay".into(),
        format!("{PLANTED}password"),
    );
    let context = place.client(options).await;
    // The second connection of one of them.
    wait_for_stored(&context, "wsb.bed.in.over", 6).await;
    wait_for_stored(&context, "wsb.bed.in.only", 1).await;
    wait_for("a loss, and a skipped message", LIMIT, || async {
        let records = stored(&context, "wsb.bed.ev.over").await;
        let has = |kind| records.iter().any(|record| record.header("Wsb-Record") == kind);
        (has("lost") && has("skipped")).then_some(())
    })
    .await;
    for arguments in [
        &["send", "over", "Zx9plantedcommand", "--timeout", "5"][..],
        &["status"],
        &["status", "--json"],
        &["apply"],
        &["init", "--permissions"],
    ] {
        let outcome = place.run("a", arguments).await;
        outputs.extend([outcome.out, outcome.error]);
    }
    // A secret that is suddenly wrong.
    place.write("url.secret", &format!("http://{PLANTED}wrong"));
    place.write("header.secret", &format!("{PLANTED}\nwrong"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    worker.signal(Signal::TERM);
    worker.end(LIMIT).await;
    outputs.push(worker.output());
    for arguments in [&["tail", "over"][..], &["tail", "only"]] {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--from", "1h", "--no-follow"]);
        let records = place.done("a", &arguments).await;
        // Messages of the upstream are what is asked for.
        let records = records.lines().filter(|line| !line.contains("{\"seq\":"));
        outputs.extend(records.map(str::to_owned));
    }
    for output in &outputs {
        let line = output.lines().find(|line| line.contains(PLANTED));
        assert_eq!(line, None, "a secret is shown");
    }
    for record in stored(&context, "wsb.bed.ev.*").await {
        let text = format!("{:?} {:?}", record.headers, record.payload);
        assert!(!text.contains(PLANTED), "{text}");
    }
    buckets_have_none(&context).await;
    // The upstream got them all.
    let told = told.lock().expect("no panic").join("\n");
    for secret in ["query", "path", "header", "open"] {
        assert!(told.contains(&format!("{PLANTED}{secret}")), "no {secret} in {told}");
    }
}

async fn buckets_have_none(context: &jetstream::Context) {
    for bucket in ["lease", "ckpt", "dial", "spec"] {
        let store = context.get_key_value(format!("wsb_bed_{bucket}")).await.expect("it exists");
        let keys: Vec<_> = store.keys().await.expect("keys").collect().await;
        for key in keys {
            let key = key.expect("a key");
            let value = store.get(&key).await.expect("a value").unwrap_or_default();
            let text = String::from_utf8_lossy(&value);
            // The text of a heartbeat is written in the configuration, which is no place for secrets.
            let text = text.replace("Zx9plantedbeat", "");
            assert!(!text.contains(PLANTED), "{bucket} {key}: {text}");
        }
    }
}
