//! The readers that show how to act on a gap.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::{
    bed::{
        cluster::Cluster,
        plan::GROUP,
        process::Process,
        skip::{Skip, skip},
        software,
        time::{secs, wait_for},
    },
    publisher::{Publisher, create_stream},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readers_ask_for_what_may_be_missing() {
    let test = "the_readers_ask_for_what_may_be_missing";
    let cluster = match Cluster::start(1).await {
        Ok(cluster) => cluster,
        Err(reason) => return skip(test, &reason),
    };
    let context = cluster.jetstream().await;
    create_stream(&context, 1).await;
    let mut publisher = Publisher::begin(&context, "x", "a", 5).await;
    publisher.data(1, 10).await;
    let (from, to) = ("2026-01-01T00:00:00.250Z", "2026-01-01T00:00:03Z");
    let gap = json!({ "from": from, "to": to, "certain": false });
    publisher.record("ev", "gap", gap).await;
    publisher.data(7, 20).await;
    // Of another subscription.
    Publisher::begin(&context, "y", "a", 6).await.data(1, 10).await;

    let expected = format!(
        "record owner\n\
         data {{\"at\":10,\"feed\":\"x\",\"seq\":1}}\n\
         ask for what was sent from shortly before {from} to {to}\n\
         data {{\"at\":20,\"feed\":\"x\",\"seq\":7}}\n"
    );
    let mut python = Command::new(software::python().expect("installed with the server"));
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/reader.py"));
    let rust = match example() {
        Ok(program) => Command::new(program),
        Err(reason) => return skip(test, &reason),
    };
    let folder = tempfile::tempdir().expect("a folder");
    for (name, mut command) in [("python", python), ("rust", rust)] {
        command.args([&cluster.urls()[0], GROUP, "x"]);
        let reader = Process::start(name, &mut command, folder.path().join(name));
        wait_for("end of the stream", secs(60), || async {
            (reader.output().lines().count() >= expected.lines().count()).then_some(())
        })
        .await;
        assert_eq!(reader.output(), expected, "{name}");
    }
}

/// The reader in Rust, which cargo builds with all tests.
fn example() -> Result<PathBuf, Skip> {
    let test = env::current_exe().expect("a path");
    let program =
        test.parent().and_then(Path::parent).expect("two folders").join("examples/reader");
    if program.exists() {
        return Ok(program);
    }
    Err(Skip::Missing("`cargo build --example reader` was not run".to_owned()))
}
