//! Jobs of a shell on a terminal: the background, stops, and the keys for signals.

use std::{path::Path, process::Command};

use crate::{
    pty::{Setup, Terminal},
    scratch::Scratch,
    server::Server,
};

const WSBEAT: &str = env!("CARGO_BIN_EXE_wsbeat");

/// A shell with job control.
fn shell() -> Terminal {
    let setup = Setup { columns: 200, ..Setup::default() };
    let mut shell = setup.controlled("bash", &["--norc", "--noediting", "-i"]);
    // Without a prompt, so that the output of a command is a row.
    shell.until_row("bash");
    shell.press("PS1=; echo rea''dy\n");
    shell.until(|rows| rows.iter().any(|row| row == "ready"));
    shell
}

#[test]
fn ctrl_c_closes_the_session() {
    let server = Server::echo();
    let mut terminal = Setup::default().controlled(WSBEAT, &["connect", &server.url()]);
    terminal.until_prompt();
    terminal.press("one\rhalf");
    terminal.until_row("> half");
    terminal.press("\x03");
    assert_eq!(terminal.end(), 0);
    assert!(terminal.rows().iter().any(|row| row.contains("closing, again to abort")));
    assert_eq!(*server.heard.lock().unwrap(), ["one"]);
}

#[test]
fn a_program_in_the_background_is_not_stopped_by_typing() {
    let server = Server::echo();
    let mut shell = shell();
    shell.press(&format!("{WSBEAT} connect {} &\n", server.url()));
    shell.until_row("the terminal is not read while this program is in the background");
    shell.press("echo ty''ped; jobs | grep -o Running\n");
    let rows = shell.until(|rows| rows.iter().any(|row| row == "Running"));
    assert!(rows.iter().any(|row| row == "typed"), "{rows:#?}");
    assert!(!rows.iter().any(|row| row.contains("queue")), "no footer: {rows:#?}");
    shell.press("fg\n");
    shell.until_prompt();
    shell.press("a line\r");
    shell.until(|rows| rows.iter().any(|row| row == "< a line"));
    shell.press("\x03");
    shell.until_row("closed by the user");
    shell.press("echo co''de $?\n");
    let rows = shell.until_row("code 0");
    let hints = rows.iter().filter(|row| row.contains("in the background")).count();
    assert_eq!(hints, 1, "{rows:#?}");
    assert_eq!(*server.heard.lock().unwrap(), ["a line"]);
}

#[test]
fn a_stopped_program_gives_the_terminal_back_and_takes_it_again() {
    let server = Server::echo();
    let mut shell = shell();
    shell.press(&format!("{WSBEAT} connect {}\n", server.url()));
    shell.until_prompt();
    shell.press("half");
    shell.until_row("> half");
    shell.press("\x1a");
    let rows = shell.until_row("Stopped");
    assert!(!rows.iter().any(|row| row.contains("half") || row.contains("queue")), "{rows:#?}");
    shell.press("echo st''opped\n");
    shell.until(|rows| rows.iter().any(|row| row == "stopped"));
    assert!(shell.reads_lines());
    shell.press("fg\n");
    shell.until_row("> half");
    shell.press(" a line\r");
    shell.until(|rows| rows.iter().any(|row| row == "< half a line"));
    shell.press("x");
    shell.until_row("> x");
    shell.press("\x1a");
    shell.until(|rows| rows.iter().filter(|row| row.contains("Stopped")).count() == 2);
    shell.press("kill %1; fg\n");
    shell.until_row("closed by the user");
    shell.press("echo en''ded\n");
    shell.until(|rows| rows.iter().any(|row| row == "ended"));
    assert!(shell.reads_lines());
}

/// The whole terminal as the shell left it, and lines that are echoed.
fn is_given_back(shell: &mut Terminal, words: &str) {
    shell.press(&format!("echo st''opped {words}\n"));
    shell.until_row(&format!("stopped {words}"));
    assert!(shell.reads_lines() && !shell.is_whole() && !shell.hides_cursor(), "{words}");
}

#[test]
fn a_stopped_tui_gives_the_terminal_back_and_takes_it_again() {
    let server = Server::echo();
    let scratch = Scratch::new();
    let file = scratch.file("id", "");
    let mut shell = shell();
    let program = format!("echo \\$\\$ > {file}; exec {WSBEAT} connect {} --tui", server.url());
    shell.press(&format!("sh -c \"{program}\"\n"));
    shell.until_row("● open");
    assert!(shell.is_whole());
    // The key is not a signal here.
    shell.press("\x1a");
    shell.until_row("Stopped");
    is_given_back(&mut shell, "by a key");
    shell.press("fg\n");
    shell.until_row("● open");
    shell.press("iagain\r");
    shell.until_row("< again");
    let id = std::fs::read_to_string(&file).unwrap();
    assert!(Command::new("kill").args(["-TSTP", id.trim()]).status().unwrap().success());
    shell.until(|rows| rows.iter().filter(|row| row.contains("Stopped")).count() == 2);
    is_given_back(&mut shell, "by a signal");
    // In the background it does not take the terminal.
    shell.press("bg\n");
    is_given_back(&mut shell, "in the background");
    shell.press("fg\n");
    shell.until_row("< again");
    shell.press("q");
    // Until its end it reads what is typed.
    while Path::new("/proc").join(id.trim()).exists() {
        std::thread::yield_now();
    }
    shell.press("echo en''ded $?\n");
    shell.until_row("ended 0");
    assert!(shell.reads_lines() && !shell.is_whole() && !shell.hides_cursor());
    assert_eq!(*server.heard.lock().unwrap(), ["again"]);
}

/// In a container, the leaders of the session and of the process group can be outside.
#[test]
fn the_session_may_have_its_leader_outside_of_the_container() {
    let container = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
    let trial = Command::new("unshare").args(container).arg("true").status();
    if !trial.is_ok_and(|status| status.success()) {
        println!("skipped: a PID namespace needs `unshare` and the permission for it");
        return;
    }
    let server = Server::echo();
    let program = [WSBEAT, "connect", &server.url(), "--close-on-eof"];
    let mut terminal = Setup::default().start("unshare", &[&container[..], &program].concat());
    terminal.until_prompt();
    terminal.press("a line\r");
    terminal.until(|rows| rows.iter().any(|row| row == "< a line"));
    terminal.press("\x04");
    assert_eq!(terminal.end(), 0);
}
