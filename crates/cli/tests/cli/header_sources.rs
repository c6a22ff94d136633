//! Header fields from files, commands and the environment.

use std::{
    fs,
    process::Command,
    sync::{Arc, Mutex},
    time::Instant,
};

use async_tungstenite::tungstenite::{
    accept_hdr,
    handshake::server::{Request, Response},
};

use crate::{
    program::{Program, TIME_LIMIT},
    scratch::Scratch,
    server::{NOBODY, Server},
};

/// A server that records the field `Authorization` of each request, calls `before` with the number
/// of the connection, and ends the connection.
fn recording(before: impl Fn(usize) + Send + Sync + 'static) -> (Server, Arc<Mutex<Vec<String>>>) {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let list = Arc::clone(&seen);
    let server = Server::tcp(move |number, stream| {
        #[allow(clippy::result_large_err, reason = "tungstenite's signature")]
        let record = |request: &Request, response: Response| {
            let value = request.headers().get("authorization");
            let value = value.map_or("none", |value| value.to_str().unwrap());
            list.lock().unwrap().push(value.to_owned());
            Ok(response)
        };
        before(number);
        drop(accept_hdr(stream, record));
    });
    (server, seen)
}

const FAST: [&str; 2] = ["--backoff", "1ms..1ms"];

/// Runs the program until it has connected twice.
fn connect_twice(url: &str, more: &[&str], variables: &[(&str, &str)]) {
    let args = [&["connect", url, "--json"], &FAST[..], more].concat();
    let mut program = Program::start_in(&args, variables);
    program.event("open");
    program.event("open");
    program.signal("-TERM");
    program.end();
}

#[test]
fn a_header_file_is_read_again_at_each_attempt() {
    for option in ["--header-file", "-H"] {
        let scratch = Scratch::new();
        let file = scratch.file("fields", "# a comment\n\nAuthorization:  Bearer one\r\n");
        let path = file.clone();
        let (server, seen) = recording(move |number| {
            if number == 1 {
                fs::write(&path, "Authorization: Bearer two").unwrap();
            }
        });
        let file = if option == "-H" { format!("@{file}") } else { file };
        connect_twice(&server.url(), &[option, &file], &[]);
        assert_eq!(seen.lock().unwrap()[..2], ["Bearer one", "Bearer two"]);
    }
}

#[cfg(unix)]
#[test]
fn a_header_command_runs_again_at_each_attempt() {
    let scratch = Scratch::new();
    let count = scratch.path("count");
    let (server, seen) = recording(|_| {});
    let command = format!("echo x >>'{count}'; printf 'Authorization: '; wc -l <'{count}'");
    connect_twice(&server.url(), &["--header-cmd", &command], &[]);
    assert_eq!(seen.lock().unwrap()[..2], ["1", "2"]);
}

#[test]
fn a_password_comes_from_a_file_and_a_token_from_the_environment() {
    let scratch = Scratch::new();
    let file = scratch.file("password", "me:h:ush\nmore\n");
    let (server, seen) = recording(|_| {});
    let url = format!("ws://old:old@127.0.0.1:{}/", server.port);
    connect_twice(&url, &["--basic-auth-file", &file], &[]);
    let token = ["-H", "Authorization: Bearer {env:WSBEAT_TEST_TOKEN}"];
    connect_twice(&server.url(), &token, &[("WSBEAT_TEST_TOKEN", "from-env")]);
    let seen = seen.lock().unwrap();
    // Base64 of "me:h:ush".
    assert!(seen.contains(&"Basic bWU6aDp1c2g=".to_owned()), "{seen:?}");
    assert!(seen.contains(&"Bearer from-env".to_owned()), "{seen:?}");
    assert!(!seen.contains(&"none".to_owned()), "{seen:?}");
}

#[test]
fn a_file_that_is_made_later_is_used_then() {
    let scratch = Scratch::new();
    let path = scratch.path("later");
    let (server, seen) = recording(|_| {});
    let more = ["--header-file", &path, "--backoff", "1ms..1ms"];
    let mut program = Program::json(&server.url(), &more);
    let lost = program.event("lost");
    let detail = format!("could not connect: the file {path} does not exist; check the path");
    assert_eq!((&lost["opened"], &lost["detail"]), (&false.into(), &detail.into()));
    scratch.file("later", "Authorization: Bearer late");
    program.event("open");
    program.signal("-TERM");
    program.end();
    assert_eq!(seen.lock().unwrap()[0], "Bearer late");
}

/// The words of the first failed attempt.
fn failure(more: &[&str]) -> String {
    let mut program = Program::json(NOBODY, &[&["--repeat-limit", "0"], more].concat());
    let detail = program.event("lost")["detail"].as_str().unwrap().to_owned();
    program.end();
    let all = [program.seen.concat(), program.seen_err.concat()].concat();
    assert!(!all.contains("hush"), "{all}");
    detail.strip_prefix("could not connect: ").unwrap_or(&detail).to_owned()
}

