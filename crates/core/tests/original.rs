//! The contract of the original, to the tick of the virtual clock: dials, heartbeats and closes
//! against scripted servers, with `Preset::Original`. The numbers in names are those of the facts.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures::StreamExt;
use websocket_heartbeat::{Attempts, Builder, Event, Supervisor};
use websocket_heartbeat_mock::{Clock, MockTimer, MockTransport, Remote, Runner, Script, mock};

const SECOND: Duration = Duration::from_secs(1);

/// Runs a default supervisor against `script` for so many virtual seconds; gives its events in
/// words, with their times in milliseconds.
fn run(
    seconds: u64,
    script: impl FnMut(u64) -> Script + Send + 'static,
    set: impl FnOnce(Builder<MockTransport, MockTimer>) -> Builder<MockTransport, MockTimer>,
) -> (Vec<(u64, String)>, Remote) {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(script);
    let mut supervisor = set(Supervisor::builder(transport, clock.timer())).build().unwrap();
    let mut runner = Runner::new(&clock);
    let told = Rc::new(RefCell::new(Vec::new()));
    let events = Rc::clone(&told);
    runner
        .spawn(async move {
            while let Some(event) = supervisor.next().await {
                let at = clock.now().since_epoch().as_millis() as u64;
                events.borrow_mut().push((at, in_words(&event)));
            }
        })
        .detach();
    runner.run_for(SECOND * seconds as u32);
    let told = told.borrow().clone();
    (told, remote)
}

fn in_words(event: &Event) -> String {
    match event {
        Event::Connecting(e) => format!("connecting {} attempt {}", e.connection, e.attempt),
        Event::Open(e) => format!("open {}", e.connection),
        Event::Message(m) => format!("message {}", m.as_text().unwrap_or("?")),
        Event::Lost(e) => format!("lost {} {}", e.connection, e.cause.name()),
        Event::Retry(e) => format!("retry {} in {:?}", e.attempt, e.delay),
        Event::Closed(e) => format!("closed {}", e.reason.name()),
        other => format!("{other:?}"),
    }
}

fn words(lines: &[(u64, &str)]) -> Vec<(u64, String)> {
    lines.iter().map(|(at, words)| (*at, (*words).to_owned())).collect()
}

#[test]
fn facts_22_23_a_silent_server_is_pinged_at_15_s_closed_at_25_s_and_dialled_at_27_s() {
    let (events, remote) = run(28, |_| Script::accept().silent(), |builder| builder);
    assert_eq!(
        events,
        words(&[
            (0, "connecting 1 attempt 0"),
            (0, "open 1"),
            (25_000, "lost 1 heartbeat_timeout"),
            (25_000, "retry 1 in 2s"),
            (27_000, "connecting 2 attempt 1"),
            (27_000, "open 2"),
        ])
    );
    remote.trace().assert([
        (0, "#1 dial"),
        (0, "#1 open"),
        (15_000, "#1 -> text \"heartbeat\""),
        (25_000, "#1 dropped"),
        (27_000, "#2 dial"),
        (27_000, "#2 open"),
        (28_000, "#2 dropped"),
    ]);
}

#[test]
fn facts_31_32_36_41_a_limit_of_4_is_5_dials_2_s_apart() {
    let (events, remote) =
        run(60, |_| Script::refuse_connection(), |builder| builder.attempts(Attempts::at_most(4)));
    let dials: Vec<_> = remote.dials().iter().map(|at| at.since_epoch().as_secs()).collect();
    assert_eq!(dials, [0, 2, 4, 6, 8]);
    assert_eq!(events.last(), Some(&(8_000, "closed attempts_exhausted".to_owned())));
}
