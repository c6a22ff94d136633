//! The mock under a supervisor.

use websocket_heartbeat::{Event, Exponential, Preset, Supervisor};
use websocket_heartbeat_mock::{
    Chaos, Clock, MockTimer, MockTransport, Remote, Runner, Script, mock,
};

use crate::client::ms;

fn session(clock: &Clock, preset: Preset) -> (Supervisor<MockTransport, MockTimer>, Remote) {
    let (transport, remote) = mock(clock);
    let builder = Supervisor::builder(transport, clock.timer()).preset(preset);
    (builder.build().expect("presets are valid"), remote)
}

/// Adds each event to the trace as a note.
async fn note_events(mut session: Supervisor<MockTransport, MockTimer>, remote: Remote) {
    while let Some(event) = session.next().await {
        match event {
            Event::Open(open) => remote.trace().note(format_args!("open {}", open.connection)),
            Event::Lost(lost) => remote.trace().note(format_args!("lost: {}", lost.cause.name())),
            Event::Closed(closed) => {
                remote.trace().note(format_args!("closed: {}", closed.reason.name()));
            }
            _ => {}
        }
    }
}

#[test]
fn a_half_open_connection_is_detected_in_time() {
    let clock = Clock::new();
    let (session, remote) = session(&clock, Preset::Original);
    remote.script(|dial| match dial {
        1 => Script::accept().half_open_after(ms(1)),
        _ => Script::refuse_http(503, []),
    });
    let mut runner = Runner::new(&clock);
    let handle = session.handle();
    runner.spawn(note_events(session, remote.clone())).detach();
    runner.run_for(ms(28_000));
    handle.close();
    runner.settle();
    remote.trace().assert([
        (0, "#1 dial"),
        (0, "#1 open"),
        (0, "open 1"),
        (15_000, "#1 -> text \"heartbeat\""),
        (25_000, "#1 dropped"),
        (25_000, "lost: heartbeat_timeout"),
        (27_000, "#2 dial"),
        (27_000, "#2 refused: http 503"),
        (27_000, "lost: connect"),
        (28_000, "closed: user"),
    ]);
}

#[test]
fn a_driver_sends_heartbeats_while_the_inbox_is_unread() {
    let clock = Clock::new();
    let (session, remote) = session(&clock, Preset::Original);
    remote.script(|_| Script::accept().echo());
    let (driver, inbox) = session.into_driver(16).expect("the inbox is valid");
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    runner.run_for(ms(60_000));
    assert_eq!(remote.trace().times("#1 -> text \"heartbeat\""), [15_000, 30_000, 45_000, 60_000]);
    drop(inbox);
    runner.run_for(ms(10_000));
    assert_eq!(remote.live(), 0);
}

/// With every fault there is one connection at a time, and an open one at the end.
#[test]
fn a_supervisor_survives_chaos_and_its_traces_repeat() {
    let trace_of = |seed| {
        let clock = Clock::new();
        let (transport, remote) = mock(&clock);
        let mut chaos = Chaos::new(seed).calm_after(30);
        remote.script(move |_| chaos.script());
        let session = Supervisor::builder(transport, clock.timer())
            .preset(Preset::Resilient)
            .backoff(Exponential::new().seed(seed))
            .build()
            .expect("presets are valid");
        let handle = session.handle();
        let mut runner = Runner::new(&clock);
        runner.spawn(note_events(session, remote.clone())).detach();
        runner.run_for(ms(3_600_000));
        assert_eq!((remote.live(), remote.most_at_once()), (1, 1), "seed {seed}");
        handle.close();
        runner.run_for(ms(60_000));
        assert_eq!((remote.live(), remote.dialing()), (0, 0), "seed {seed}");
        remote.trace().lines()
    };
    for seed in 0..40 {
        let (first, again) = (trace_of(seed), trace_of(seed));
        let differs = first.iter().zip(&again).find(|(a, b)| a != b);
        assert_eq!((differs, first.len()), (None, again.len()), "seed {seed}");
    }
}

/// A timer may end early, because deadlines are compared with the clock.
#[test]
fn early_timers_only_cause_more_wakes() {
    let trace_of = |early| {
        let clock = Clock::new();
        clock.set_timer_early(early);
        let (session, remote) = session(&clock, Preset::Original);
        remote.script(|dial| match dial % 3 {
            0 => Script::hang(),
            1 => Script::accept().silent(),
            _ => Script::accept().echo().end_after(ms(40_000)),
        });
        let mut runner = Runner::new(&clock);
        runner.spawn(note_events(session, remote.clone())).detach();
        runner.run_for(ms(600_000));
        remote.trace().lines()
    };
    assert_eq!(trace_of(true), trace_of(false));
}