#[test]
fn a_source_without_usable_fields_fails_the_attempt_in_one_sentence() {
    let scratch = Scratch::new();
    for (text, words) in [
        ("# hush\n", "gives no header field; write one on each line, as Name: value"),
        ("A: b\nhush\n", "has no colon on line 2; write Name: value"),
        ("hush hush: x\n", "has no valid field name on line 1; write Name: value"),
        (
            "A: hush\u{1}\n",
            "has a wrong field on line 1: the value of the header field a cannot be sent; correct it",
        ),
        (
            "Upgrade: hush\n",
            "has a wrong field on line 1: the header field upgrade is reserved for the WebSocket \
             handshake; correct it",
        ),
        (&"A: hush\n".repeat(10_000), "gives more than 64 KiB; shorten it"),
    ] {
        let file = scratch.file("fields", text);
        assert_eq!(failure(&["--header-file", &file]), format!("the file {file} {words}"));
        if cfg!(unix) {
            let command = format!("cat '{file}'");
            let words = format!("the command of --header-cmd {words}");
            assert_eq!(failure(&["--header-cmd", &command]), words);
        }
    }
    let file = scratch.file("password", "hush");
    let words = format!("the file {file} has no colon; write user:password");
    assert_eq!(failure(&["--basic-auth-file", &file]), words);
}

#[cfg(unix)]
#[test]
fn a_command_that_fails_is_a_failed_attempt() {
    let why = "run it in a shell to see why";
    for (command, words) in [
        ("echo 'A: hush'; exit 3", format!("failed with exit code 3; {why}")),
        ("kill -9 $$", format!("was ended by a signal; {why}")),
    ] {
        let words = format!("the command of --header-cmd {words}");
        assert_eq!(failure(&["--header-cmd", command]), words);
    }
}

/// Waits until a process and its group do not exist.
#[cfg(unix)]
fn await_end_of_group(id: &str) {
    let begin = Instant::now();
    let exists = || {
        let mut kill = Command::new("kill");
        kill.args(["-0", "--", &format!("-{id}")]).output().unwrap().status.success()
    };
    while exists() {
        assert!(begin.elapsed() < TIME_LIMIT, "the command still runs");
        std::thread::yield_now();
    }
}

/// A command that writes its number into a file and never ends, also if only the shell is killed.
#[cfg(unix)]
fn endless(file: &str) -> String {
    format!("sleep 1000 & echo $$ >'{file}.new'; mv '{file}.new' '{file}'; sleep 1000")
}

#[cfg(unix)]
#[test]
fn a_command_is_killed_before_the_deadline_of_the_attempt() {
    let scratch = Scratch::new();
    let file = scratch.path("id");
    let more = ["--header-cmd", &endless(&file), "--connect-timeout", "1s"];
    let words = "the command of --header-cmd did not end within ";
    let remedy = "; make it faster, or set a longer --connect-timeout";
    let failure = failure(&more);
    assert!(failure.starts_with(words) && failure.ends_with(remedy), "{failure}");
    await_end_of_group(fs::read_to_string(file).unwrap().trim());
}

#[cfg(unix)]
#[test]
fn a_command_is_killed_at_the_end_of_the_session() {
    let scratch = Scratch::new();
    let file = scratch.path("id");
    let more = ["--header-cmd", &endless(&file), "--connect-timeout", "1h"];
    let mut program = Program::json(NOBODY, &more);
    let begin = Instant::now();
    while fs::metadata(&file).is_err() {
        assert!(begin.elapsed() < TIME_LIMIT, "the command does not start");
        std::thread::yield_now();
    }
    program.signal("-TERM");
    program.event("closed");
    program.end();
    await_end_of_group(fs::read_to_string(file).unwrap().trim());
}

#[cfg(unix)]
#[test]
fn files_that_can_be_read_once_are_refused() {
    for option in ["--header-file", "--basic-auth-file"] {
        let mut program = Program::start(&["connect", NOBODY, option, "/dev/stdin"]);
        assert_eq!(program.end(), 2);
        let words = "wsbeat: /dev/stdin is not a regular file, and wsbeat reads it again at each \
                     attempt; write the path of a file, or use --header-cmd";
        assert_eq!(program.seen_err, [words]);
    }
}

#[test]
fn a_password_in_a_url_causes_a_warning() {
    for (args, place, option) in [
        (&["ws://me:hush@127.0.0.1:1/"][..], "the URL", "--basic-auth-file FILE"),
        (&[NOBODY, "--proxy", "http://me:hush@127.0.0.1:1"], "--proxy", "--proxy-auth-file FILE"),
        (&["ws://me@127.0.0.1:1/a:b@c"], "", ""),
    ] {
        let args = [&["connect", "--repeat-limit", "0"], args].concat();
        let mut program = Program::start(&args);
        program.end();
        let warning = format!(
            "wsbeat: warning: {place} contains a password, which other users of this machine can \
             see in the list of processes; use {option} instead"
        );
        let warnings: Vec<_> =
            program.seen_err.iter().filter(|line| line.contains("warning")).collect();
        let wanted = if place.is_empty() { vec![] } else { vec![&warning] };
        assert_eq!(warnings, wanted);
        assert!(!program.seen_err.concat().contains("hush"));
    }
}
