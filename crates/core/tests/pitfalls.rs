//! Bugs that other reconnecting clients had, each under its number: P from the Rust ones, E from
//! the other languages. Those that are shown elsewhere stand in these files:
//!
//! - `original.rs`: P1, E9 with the original's rule
//! - `accidents.rs`: P11, E1, E3, E4, E5, E6
//! - `invariants.rs`: P5, P18, E11
//! - `busy.rs`: P18, E6, E7
//! - `interleavings.rs` and the machine's own `property.rs`: P23
//! - `pace.rs`: P7, E9
//! - `verdict.rs`: P9, P10 (which errors are of the certificate: `tungstenite/tests/tls.rs`)
//! - `herd.rs`: P8, E15; `config.rs`: E15
//! - `before_open.rs`: P15, nothing queued goes out before the exchange is done
//! - `driver/`: P14 and E11 in `cut_at_every_byte.rs` and `delivery.rs`; P15 in `delivery.rs` and
//!   `outbox.rs`; P16 in `outbox.rs` and `inbox.rs`; P17 in `inbox.rs`; P19 in `cancel_safety.rs`;
//!   P22, P26 and E3 in `providers.rs`; P24 in `two_tasks.rs`; E14 in `hooks.rs`
//! - the suites over every backend, `websocket_heartbeat_tungstenite::conformance` and `tests/`: P6,
//!   P11, P14, P22, P27

mod session;

use futures::{SinkExt, StreamExt};
use session::{Session, ms, secs};
use websocket_heartbeat::{
    Attempts, Constant, ErrorKind, Event, Heartbeat, Inbox, OutboxSettings, Phase, Preset,
    Supervisor, TransportError,
};
use websocket_heartbeat_mock::{Chaos, Clock, Runner, Script, mock};

fn pings(idle: u64, timeout: u64) -> Heartbeat {
    Heartbeat::idle(ms(idle)).timeout(ms(timeout)).ping()
}

#[test]
fn p02_the_verdict_of_the_heartbeat_ends_a_read_that_would_wait_for_ever() {
    // The transport's read stays pending; the application hears of it all the same.
    let mut session = Session::original(|_| Script::accept().half_open_after(ms(1)));
    session.run_to(25_000);
    assert_eq!(session.handle.status().phase, Phase::Waiting);
    assert_eq!((session.times("lost"), session.remote.live()), (vec![25_000], 0));
}

#[test]
fn p03_nothing_that_goes_out_or_comes_in_starves_detection() {
    // A message a second into a dead line.
    let mut session = Session::original(|_| Script::accept().half_open_after(ms(1)));
    for second in 1..=25 {
        session.run_to(second * 1_000 - 500);
        session.handle.try_queue("anybody?").unwrap();
    }
    session.run_to(25_000);
    assert_eq!(session.times("lost"), [25_000]);

    // A frame every millisecond: no probe after silence, each period's probe in time.
    let chatter = |_| Script::accept().chatter(ms(1), "x").unrecorded();
    let mut session = Session::new(chatter, |builder| builder.heartbeat(pings(1_000, 500)));
    session.run_to(10_000);
    assert_eq!(session.peer().received_count(), 0);
    let every = Heartbeat::every(secs(1)).timeout(ms(500)).ping();
    let mut session = Session::new(chatter, |builder| builder.heartbeat(every));
    session.run_to(10_000);
    assert_eq!((session.peer().received_count(), session.times("lost")), (10, vec![]));

    // A flood of control frames in one instant, with a deadline in the middle.
    let mut session =
        Session::new(|_| Script::accept(), |builder| builder.heartbeat(pings(1_000, 500)));
    session.run_to(999);
    for _ in 0..100_000 {
        session.peer().pong("flood");
    }
    session.run_to(10_000);
    assert_eq!((session.peer().unread(), session.times("lost")), (0, vec![]));
}

#[test]
fn p04_a_line_that_dies_just_before_the_verdict_leaves_the_next_its_full_time() {
    for death in [14_999, 15_000, 15_001, 24_998, 24_999] {
        let mut session = Session::new(
            move |dial| match dial {
                1 => Script::accept().silent().end_after(ms(death)),
                _ => Script::accept().silent(),
            },
            |builder| builder.backoff(Constant::new(ms(0))),
        );
        session.run_to(death + 24_999);
        assert_eq!(session.times("lost"), [death]);
        session.run_to(death + 25_000);
        assert_eq!(session.times("lost"), [death, death + 25_000]);
        let beats = session.remote.trace().times("#2 -> text \"heartbeat\"");
        assert_eq!(beats, [death + 15_000]);
    }
}

