//! The extent of standard error, and times before messages.

use crate::{
    program::Program,
    server::{NOBODY, Server},
};

#[test]
fn with_quiet_only_errors_are_on_standard_error() {
    let server = Server::echo();
    let mut program = Program::start(&["connect", &server.url(), "--close-on-eof", "-q"]);
    program.say("hello\n");
    program.end_stdin();
    assert_eq!(program.end(), 0);
    assert_eq!((&program.seen[..], &program.seen_err[..]), (&["hello".to_owned()][..], &[][..]));

    let more = ["--quiet", "--repeat-limit", "0", "--preset", "original", "--close-on-eof"];
    let mut program = Program::start(&[&["connect", NOBODY], &more[..]].concat());
    program.say("hello\n");
    program.end();
    let notes = program.seen_err.join("\n");
    assert_eq!(program.seen_err.len(), 2, "{notes}");
    assert!(notes.contains("unsent") && notes.contains("wsbeat: no attempts left"), "{notes}");
}

#[test]
fn the_reason_of_the_end_is_shown_once() {
    for more in [&["--repeat-limit", "0"][..], &["--repeat-limit", "0", "--record", "/dev/null"]] {
        let mut program = Program::start(&[&["connect", NOBODY], more].concat());
        assert_eq!(program.end(), 4);
        let notes = program.seen_err.join("\n");
        assert_eq!(notes.matches("no attempts left").count(), 1, "{notes}");
        assert!(program.seen_err.last().unwrap().starts_with("wsbeat: no attempts left: "));
        assert!(notes.contains("■ closed"), "{notes}");
    }
}

#[test]
fn with_verbose_addresses_and_sent_heartbeats_are_shown() {
    let server = Server::echo();
    let more = ["--heartbeat", "ping", "--ping-timeout", "20ms"];
    for verbose in [true, false] {
        let option: &[&str] = if verbose { &["-v"] } else { &[] };
        let mut program =
            Program::start(&[&["connect", &server.url()], option, &more[..]].concat());
        program.await_err("answered in");
        program.signal("-TERM");
        assert_eq!(program.end(), 0);
        let notes = program.seen_err.join("\n");
        let address = format!(", to 127.0.0.1:{} from 127.0.0.1:", server.port);
        assert_eq!(notes.contains(&address), verbose, "{notes}");
        assert_eq!(notes.contains("sent on connection 1"), verbose, "{notes}");
    }
}

#[test]
fn a_time_is_printed_before_each_line_on_request() {
    let mut program =
        Program::start(&["connect", &Server::echo().url(), "--timestamps", "--close-on-eof"]);
    program.say("hello\n");
    program.end_stdin();
    assert_eq!(program.end(), 0);
    let (time, text) = program.seen[0].split_once(' ').unwrap();
    assert_eq!(text, "hello");
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
}
