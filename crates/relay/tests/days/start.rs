//! What stops a worker at its start, and what does not.

use std::{net::Ipv4Addr, process::Command, time::Duration};

use async_nats::jetstream::{self, stream::Config};
use rustix::process::Signal;
use wsbeat_relay::demo::upstream::Upstream;

use crate::{
    bed::{
        account::Account,
        fleet::Fleet,
        skip::skip,
        time::{secs, wait_for},
    },
    place::{LIMIT, Place, says, wait_for_stored},
};

/// A change of the settings of a stream.
type Edit = fn(&mut Config);

async fn upstream() -> Upstream {
    Upstream::start((Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port")
}

/// A table of an overlapping subscription.
fn subscription(name: &str, upstream: &Upstream) -> String {
    let url = upstream.url(&format!("/feed/{name}?rate=20"));
    format!("[[subscription]]\nname = \"{name}\"\nurl = \"{url}\"\nid = {{ pointer = \"/seq\" }}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_waits_for_the_servers_and_refuses_a_fleet_that_is_not_made() {
    let test = "a_worker_waits_for_the_servers_and_refuses_a_fleet_that_is_not_made";
    let mut place = match Place::new() {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    let upstream = upstream().await;
    place.configure("a", "", &subscription("x", &upstream));
    // A command for a person does not wait.
    place.run("a", &["status"]).await.assert_failed(1, &["NATS"]);
    let (mut waits, mut stops) = (
        place.worker("a"),
        place.worker_by("b", &mut {
            place.configure("b", "", "");
            place.program("b", &["run"])
        }),
    );
    says(&waits, "waiting for NATS").await;
    says(&stops, "waiting for NATS").await;
    stops.signal(Signal::TERM);
    assert!(stops.end(LIMIT).await.success(), "it had nothing to hand over");
    place.begin("").await;
    assert_eq!(waits.end(LIMIT).await.code(), Some(1));
    says(&waits, "`WSB_bed` does not exist: run `wsbeat relay init`").await;

    place.done("a", &["init"]).await;
    let mut worker = place.worker("a");
    wait_for_stored(&place.admin().await, "wsb.bed.in.x", 5).await;
    // The servers are away for a moment: the worker goes on.
    place.server().kill();
    says(&worker, "disconnected from NATS").await;
    place.begin("").await;
    let before = upstream.report("x").highest;
    let context = place.admin().await;
    wait_for("later messages", LIMIT, || async {
        let stored = wait_for_stored(&context, "wsb.bed.in.x", 5).await;
        let last = stored.last().map(|last| last.json()["seq"].as_u64().unwrap_or(0));
        (last > Some(before)).then_some(())
    })
    .await;
    worker.signal(Signal::TERM);
    assert!(worker.end(LIMIT).await.success(), "a drain succeeds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_settings_of_a_stream_or_bucket_are_refused_by_name() {
    let test = "other_settings_of_a_stream_or_bucket_are_refused_by_name";
    let place = match Place::start("").await {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    place.configure("a", "", "");
    let first = place.done("a", &["init"]).await;
    assert!(first.contains("created `KV_wsb_bed_lease`"), "{first}");
    let again = place.done("a", &["init"]).await;
    assert!(again.contains("the stream and the buckets exist"), "{again}");
    let context = place.admin().await;
    let change = |name: &'static str, change: Edit| {
        let context = &context;
        async move {
            let mut config =
                context.get_stream(name).await.expect("init made it").cached_info().config.clone();
            change(&mut config);
            context.update_stream(&config).await.expect("the server accepts it");
        }
    };
    let cases: [(&str, Edit, &str); 6] = [
        ("WSB_bed", |config| config.max_messages = 1_000, "max_msgs"),
        ("WSB_bed", |config| config.max_age = secs(60), "max_age"),
        ("WSB_bed", |config| config.allow_atomic_publish = false, "atomic batches"),
        ("WSBC_bed", |config| config.max_messages_per_subject = 1, "max_msgs_per_subject"),
        ("KV_wsb_bed_lease", |config| config.max_age = secs(60), "max_age"),
        ("KV_wsb_bed_dial", |config| config.max_messages_per_subject = 5, "max_msgs_per_subject"),
    ];
    for (stream, edit, setting) in cases {
        change(stream, edit).await;
        let name = format!("`{stream}` has {setting} ");
        let worker = place.run("a", &["run"]);
        let init = place.run("a", &["init"]);
        let (worker, init) = futures::join!(worker, init);
        worker.assert_failed(1, &[&name, "wsbeat relay init --update"]);
        init.assert_failed(1, &[&name]);
        let updated = place.done("a", &["init", "--update"]).await;
        assert!(updated.contains(&format!("changed `{stream}`")), "{updated}");
    }
    // What `init --update` cannot change.
    context.delete_stream("KV_wsb_bed_ckpt").await.expect("it exists");
    let config = jetstream::stream::Config {
        name: "KV_wsb_bed_ckpt".to_owned(),
        subjects: vec!["$KV.wsb_bed_ckpt.>".to_owned()],
        storage: jetstream::stream::StorageType::Memory,
        ..Default::default()
    };
    context.create_stream(config).await.expect("the server accepts it");
    place.run("a", &["init", "--update"]).await.assert_failed(1, &["`KV_wsb_bed_ckpt`"]);
    // The number of blocks is the same for all workers.
    context.delete_stream("KV_wsb_bed_ckpt").await.expect("it exists");
    place.done("a", &["init"]).await;
    place.configure("b", "", "[fleet]\nblocks = 64\n");
    place.run("b", &["run"]).await.assert_failed(1, &["`WSB_bed`", "64 blocks", "512 blocks"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_belongs_to_one_process_until_it_is_silent() {
    let test = "a_name_belongs_to_one_process_until_it_is_silent";
    let place = match Place::start("").await {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    let upstream = upstream().await;
    place.configure("a", "", &subscription("x", &upstream));
    place.done("a", &["init"]).await;
    let mut first = place.worker("a");
    let context = place.admin().await;
    wait_for_stored(&context, "wsb.bed.in.x", 1).await;
    place.run("a", &["run"]).await.assert_failed(
        1,
        &["another worker has the name `a`, and is alive", "another `worker.id`"],
    );
    assert_eq!(first.has_ended(), None, "the first one runs on");
    first.kill();
    let epoch = |account: &Account| account.present_owners()[&("x".to_owned(), 0)].epoch;
    let before = epoch(&Account::owners(&context).await);
    let killed = std::time::Instant::now();
    let _second = place.worker("a");
    wait_for("owner", LIMIT, || async {
        (epoch(&Account::owners(&context).await) > before).then_some(())
    })
    .await;
    // The lease lives for 15 s.
    let took = killed.elapsed();
    assert!(took < secs(14), "it waited for the end of the lease: {took:?}");
    assert!(took > Duration::from_millis(1_500), "the old beats were not silent: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_files_are_refused_with_the_figure() {
    let place = match Place::start("").await {
        Ok(place) => place,
        Err(reason) => return skip("too_few_files_are_refused_with_the_figure", &reason),
    };
    let names: Vec<_> = (0..100).map(|number| format!("s{number}")).collect();
    let table = format!(
        "[[subscription]]\nnames = {names:?}\nurl = \"ws://127.0.0.1:9/\"\nkind = \"exclusive\"\n"
    );
    place.configure("a", "", &table);
    place.done("a", &["init"]).await;
    let limited = |limit: &str| {
        let mut command = Command::new("sh");
        let script = format!("ulimit {limit} && exec \"$0\" run");
        command.args(["-c", &script, Fleet::PROGRAM]);
        command.env("WSBEAT_RELAY_CONFIG", place.path("a.toml"));
        command
    };
    // 100 subscriptions and 64 others.
    let mut refused = place.worker_by("hard", &mut limited("-n 150"));
    assert_eq!(refused.end(LIMIT).await.code(), Some(1));
    let output = refused.output();
    for text in ["may open 150 files", "100 subscriptions need 164", "ulimit -n 164"] {
        assert!(output.contains(text), "no {text:?} in {output}");
    }
    let mut raised = place.worker_by("soft", &mut limited("-Sn 100"));
    says(&raised, "\"owner\"").await;
    raised.kill();
    // Subscriptions that were removed do not count.
    place.configure("a", "", &table.replace(&format!("{names:?}"), "[\"s0\"]"));
    place.done("a", &["apply", "--prune"]).await;
    let mut few = place.worker_by("few", &mut limited("-n 150"));
    says(&few, "\"owner\"").await;
    few.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_no_token_are_refused() {
    let place = match Place::new() {
        Ok(place) => place,
        Err(reason) => return skip("names_that_are_no_token_are_refused", &reason),
    };
    let table = |name: &str| {
        format!("[[subscription]]\nname = \"{name}\"\nurl = \"ws://127.0.0.1:9/\"\nid = \"hash\"\n")
    };
    for name in ["", "a.b", "a b", "*", ">", "a>", "ä", "a\\nb", "$JS"] {
        place.configure("a", "", &table(name));
        for command in ["check", "run", "init"] {
            place.run("a", &[command]).await.assert_failed(2, &["a.toml:", "name"]);
        }
    }
    place.write("b.toml", "[nats]\nservers = [\"nats://127.0.0.1:1\"]\ngroup = \"a.b\"\n");
    place.run("b", &["run"]).await.assert_failed(2, &["b.toml:3:9"]);
    place.configure("a.b", "", "");
    place.run("a.b", &["run"]).await.assert_failed(2, &["a.b.toml:", "worker.id"]);
    place.configure("a", "", "");
    for name in ["", "a.b", "a b", "*", ">", "ä"] {
        let commands: [&[&str]; 3] = [&["tail", name], &["send", name, "text"], &["drain", name]];
        for command in commands {
            place.run("a", command).await.assert_failed(2, &["1 to 64 characters"]);
        }
    }
}
