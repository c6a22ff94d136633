//! Tests of exit codes.

use websocket_heartbeat_smol::TransportError;

use super::*;

fn message(length: usize) -> Message {
    Message::text("x".repeat(length))
}

fn dropped(reason: DropReason) -> Unsent {
    Unsent::of(&Fate::Dropped { reason, message: message(7) }).unwrap()
}

fn tally(lines: &[Unsent]) -> Tally {
    let mut tally = Tally::new(9);
    lines.iter().for_each(|line| assert!(tally.count(*line)));
    tally
}

fn failure(reason: CloseReason, lines: &[Unsent]) -> Option<(u8, String)> {
    let (tally, reason) = (&tally(lines), &reason);
    Ending { reason, tally, output: None, input: None, missing: None, unread: 0 }.failure()
}

fn broken(kind: ErrorKind) -> LostCause {
    LostCause::Broken(TransportError::new(kind, "too bad"))
}

#[test]
fn a_session_without_failures_ends_with_success() {
    for reason in [CloseReason::User, CloseReason::Aborted] {
        assert_eq!(failure(reason, &[]), None);
    }
    assert!(Unsent::of(&Fate::Written { connection: 1 }).is_none());
}

#[test]
fn unsent_lines_are_a_failure_in_words() {
    let words = |lines: &[Unsent]| failure(CloseReason::User, lines).unwrap();
    let expired = dropped(DropReason::Expired);
    let unknown = Unsent::of(&Fate::Unknown { connection: 1, message: None }).unwrap();
    let large = Unsent::dropped("too_large", &message(9));
    assert_eq!(words(&[expired]), (UNSENT, "1 line was not sent".into()));
    assert_eq!(words(&[expired; 3]), (UNSENT, "3 lines were not sent".into()));
    assert_eq!(
        words(&[expired, unknown]),
        (UNSENT, "2 lines were not sent, 1 of them may have arrived".into())
    );
    assert_eq!(
        words(&[large; 2]),
        (TOO_LARGE, "2 lines were not sent: longer than --outbox-bytes".into())
    );
    assert_eq!(
        words(&[large, expired]),
        (UNSENT, "2 lines were not sent, 1 of them for their length (--outbox-bytes)".into())
    );
}

#[test]
fn the_reason_of_the_end_wins_over_unsent_lines() {
    let unsent = dropped(DropReason::SessionEnded);
    let cause = || broken(ErrorKind::Refused);
    for (reason, code) in [
        (CloseReason::AttemptsExhausted(cause()), GAVE_UP),
        (CloseReason::BackoffEnded(cause()), GAVE_UP),
        (CloseReason::FlapLimit(cause()), GAVE_UP),
        (CloseReason::OutageLimit(None), GAVE_UP),
        (CloseReason::Stopped(cause()), REFUSED),
        (CloseReason::Stopped(broken(ErrorKind::TooLarge)), TOO_LARGE),
    ] {
        let (found, words) = failure(reason, &[unsent]).unwrap();
        assert_eq!(found, code, "{words}");
        assert!(words.ends_with("; 1 line was not sent"), "{words}");
    }
}

#[test]
fn streams_and_messages_have_their_failures() {
    let closed = io::Error::from(io::ErrorKind::BrokenPipe);
    let full = io::Error::from(io::ErrorKind::StorageFull);
    let tally = Tally::default();
    let ending = |output, input, missing| {
        let reason = &CloseReason::User;
        Ending { reason, tally: &tally, output, input, missing, unread: 9 }.failure()
    };
    assert_eq!(
        ending(Some(&closed), None, Some((0, 1))),
        Some((OUTPUT_CLOSED, "standard output was closed".into()))
    );
    let (code, words) = ending(Some(&full), None, None).unwrap();
    assert_eq!(code, OUTPUT_CLOSED);
    assert!(words.starts_with("standard output cannot be written: "), "{words}");
    assert_eq!(ending(None, Some("no"), Some((0, 1))), Some((FAILURE, "no".into())));
    assert_eq!(ending(None, None, Some((3, 5))), Some((FAILURE, "3 of 5 messages came".into())));
    let (code, words) = ending(None, None, None).unwrap();
    assert_eq!(code, FAILURE);
    assert!(words.starts_with("9 messages came after the close"), "{words}");
}

#[test]
fn at_the_end_a_bounded_number_of_lines_is_listed() {
    let mut tally = Tally::new(2);
    let expired = dropped(DropReason::Expired);
    assert!((0..5).all(|_| tally.count(expired)));
    let ended = dropped(DropReason::SessionEnded);
    assert!(tally.count(ended));
    assert!(tally.count(ended));
    assert_eq!(tally.not_listed(), None);
    assert!(!tally.count(ended));
    assert!(!tally.count(expired));
    assert_eq!(tally.not_listed(), Some(UnsentSum { dropped: 2, unknown: 0, bytes: 14 }));
    assert_eq!(tally.all.lines(), 9);
}