/// A life with everything in it: refused, hanging, opened, silent, dropped, in every state.
fn eventful(dial: u64) -> Script {
    match dial % 6 {
        1 => Script::refuse_connection(),
        2 => Script::hang(),
        3 => Script::accept().after(ms(700)).silent(),
        4 => Script::accept().close_after(secs(3), 1001, "").latency(ms(300)),
        5 => Script::accept().ignore_close().stall_writes_after(secs(1)),
        _ => Script::flap(ms(400)),
    }
}

#[test]
fn p12_a_close_at_any_instant_of_a_life_is_followed_by_no_dial_and_one_end() {
    let mut life = Session::original(eventful);
    life.run_to(150_000);
    let mut instants: Vec<_> = life.remote.trace().lines().iter().map(|(at, _)| *at).collect();
    instants.dedup();
    assert!(instants.len() > 20, "{instants:?}");
    let around = instants.iter().flat_map(|at| [at.saturating_sub(1), *at, at + 1]);
    for (n, instant) in around.enumerate() {
        let mut session = Session::original(eventful);
        session.run_to(instant);
        let dials = session.dials().len();
        if n % 2 == 0 {
            session.handle.close()
        } else {
            session.handle.abort()
        }
        session.run_to(instant + 10_000);
        assert_eq!(session.dials().len(), dials, "closed at {instant}");
        assert_eq!(session.times("closed").len(), 1, "closed at {instant}");
        assert!(session.last().1.starts_with("closed"), "{:?}", session.last());
        assert_eq!(session.remote.live() + session.remote.dialing(), 0);
        assert_eq!(session.clock.next_instant(), None, "closed at {instant}");
    }
}

#[test]
fn p13_nothing_that_an_old_line_says_after_the_new_one_is_open_is_heard() {
    let mut session = Session::original(|_| Script::accept().silent());
    session.run_to(27_000);
    let before = session.handle.status();
    let old = session.remote.peers()[0].clone();
    old.send("data");
    old.fail(TransportError::new(ErrorKind::Reset, "late"));
    old.close(1000, "late");
    session.run_to(27_001);
    let after = session.handle.status();
    assert_eq!((after.connection, after.counters), (2, before.counters));
    assert_eq!((session.messages(), session.remote.live()), (vec![], 1));
}

#[test]
fn p17_one_task_that_sends_more_than_fits_before_it_reads_does_not_wait_for_itself() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().echo());
    let mut supervisor = Supervisor::builder(transport, clock.timer())
        .preset(Preset::Resilient)
        .outbox(OutboxSettings::new().count(4))
        .build()
        .unwrap();
    let mut runner = Runner::new(&clock);
    let read = runner.run_until(async move {
        for n in 0..100 {
            supervisor.feed(format!("{n}").into()).await.unwrap();
        }
        supervisor.flush().await.unwrap();
        let messages = supervisor.filter(|event| {
            let message = matches!(event, Event::Message(_));
            async move { message }
        });
        std::pin::pin!(messages).take(100).collect::<Vec<_>>().await
    });
    assert_eq!(read.len(), 100);
}

#[test]
fn p17_a_reader_that_stops_for_ten_minutes_stops_neither_the_heart_nor_the_line() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().echo());
    let supervisor = Supervisor::builder(transport, clock.timer()).build().unwrap();
    let (driver, mut inbox) = supervisor.into_driver(Inbox::new(1_000)).unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    runner.run_for(secs(600));
    assert_eq!(remote.trace().times("-> text \"heartbeat\"").len(), 40);
    assert_eq!(remote.dials().len(), 1);
    let unread = runner.run_until(async {
        let mut count = 0;
        while let Some(event) = inbox.next().await {
            count += u32::from(matches!(event, Event::Message(_)));
            if count == 40 {
                break;
            }
        }
        count
    });
    assert_eq!(unread, 40);
}

