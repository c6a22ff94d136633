//! Tests of the end of a session, in virtual time.

use clap::Parser;

use super::*;

#[derive(Parser)]
#[command(args_override_self = true)]
struct Line {
    #[command(flatten)]
    options: UntilOptions,
}

fn options(args: &str) -> UntilOptions {
    Line::parse_from([&["wsbeat"], &args.split_whitespace().collect::<Vec<_>>()[..]].concat())
        .options
}

fn at(secs: u64) -> Timestamp {
    Timestamp::from_epoch(Duration::from_secs(secs))
}

fn until(args: &str) -> Until {
    Until::new(&options(args), at(0))
}

#[test]
fn without_options_a_session_does_not_end() {
    let mut until = until("");
    until.message(at(1));
    until.all_sent(at(1));
    assert_eq!(until.due(at(1_000)), Due::Never);
    assert_eq!(until.missing(), None);
}

#[test]
fn close_on_eof_waits_for_the_fates_of_all_lines() {
    let mut until = until("--close-on-eof");
    until.message(at(1));
    assert_eq!(until.due(at(2)), Due::Never);
    until.all_sent(at(2));
    assert_eq!(until.due(at(2)), Due::Now(By::EndOfInput));
}

#[test]
fn a_wait_begins_again_with_each_message() {
    let mut until = until("--close-on-eof --wait 10s");
    until.lines(at(1));
    assert_eq!(until.due(at(100)), Due::Never);
    until.all_sent(at(2));
    assert_eq!(until.due(at(11)), Due::At(at(12)));
    until.message(at(11));
    until.all_sent(at(12));
    assert_eq!(until.due(at(20)), Due::At(at(21)));
    assert_eq!(until.due(at(21)), Due::Now(By::Silence(Duration::from_secs(10))));
}

#[test]
fn a_number_of_messages_ends_the_session_without_the_end_of_input() {
    for args in ["-n 2", "--messages 2"] {
        let mut until = until(args);
        assert!(until.message(at(1)));
        assert_eq!((until.due(at(9)), until.missing()), (Due::Never, Some((1, 2))));
        assert!(until.message(at(2)));
        assert_eq!((until.due(at(2)), until.missing()), (Due::Now(By::Messages(2)), None));
        assert!(!until.message(at(3)));
    }
    let mut until = until("-1");
    until.message(at(1));
    assert_eq!(until.due(at(1)), Due::Now(By::Messages(1)));
}

#[test]
fn with_close_on_eof_messages_and_input_are_both_awaited() {
    let mut messages_first = until("--close-on-eof -n 1");
    messages_first.message(at(1));
    assert_eq!(messages_first.due(at(9)), Due::Never);
    messages_first.all_sent(at(9));
    assert_eq!(messages_first.due(at(9)), Due::Now(By::Messages(1)));

    let mut input_first = until("--close-on-eof -n 1");
    input_first.all_sent(at(1));
    assert_eq!(input_first.due(at(9)), Due::Never);
    input_first.message(at(9));
    assert_eq!(input_first.due(at(9)), Due::Now(By::Messages(1)));

    let mut limited = until("--close-on-eof -n 1 --wait 5s");
    limited.all_sent(at(1));
    assert_eq!(limited.due(at(1)), Due::At(at(6)));
    assert_eq!(limited.due(at(6)), Due::Now(By::Silence(Duration::from_secs(5))));
    assert_eq!(limited.missing(), Some((0, 1)));
}

#[test]
fn a_wait_without_close_on_eof_is_refused() {
    let message = "--wait has no effect without --close-on-eof; add it";
    assert_eq!(options("--wait 1s").check(), Err(UsageError::new(message)));
    assert_eq!(options("--wait 1s --close-on-eof").check(), Ok(()));
}
