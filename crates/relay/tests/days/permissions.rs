//! The permissions that `init` prints are enough for a worker, and each is used.

use std::net::Ipv4Addr;

use rustix::process::Signal;
use wsbeat_relay::demo::upstream::Upstream;

use crate::{
    bed::{skip::skip, time::wait_for},
    place::{LIMIT, Place, stored, wait_for_stored},
};

/// All kinds of subscriptions, with commands and a budget of attempts.
fn tables(upstream: &Upstream) -> String {
    let url = |path: &str| upstream.url(path);
    format!(
        "[dial]\nrate = 50\n\
         [[subscription]]\nname = \"over\"\nurl = \"{}\"\nid = {{ pointer = \"/seq\" }}\n\
         commands = true\n\
         [[subscription]]\nname = \"twice\"\nurl = \"{}\"\nid = {{ pointer = \"/seq\" }}\n\
         replicas = 2\n\
         [[subscription]]\nname = \"only\"\nurl = \"{}\"\nkind = \"exclusive\"\n\
         [[subscription]]\nname = \"again\"\nurl = \"{}\"\nkind = \"resume\"\n\
         id = {{ pointer = \"/seq\" }}\nopen = ['{{\"begin\":1}}']\n\
         [subscription.resume]\nvalues = {{ seq = \"/seq\" }}\nopen = ['{{\"after\":{{{{seq}}}}}}']\n",
        url("/feed/over?rate=20"),
        url("/feed/twice?rate=20"),
        url("/feed/only?rate=20"),
        url("/resume/again?rate=20"),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_printed_permissions_are_enough_for_a_worker_and_each_is_used() {
    let test = "the_printed_permissions_are_enough_for_a_worker_and_each_is_used";
    let mut place = match Place::new() {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    let upstream = Upstream::start((Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port");
    place.write("secret", "pw");
    let login = |user: &str| format!("user = \"{user}\"\npassword = {{ file = \"secret\" }}");
    place.configure("admin", &login("admin"), &tables(&upstream));
    // Without a server: they follow from the group alone.
    let permissions = place.done("admin", &["init", "--permissions"]).await;
    let server = format!(
        "trace: true\ntrace_headers: true\nauthorization {{ users: [\n\
         {{ user: admin, password: pw }}\n\
         {{ user: worker, password: pw, {permissions} }}\n\
         {{ user: stranger, password: pw, permissions: {{ publish: \"x\", subscribe: \"_INBOX.>\" }} }}\n\
         ] }}"
    );
    place.begin(&server).await;
    let init = place.done("admin", &["init"]).await;
    assert!(init.contains(permissions.trim()), "{init}");

    // Somebody without permissions learns which one is missing.
    place.configure("stranger", &login("stranger"), "");
    let mut stranger = place.worker("stranger");

    for name in ["a", "b"] {
        place.configure(name, &login("worker"), "[dial]\nrate = 50\n");
    }
    let mut first = place.worker("a");
    let options = async_nats::ConnectOptions::with_user_and_password("admin".into(), "pw".into());
    let context = place.client(options).await;
    for name in ["over", "twice", "only", "again"] {
        wait_for_stored(&context, &format!("wsb.bed.in.{name}"), 3).await;
    }
    let mut second = place.worker("b");
    wait_for("two owners", LIMIT, || async {
        let owners = stored(&context, "wsb.bed.own.twice").await;
        let workers: std::collections::BTreeSet<_> =
            owners.iter().map(|owner| owner.json()["worker"].to_string()).collect();
        (workers.len() == 2).then_some(())
    })
    .await;
    let fate = place.done("admin", &["send", "over", "hello"]).await;
    assert!(fate.contains("\"written\""), "{fate}");
    wait_for("checkpoint", LIMIT, || async {
        let bucket = context.get_key_value("wsb_bed_ckpt").await.ok()?;
        bucket.get("again").await.ok()?
    })
    .await;
    // All that the first one owns goes to the second one.
    let answer = place.done("admin", &["drain", "a"]).await;
    assert_eq!(answer.trim(), "draining");
    assert!(first.end(LIMIT).await.success());
    let before = stored(&context, "wsb.bed.in.only").await.len();
    wait_for_stored(&context, "wsb.bed.in.only", before + 5).await;
    second.signal(Signal::TERM);
    assert!(second.end(LIMIT).await.success());
    for worker in [&first, &second] {
        let output = worker.output();
        assert!(!output.contains("ermission"), "{output}");
        assert!(!output.contains("ERROR"), "{output}");
    }
    let refused = wait_for("refusal", LIMIT, || async {
        let output = stranger.output();
        output.contains("wsbeat relay init --permissions").then_some(output)
    })
    .await;
    assert!(refused.contains("$JS.API.STREAM.INFO.WSB_bed"), "{refused}");
    stranger.kill();
    place.run("stranger", &["init"]).await.assert_failed(1, &["Permissions Violation"]);

    let log = place.server().output();
    let used = subjects(&log, &["a", "b"]);
    let printed: Vec<&str> = permissions.split('"').skip(1).step_by(2).collect();
    assert!(printed.len() > 20, "{permissions}");
    let unused: Vec<_> = printed
        .iter()
        .filter(|printed| !used.iter().any(|used| matches(used, printed)))
        // After an interruption of a watch only.
        .filter(|printed| !printed.contains("CONSUMER.DELETE.KV") && !printed.contains("$JS.FC"))
        .collect();
    assert!(unused.is_empty(), "nobody needs {unused:?}; used: {used:#?}");
}

/// The subjects to which these clients published or subscribed, by the trace of the server.
fn subjects(log: &str, clients: &[&str]) -> std::collections::BTreeSet<String> {
    let names: Vec<_> = clients.iter().map(|client| format!("\"name\":\"{client}\"")).collect();
    let id = |line: &str| {
        let (_, rest) = line.split_once("cid:")?;
        Some(rest.split([' ', '"']).next()?.to_owned())
    };
    let connects = log.lines().filter(|line| names.iter().any(|name| line.contains(name)));
    let ids: Vec<String> = connects.filter_map(id).collect();
    let mut subjects = std::collections::BTreeSet::new();
    for line in log.lines() {
        if !id(line).is_some_and(|id| ids.contains(&id)) {
            continue;
        }
        for verb in ["<<- [PUB ", "<<- [HPUB ", "<<- [SUB "] {
            if let Some((_, rest)) = line.split_once(verb) {
                subjects.extend(rest.split(' ').next().map(str::to_owned));
            }
        }
    }
    subjects
}

/// Whether a subject, or a narrower pattern, lies in a pattern.
fn matches(subject: &str, pattern: &str) -> bool {
    let (mut subject, mut pattern) = (subject.split('.'), pattern.split('.'));
    loop {
        match (subject.next(), pattern.next()) {
            (None, None) => return true,
            (Some(_), Some(">")) => return true,
            (Some(token), Some(wanted)) if wanted == "*" || wanted == token => {}
            _ => return false,
        }
    }
}