#[test]
fn p20_an_hour_slept_through_in_any_state_leads_to_no_burst() {
    // Waiting, connecting, open, probe out, connected again.
    type Answer = fn(u64) -> Script;
    let states: [(Answer, u64); 5] = [
        (|_| Script::refuse_connection(), 1_000),
        (|_| Script::hang(), 5_000),
        (|_| Script::accept().silent(), 10_000),
        (|_| Script::accept().silent(), 20_000),
        (|_| Script::accept().silent(), 27_500),
    ];
    for (script, moment) in states {
        for heartbeat in [pings(15_000, 10_000), Heartbeat::every(secs(15)).ping()] {
            let mut session = Session::new(script, |builder| builder.heartbeat(heartbeat));
            session.run_to(moment);
            let sent = |session: &Session| {
                session.dials().len() + session.remote.trace().times("-> ping").len()
            };
            let before = sent(&session);
            session.clock.jump(secs(3_600));
            session.runner.settle();
            let burst = sent(&session) - before;
            assert!(burst <= 1, "{burst} at once after {moment}\n{}", session.remote.trace());
        }
    }
}

#[test]
fn p21_a_clock_that_runs_backward_and_timers_that_fire_late_harm_nobody() {
    // Backward by a minute, in the middle of an answer's wait: no verdict too early, none lost.
    let mut session = Session::original(|_| Script::accept().silent());
    session.run_to(20_000);
    session.clock.set_timer_back(secs(60));
    session.run_to(24_000);
    session.clock.set_timer_back(secs(0));
    session.run_to(28_000);
    assert_eq!((session.times("lost"), session.dials()), (vec![25_000], vec![0, 27_000]));

    // Timers that fire once a minute, as in background tabs: a line that answers stays, one that
    // does not is found.
    let mut session = Session::original(|_| Script::accept().echo());
    session.clock.set_timer_granularity(secs(60));
    session.run_to(3_600_000);
    assert_eq!(session.times("lost"), []);
    session.peer().half_open();
    session.run_to(4_200_000);
    assert_eq!(session.times("lost").len(), 1);
    session.run_to(4_400_000);
    assert_eq!(session.handle.status().phase, Phase::Open);
}

#[test]
fn p25_a_close_that_is_ignored_delays_nothing_beyond_its_deadline() {
    let mut session = Session::new(
        |_| Script::accept().silent(),
        |builder| builder.close_timeout(secs(2)).max_age(secs(10)),
    );
    session.run_to(5_000);
    session.handle.close();
    session.run_to(6_999);
    assert_eq!((session.times("closed"), session.remote.live()), (vec![], 1));
    session.run_to(7_000);
    assert_eq!((session.times("closed"), session.remote.live()), (vec![7_000], 0));
}

#[test]
fn p26_the_limit_is_exact_and_its_end_is_told_once_with_its_cause() {
    for limit in 0..6_u64 {
        for failures in 1..=limit + 1 {
            let mut session = Session::new(
                move |dial| match dial <= failures {
                    true => Script::refuse_http(500, []),
                    false => Script::accept().echo(),
                },
                |builder| builder.attempts(Attempts::at_most(limit as u32)),
            );
            session.run_to(60_000);
            let gave_up = failures > limit;
            let dials = if gave_up { limit + 1 } else { failures + 1 };
            assert_eq!(session.dials().len() as u64, dials, "{failures} of {limit}");
            assert_eq!(session.times("closed").len(), usize::from(gave_up));
        }
    }
}

#[test]
fn e02_whatever_was_called_in_whatever_order_a_wanted_session_comes_back() {
    // Every sequence of four commands, each with a moment between them.
    const COMMANDS: [fn(&Session); 4] = [
        |session| session.handle.pause(),
        |session| session.handle.resume(),
        |session| session.handle.reconnect_now(),
        |session| session.handle.probe_now(),
    ];
    for sequence in 0..256_usize {
        for gap in [0, 700, 2_100] {
            let mut session = Session::original(eventful);
            session.run_to(sequence as u64 * 97 % 40_000);
            for place in 0..4 {
                COMMANDS[sequence >> (2 * place) & 3](&session);
                let now = session.now();
                session.run_to(now + gap);
            }
            session.handle.resume();
            session.remote.script(|_| Script::accept().echo());
            let now = session.now();
            session.run_to(now + 60_000);
            let status = session.handle.status();
            assert_eq!(status.phase, Phase::Open, "sequence {sequence}, gap {gap}");
            assert_eq!((session.remote.live(), session.remote.most_at_once()), (1, 1));
        }
    }
}

