//! Error messages of wrong arguments, help texts, and the version.

use std::collections::BTreeSet;

use crate::program::Program;

const COMMANDS: [&str; 7] = ["connect", "check", "report", "serve", "demo", "completions", "man"];

#[test]
fn wrong_arguments_give_one_line_of_error() {
    for (args, message) in [
        (&[][..], "no command is given; run wsbeat demo, wsbeat connect URL or wsbeat --help"),
        (&["connect"], "no URL is given; write one, for example ws://127.0.0.1:8080"),
        (
            &["connect", "ws://localhost", "--ping-timeout", "15"],
            r#"--ping-timeout: "15" has no unit; write 15s or 15ms"#,
        ),
        (&["demo", "fast"], "there are too many arguments; see wsbeat demo --help"),
        (
            &["connect", "ws://localhost", "--record", "/missing/file"],
            "--record: the file /missing/file cannot be opened for writing (its folder does not \
             exist); name a file that you can write",
        ),
        (
            &["serve", "localhost:80"],
            "ADDRESS: the address must be a port, or an IP address and a port; write for example \
             8080 or 0.0.0.0:8080",
        ),
        (
            &["serve", "--restart-time", "1s"],
            "another option has no effect without --control; add it",
        ),
        (
            &["serve", "--faulty", "1"],
            "--faulty has no effect without a fault; add one, see wsbeat serve --help",
        ),
        (
            &["serve", "--refuse", "503", "--silent-after", "3"],
            "--refuse contradicts --silent-after; leave one out",
        ),
        (
            &["serve", "--half-open", "--stall-upgrade"],
            "--half-open contradicts --stall-upgrade; leave one out",
        ),
        (&["serve", "--no-echo", "--prefix", "x"], "--no-echo contradicts --prefix; leave one out"),
        (&["completions", "csh"], "SHELL must be bash, elvish, fish, powershell or zsh"),
    ] {
        let mut program = Program::start(args);
        assert_eq!(program.end(), 2, "{args:?}");
        let error: Vec<_> =
            program.seen_err.iter().map(|line| line.split("; did").next()).collect();
        assert_eq!(error, [Some(&*format!("wsbeat: {message}"))]);
        assert_eq!(program.seen, [""; 0]);
    }
}

#[test]
fn a_record_that_is_missing_is_named_with_the_remedy() {
    let mut program = Program::start(&["report", "missing.jsonl", "-o", "page.html"]);
    assert_eq!(program.end(), 1);
    let message = "the record missing.jsonl cannot be read (it does not exist); check the path";
    assert_eq!(program.seen_err, [format!("wsbeat: {message}")]);
}

fn help(command: &str, option: &str) -> Vec<String> {
    let mut program = Program::start(&[command, option]);
    assert_eq!(program.end(), 0);
    program.seen.clone()
}

#[test]
fn the_help_texts_fit_a_terminal_of_100_columns() {
    for command in COMMANDS {
        for option in ["-h", "--help"] {
            for line in help(command, option) {
                assert!(line.chars().count() <= 100, "{command}: {line}");
            }
        }
    }
    for line in help("help", "relay") {
        assert!(line.chars().count() <= 100, "relay: {line}");
    }
}

/// Two screens of a large terminal. A text that is longer is not read.
#[test]
fn the_short_help_has_one_row_for_each_option() {
    let lines = help("connect", "-h");
    assert!(lines.len() <= 100, "{}", lines.len());
    let options = lines.iter().filter(|line| line.trim_start().starts_with('-')).count();
    let headings = lines.iter().filter(|line| line.ends_with(':')).count();
    let blank = lines.iter().filter(|line| line.is_empty()).count();
    // And the first line, the usage and the URL.
    assert_eq!(lines.len(), options + headings + blank + 3, "{lines:#?}");
}

#[test]
fn the_help_of_connect_names_every_event_and_exit_code() {
    let lines = help("connect", "--help");
    let names = |first: &str, lines: &[String]| {
        let begin = lines.iter().position(|line| line.starts_with(first)).unwrap();
        let rows = lines[begin..].iter().filter(|line| line.starts_with("  "));
        rows.map(|row| row.split_whitespace().next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let events = names("JSON:", &lines);
    let json = include_str!("../../JSON.md").split("\n# ").next().unwrap();
    for event in json.lines().filter_map(|line| line.strip_prefix("## `")) {
        let event = event.trim_end_matches('`');
        // The program itself prints neither.
        let never = ["silent", "unanswered"].contains(&event);
        assert_ne!(events.iter().any(|shown| shown == event), never, "{event}");
    }
    let codes = names("Exit codes", &lines);
    assert_eq!(codes[..9], ["0", "1", "2", "3", "4", "5", "6", "7", "128"]);
}

/// The long options in a text.
fn options(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let words = text.split(|c| !is_part(c));
    words
        .filter(|word| word.starts_with("--") && word.len() > 2 && !word[2..].starts_with('-'))
        .collect()
}

/// The other features have fewer options.
#[cfg(all(feature = "rustls", feature = "tui"))]
#[test]
fn the_readme_names_the_options_that_exist() {
    let readme = include_str!("../../README.md");
    let help = COMMANDS.map(|command| help(command, "--help").join("\n")).join("\n");
    let help = options(&help);
    let unknown: Vec<_> = options(readme).difference(&help).copied().collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn the_readme_names_every_option_of_connect() {
    let readme = options(include_str!("../../README.md"));
    let lines = help("connect", "-h");
    // The name stands before its value and its description.
    let names = lines.iter().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.by_ref().take(2).find(|word| word.starts_with("--"))
    });
    for name in names.filter(|name| *name != "--help") {
        assert!(readme.contains(name), "{name}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let mut program = Program::start(&["--version"]);
    assert_eq!(program.end(), 0);
    assert_eq!(program.seen, [format!("wsbeat {}", env!("CARGO_PKG_VERSION"))]);
}
