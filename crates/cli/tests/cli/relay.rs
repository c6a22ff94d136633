//! `wsbeat relay`. A link named `wsbeat-relay` to the shell stands for the program: a test with threads
//! must not write a program that it starts.

use std::{
    fs,
    os::unix,
    process::{Command, Output},
};

use crate::scratch::Scratch;

/// Prints its name and arguments, one a line, and then its standard input.
const SHOW: &str = r#"printf '%s\n' "$0" "$@"; cat; exit 7"#;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A folder with a link named `wsbeat-relay` to the shell.
fn shell() -> Scratch {
    let scratch = Scratch::new();
    unix::fs::symlink("/bin/sh", scratch.path("wsbeat-relay")).unwrap();
    scratch
}

/// Runs `wsbeat relay` with this `PATH`.
fn relay(program: &str, path: &str, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.arg("relay").args(args).env("PATH", path);
    command.output().unwrap()
}

const WSBEAT: &str = env!("CARGO_BIN_EXE_wsbeat");

#[test]
fn relay_passes_on_all_arguments_and_the_exit_code() {
    let scratch = shell();
    let path = format!("{}:/usr/bin:/bin", scratch.path(""));
    let args = ["tail", "btc", "--from", "10m", "--help", "-V", "--", "-x y"];
    let output = relay(WSBEAT, &path, &[&["-c", SHOW], &args[..]].concat());
    assert_eq!(text(&output.stderr), "");
    assert_eq!(text(&output.stdout), args.join("\n") + "\n");
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn relay_replaces_the_process() {
    let scratch = shell();
    let path = format!("{}:/usr/bin:/bin", scratch.path(""));
    let mut command = Command::new(WSBEAT);
    command.args(["relay", "-c", "echo $$"]).env("PATH", path);
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout).trim(), id.to_string());
}

#[test]
fn the_relay_beside_the_program_comes_first() {
    let (beside, on_path) = (shell(), Scratch::new());
    // It fails without a message.
    unix::fs::symlink("/bin/false", on_path.path("wsbeat-relay")).unwrap();
    let own = beside.path("wsbeat");
    fs::hard_link(WSBEAT, &own).unwrap();
    let path = format!("{}:/usr/bin:/bin", on_path.path(""));
    let output = relay(&own, &path, &["-c", "echo beside"]);
    assert_eq!(text(&output.stdout), "beside\n");
    assert_eq!(relay(WSBEAT, &path, &["-c", "echo beside"]).status.code(), Some(1));
}

#[test]
fn without_the_relay_the_error_says_how_to_install_it() {
    let empty = Scratch::new();
    for args in [&["run"][..], &["--help"], &[]] {
        let output = relay(WSBEAT, &empty.path(""), args);
        assert_eq!(
            text(&output.stderr),
            "wsbeat: the program wsbeat-relay is neither beside wsbeat nor on PATH; install it with \
             cargo install wsbeat-relay\n"
        );
        assert_eq!(output.status.code(), Some(127));
        assert_eq!(text(&output.stdout), "");
    }
}