#[test]
fn e08_a_black_hole_is_found_at_every_ratio_of_timeout_to_interval() {
    for (idle, timeout) in [(10_000, 30_000), (10_000, 10_000), (10_000, 1_000), (1, 60_000)] {
        for every in [false, true] {
            let beat = if every { Heartbeat::every(ms(idle)) } else { Heartbeat::idle(ms(idle)) };
            let mut session = Session::new(
                |_| Script::accept().half_open_after(ms(0)),
                |builder| builder.heartbeat(beat.timeout(ms(timeout)).ping()),
            );
            session.run_to(idle + timeout);
            assert_eq!(session.times("lost"), [idle + timeout], "{idle} and {timeout}");
            // And is replaced each time.
            session.run_to(10 * (idle + timeout + 2_000));
            assert_eq!(session.dials().len(), 11);
        }
    }
}

#[test]
fn e10_all_triggers_in_one_tick_make_one_connection() {
    let mut session = Session::original(|_| Script::accept().silent());
    session.run_to(24_999);
    let peer = session.peer();
    // The verdict of the heartbeat is due at 25 s.
    session.clock.advance(ms(1));
    peer.fail(TransportError::new(ErrorKind::Reset, "error"));
    peer.close(1006, "close");
    peer.end();
    session.handle.reconnect_now();
    session.handle.probe_now();
    session.handle.resume();
    session.run_to(26_999);
    assert_eq!((session.times("lost").len(), session.dials().len()), (1, 2));
    assert_eq!((session.remote.live(), session.remote.most_at_once()), (1, 1));
}

#[test]
fn e12_after_a_suspend_a_line_that_lives_is_kept_and_a_dead_one_is_found_soon() {
    for sleep in [60, 3_600] {
        // The clock went on, or it stood still.
        for frozen in [false, true] {
            for moment in [10_000, 20_000] {
                for dead in [false, true] {
                    let mut session = Session::new(
                        |_| Script::accept().pong_after(ms(8_000)),
                        |builder| builder.heartbeat(pings(15_000, 10_000)),
                    );
                    session.run_to(moment);
                    if dead {
                        session.peer().half_open();
                    }
                    match frozen {
                        true => session.clock.freeze(secs(sleep)),
                        false => session.clock.jump(secs(sleep)),
                    }
                    session.peer().set_pong(Some(ms(100)));
                    let woken = session.now();
                    session.run_to(woken + 25_000);
                    let case = (sleep, frozen, moment);
                    assert_eq!(session.times("lost").len(), usize::from(dead), "{case:?}");
                }
            }
        }
    }
}

#[test]
fn e13_no_hint_overrules_the_users_will() {
    for moment in [0, 500, 5_000, 12_500, 14_000] {
        let mut session = Session::original(eventful);
        session.run_to(moment);
        session.handle.close();
        for later in 1..10 {
            session.handle.reconnect_now();
            session.handle.resume();
            session.handle.probe_now();
            session.run_to(moment + later * 1_000);
        }
        assert_eq!(session.times("closed user").len(), 1, "closed at {moment}");
        assert_eq!(session.remote.live() + session.remote.dialing(), 0);
    }
}

#[test]
fn chaos_always_ends_in_an_open_connection_and_one_life_at_a_time() {
    for seed in 0..200 {
        let mut chaos = Chaos::new(seed).calm_after(30);
        let mut session = Session::new(
            move |_| chaos.script(),
            |builder| builder.preset(Preset::Resilient).backoff(Constant::new(secs(1))),
        );
        session.run_to(7_200_000);
        let told = session.told();
        assert!(!matches!(told.last(), Some((_, Event::Closed(_)))), "seed {seed}");
        assert_eq!(session.handle.status().phase, Phase::Open, "seed {seed}");
        assert_eq!((session.remote.live(), session.remote.most_at_once()), (1, 1), "seed {seed}");
        let opens = session.times("open").len();
        let lost =
            told.iter().filter(|(_, event)| matches!(event, Event::Lost(lost) if lost.opened));
        assert_eq!(opens, lost.count() + 1, "seed {seed}");
    }
}
