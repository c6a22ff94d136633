//! What is wanted, live changes of it, and the short commands.

use std::{net::Ipv4Addr, process::Stdio, time::Duration};

use tokio_tungstenite::tungstenite::Message;
use wsbeat_relay::demo::upstream::Upstream;

use crate::{
    bed::{
        skip::skip,
        time::{secs, sleep, wait_for},
    },
    place::{LIMIT, Place, says, wait_for_stored},
    script::Script,
};

fn table(name: &str, url: &str, lines: &str) -> String {
    format!(
        "[[subscription]]\nname = \"{name}\"\nurl = \"{url}\"\nid = {{ pointer = \"/seq\" }}\n{lines}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wishes_change_while_workers_run_and_a_broken_one_changes_nothing() {
    let test = "wishes_change_while_workers_run_and_a_broken_one_changes_nothing";
    let place = match Place::start("").await {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    let upstream = Upstream::start((Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port");
    let url = |name: &str| upstream.url(&format!("/feed/{name}?rate=20"));
    place.configure("a", "", &table("x", &url("x"), ""));
    let done = place.done("a", &["init"]).await;
    assert!(done.contains("subscriptions: 1 written, 0 unchanged, 0 removed"), "{done}");
    let worker = place.worker("a");
    let context = place.admin().await;
    wait_for_stored(&context, "wsb.bed.in.x", 1).await;

    // Another one.
    place.configure("a", "", &table("y", &url("y"), ""));
    let done = place.done("a", &["apply"]).await;
    assert!(done.contains("subscriptions: 1 written, 0 unchanged, 0 removed"), "{done}");
    assert!(done.contains("1 others stay"), "{done}");
    let done = place.done("a", &["apply"]).await;
    assert!(done.contains("subscriptions: 0 written, 1 unchanged, 0 removed"), "{done}");
    wait_for_stored(&context, "wsb.bed.in.y", 1).await;

    // Records that are no subscription: the worker says so, and everything runs on as it was.
    let bucket = context.get_key_value("wsb_bed_spec").await.expect("it exists");
    let broken: [(&str, &str, &str); 5] = [
        ("y", "{no json Zx9-planted", "no JSON"),
        ("z1", "[]", "z1"),
        ("z2", "{\"name\":\"other\",\"url\":\"ws://127.0.0.1:1/\",\"id\":\"hash\"}", "its name is"),
        ("z.3", "{\"name\":\"z.3\",\"url\":\"ws://127.0.0.1:1/\",\"id\":\"hash\"}", "z.3"),
        ("z4", "{\"name\":\"z4\",\"url\":\"Zx9-planted\",\"id\":\"hash\"}", "z4"),
    ];
    for (key, value, words) in broken {
        bucket.put(key, value.into()).await.expect("it is stored");
        says(&worker, words).await;
    }
    let before = upstream.report("y").highest;
    wait_for("later messages", LIMIT, || async {
        let stored = wait_for_stored(&context, "wsb.bed.in.y", 1).await;
        (stored.last()?.json()["seq"].as_u64()? > before).then_some(())
    })
    .await;
    let output = worker.output();
    assert!(!output.contains("Zx9-planted"), "a value is shown: {output}");
    let status = place.done("a", &["status"]).await;
    for line in ["x\toverlap\ta", "y\tinvalid", "z1\tinvalid", "z.3\tinvalid"] {
        assert!(status.contains(line), "no {line:?} in {status}");
    }

    // Only those of the file remain.
    let done = place.done("a", &["apply", "--prune"]).await;
    assert!(done.contains("subscriptions: 1 written, 0 unchanged, 5 removed"), "{done}");
    wait_for("end of x", LIMIT, || async { (upstream.open() == 1).then_some(()) }).await;
    let status = place.done("a", &["status", "--json"]).await;
    let lines: Vec<serde_json::Value> =
        status.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1, "{status}");
    assert_eq!(lines[0]["owners"][0]["worker"], "a");

    // The status needs no worker.
    drop(worker);
    sleep(secs(7)).await;
    let status = place.done("a", &["status"]).await;
    assert!(status.contains("a silent (renewed "), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_reach_the_upstream_or_say_why_not() {
    let test = "commands_reach_the_upstream_or_say_why_not";
    let place = match Place::start("").await {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    let pause = Duration::from_millis(100);
    let messages = (1..=2_000).map(|number| Message::text(format!("{{\"seq\":{number}}}")));
    let script = Script::start(messages.collect(), pause).await;
    let tables = table("x", &script.url(), "commands = true") + &table("y", &script.url(), "");
    place.configure("a", "", &tables);
    place.done("a", &["init"]).await;
    // Nobody owns it yet: the command waits.
    let early = place.run("a", &["send", "x", "early", "--timeout", "1"]).await;
    early.assert_failed(1, &["no fate within 1 s"]);
    let _worker = place.worker("a");
    let fate = place.done("a", &["send", "x", "hello"]).await;
    assert!(fate.contains("\"written\""), "{fate}");
    wait_for("commands", LIMIT, || async {
        (script.received() == ["early", "hello"]).then_some(())
    })
    .await;
    let refused = place.run("a", &["send", "y", "hello"]).await;
    refused.assert_failed(1, &["`y` takes no commands"]);
    let unknown = place.run("a", &["send", "z", "hello"]).await;
    unknown.assert_failed(1, &["no subscription `z`"]);
    let queue = place.admin().await.get_stream("WSBC_bed").await.expect("it exists");
    assert_eq!(queue.cached_info().state.messages, 0, "no command stays in the queue");
    let unknown = place.run("a", &["drain", "nobody"]).await;
    unknown.assert_failed(1, &["`nobody` does not answer"]);

    // The reader of `tail` goes away.
    let mut tail = place.program("a", &["tail", "x", "--from", "1h"]);
    let mut tail = tail.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(tail.stdout.take());
    let status = wait_for("end of tail", LIMIT, || {
        let status = tail.try_wait().expect("a child");
        async move { status }
    })
    .await;
    assert!(status.success(), "{status}");
    let mut error = String::new();
    std::io::Read::read_to_string(&mut tail.stderr.take().expect("piped"), &mut error)
        .expect("text");
    assert_eq!(error, "");
    let unknown = place.program("a", &["tail", "nobody", "--from", "1h"]);
    let mut unknown = place.worker_by("tail", &mut { unknown });
    says(&unknown, "no subscription `nobody`").await;
    unknown.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_explains_mistakes_by_line_and_missing_secrets_as_warnings() {
    let place = match Place::new() {
        Ok(place) => place,
        Err(reason) => {
            return skip(
                "check_explains_mistakes_by_line_and_missing_secrets_as_warnings",
                &reason,
            );
        }
    };
    place.configure(
        "a",
        "token = { file = \"missing\" }",
        &table("x", "ws://127.0.0.1:1/", "headers = { A = { env = \"NOBODY_SETS_IT\" } }"),
    );
    let fine = place.run("a", &["check"]).await;
    assert_eq!(fine.code, Some(0), "{fine:?}");
    for text in ["a.toml:4:", "missing", "NOBODY_SETS_IT"] {
        assert!(fine.error.contains(text), "no {text:?} in {fine:?}");
    }
    assert!(fine.out.contains("1 subscriptions, no mistakes"), "{fine:?}");
    place.write(
        "b.toml",
        "[nats]\nservers = [\"nats://u:Zx9-planted@h:4222\"]\n[fleet]\nblock = 1\n",
    );
    let wrong = place.run("a", &["check", "b.toml"]).await;
    wrong.assert_failed(2, &["b.toml:2:12", "b.toml:4:1", "did you mean `blocks`"]);
    assert!(!wrong.error.contains("Zx9-planted"), "{wrong:?}");
    place.run("a", &["check", "none.toml"]).await.assert_failed(2, &["none.toml: No such file"]);
    place.run("none", &["run"]).await.assert_failed(2, &["none.toml: No such file"]);
    place.run("a", &["tail", "x", "--from", "yesterday"]).await.assert_failed(2, &["30s, 10m"]);
}
