//! Every order of up to four steps of the user, the server and time.

use std::thread;

use websocket_heartbeat::{ErrorKind, Event, Heartbeat, Phase, TransportError};
use websocket_heartbeat_mock::{Peer, Script};

use crate::harness::{Session, ms, secs};

/// A name, and an action.
type Step = (&'static str, fn(&mut Session));

const STEPS: [Step; 11] = [
    ("close", |session| session.handle.close()),
    ("abort", |session| session.handle.abort()),
    ("pause", |session| session.handle.pause()),
    ("resume", |session| session.handle.resume()),
    ("reconnect", |session| session.handle.reconnect_now()),
    ("probe", |session| session.handle.probe_now()),
    ("end", |session| peer(session, |peer| peer.end())),
    ("bye", |session| peer(session, |peer| peer.close(1001, ""))),
    ("broken", |session| peer(session, |peer| peer.fail_writes(reset()))),
    ("say", |session| peer(session, |peer| peer.send("data"))),
    ("wait", |session| session.run_to(session.now() + 2_000)),
];

fn reset() -> TransportError {
    TransportError::new(ErrorKind::Reset, "reset")
}

fn peer(session: &Session, act: impl Fn(Peer)) {
    session.remote.last_peer().into_iter().for_each(act);
}

fn answer(dial: u64) -> Script {
    match dial {
        2 => Script::refuse_connection().after(ms(300)),
        3 => Script::hang(),
        _ => Script::accept().after(ms(300)),
    }
}

/// Checks that each connection starts once, opens at most once and is lost once, and that the end
/// is last.
fn assert_order(session: &Session, words: &str) {
    let reported = session.timed_events();
    let (mut current, mut opened) = (None, false);
    for (at, (_, event)) in reported.iter().enumerate() {
        match event {
            Event::Connecting(e) => {
                assert_eq!(current, None, "{words}");
                (current, opened) = (Some(e.connection), false);
            }
            Event::Open(e) => {
                assert_eq!((current, opened), (Some(e.connection), false), "{words}");
                opened = true;
            }
            Event::Message(_) => assert!(current.is_some() && opened, "{words}"),
            Event::Lost(e) => {
                assert_eq!((current, opened), (Some(e.connection), e.opened), "{words}");
                current = None;
            }
            Event::Closed(_) => assert_eq!(at + 1, reported.len(), "{words}"),
            _ => assert_eq!(current, None, "{words}"),
        }
    }
}

fn case(begin: u64, gap: u64, sequence: [usize; 4]) {
    let steps = sequence.map(|step| STEPS[step]);
    let words = || format!("{:?} from {begin} ms on, {gap} ms apart", steps.map(|step| step.0));
    let pings = Heartbeat::idle(secs(1)).timeout(ms(500)).ping();
    let mut session =
        Session::new(answer, |builder| builder.heartbeat(pings).connect_timeout(secs(1)));
    session.run_to(begin);
    let mut dials = None;
    for (name, act) in steps {
        act(&mut session);
        if name == "close" || name == "abort" {
            dials = dials.or_else(|| Some(session.dials().len()));
        }
        session.run_to(session.now() + gap);
    }
    session.handle.resume();
    session.remote.script(|_| Script::accept());
    session.run_to(session.now() + 6_000);
    assert_order(&session, &words());
    let live = session.remote.live() + session.remote.dialing();
    match dials {
        // After a close there is no dial, one end, and nothing scheduled.
        Some(dials) => {
            let ends = session.times("closed").len();
            assert_eq!((session.dials().len(), ends, live), (dials, 1, 0), "{}", words());
        }
        None => {
            assert_eq!(session.handle.status().phase, Phase::Open, "{}", words());
            assert_eq!((live, session.remote.most_at_once()), (1, 1), "{}", words());
        }
    }
}

/// There are 3 states, with and without time between the steps, and 14 641 orders for each.
#[test]
fn every_order_of_four_steps_works_in_each_state() {
    let count = STEPS.len();
    let all_orders = |begin| {
        for gap in [0, 400] {
            for order in 0..count.pow(4) {
                let place = |n: u32| order / count.pow(n) % count;
                case(begin, gap, [place(0), place(1), place(2), place(3)]);
            }
        }
    };
    // The states are: connecting, open, and waiting for a pong. Each has a thread, to save time.
    thread::scope(|scope| {
        for begin in [100, 400, 1_400] {
            scope.spawn(move || all_orders(begin));
        }
    });
}
