//! Random servers, losses and settings check all promises of the layer.

use std::{
    cell::RefCell,
    collections::HashSet,
    rc::Rc,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;
use websocket_heartbeat::{
    Constant, ErrorKind, Heartbeat, Offline, OutboxSettings, Supervisor, Timer, TransportError,
    acks::AckSettings,
};
use websocket_heartbeat_mock::{Clock, Remote, Script, mock};

use super::fixture::{AckFixture, find, note_outcome};
use crate::harness::{MockSupervisor, ms, secs};

/// A server's behaviour for one dial. Times are in milliseconds.
#[derive(Clone, Debug)]
struct Dial {
    refuses: bool,
    latency: u64,
    end: End,
    life: u64,
    acks: Acking,
    /// The server forgets one of this many acknowledgements. 0 means none.
    forgets: u64,
    /// The number of bytes after which writes stall. 0 means no limit.
    quota: u64,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Stream,
    Reset,
    Close,
    Cable,
    Stall,
}

#[derive(Clone, Copy, Debug)]
enum Acking {
    One,
    UpTo,
    /// Acknowledges two messages at a time.
    Each,
    Never,
}

#[derive(Clone, Debug)]
struct Case {
    dials: Vec<Dial>,
    /// The delay of each producer before each of its messages.
    producers: Vec<Vec<u64>>,
    window: usize,
    timeout: u64,
    resends: Option<u32>,
    losses: Option<u32>,
    inbox: Option<usize>,
    offline: Offline,
    /// The time of the close. `None` lets the session finish.
    close: Option<u64>,
}

fn dial() -> impl Strategy<Value = Dial> {
    let end = prop_oneof![
        3 => Just(End::Stream),
        1 => Just(End::Reset),
        1 => Just(End::Close),
        1 => Just(End::Cable),
        1 => Just(End::Stall),
    ];
    let acks = prop_oneof![
        3 => Just(Acking::One),
        2 => Just(Acking::UpTo),
        1 => Just(Acking::Each),
        1 => Just(Acking::Never),
    ];
    let quota = prop_oneof![2 => Just(0), 1 => 1..400_u64];
    let parts = (prop::bool::weighted(0.2), 0..400_u64, end, 1..8_000_u64, acks, 0..4_u64, quota);
    parts.prop_map(|(refuses, latency, end, life, acks, forgets, quota)| Dial {
        refuses,
        latency,
        end,
        life,
        acks,
        forgets,
        quota,
    })
}

fn case() -> impl Strategy<Value = Case> {
    let producer = prop::collection::vec(prop_oneof![Just(0), 0..1_500_u64], 0..20);
    (
        prop::collection::vec(dial(), 0..8),
        prop::collection::vec(producer, 1..4),
        1..8_usize,
        500..5_000_u64,
        prop::option::weighted(0.3, 0..3_u32),
        prop::option::weighted(0.3, 0..3_u32),
        prop::option::of(1..10_usize),
        prop_oneof![Just(Offline::Keep), Just(Offline::Refuse)],
        prop::option::weighted(0.3, 0..40_000_u64),
    )
        .prop_map(
            |(dials, producers, window, timeout, resends, losses, inbox, offline, close)| Case {
                dials,
                producers,
                window,
                timeout,
                resends,
                losses,
                inbox,
                offline,
                close,
            },
        )
}

/// The messages that the server received, over all connections.
#[derive(Default)]
struct Seen {
    ids: HashSet<u64>,
    /// In the order of their first copies.
    order: Vec<u64>,
    /// For each connection, in the order of the first copies on it.
    connections: Vec<Vec<u64>>,
}

impl Seen {
    fn note(&mut self, connection: usize, id: u64) {
        if self.ids.insert(id) {
            self.order.push(id);
        }
        if !self.connections[connection].contains(&id) {
            self.connections[connection].push(id);
        }
    }
}

fn script(dial: &Dial, seen: &Arc<Mutex<Seen>>) -> Script {
    if dial.refuses {
        return Script::refuse_connection();
    }
    let seen = Arc::clone(seen);
    let connection = {
        let mut seen = seen.lock().unwrap();
        seen.connections.push(Vec::new());
        seen.connections.len() - 1
    };
    let Dial { acks, forgets, .. } = *dial;
    let (mut count, mut half) = (0, None);
    let script = Script::accept().latency(ms(dial.latency));
    let script = script.reply_with(move |message| {
        let id: u64 = message.as_text()?.parse().ok()?;
        seen.lock().unwrap().note(connection, id);
        count += 1;
        if forgets > 0 && count % (forgets + 1) == 0 {
            return None;
        }
        match acks {
            Acking::Never => None,
            Acking::One => Some(format!("ack {id}").into()),
            Acking::UpTo => Some(format!("upto {id}").into()),
            Acking::Each => match half.take() {
                Some(other) => Some(format!("acks {other} {id}").into()),
                None => {
                    half = Some(id);
                    Some("data".into())
                }
            },
        }
    });
    let life = ms(dial.life);
    match dial.end {
        End::Stream => script.end_after(life),
        End::Reset => script.fail_after(life, TransportError::new(ErrorKind::Reset, "reset")),
        End::Close => script.close_after(life, 1012, "restart"),
        End::Cable => script.half_open_after(life),
        End::Stall => script.stall_writes_after(life),
    }
}

fn session_of(case: &Case, clock: &Clock, seen: &Arc<Mutex<Seen>>) -> (MockSupervisor, Remote) {
    let (transport, remote) = mock(clock);
    let (dials, seen) = (case.dials.clone(), Arc::clone(seen));
    remote.script(move |number| match dials.get(number as usize - 1) {
        Some(dial) => script(dial, &seen),
        None => {
            let calm = Dial {
                refuses: false,
                latency: 10,
                end: End::Stream,
                life: 10_000_000,
                acks: Acking::One,
                forgets: 0,
                quota: 0,
            };
            script(&calm, &seen)
        }
    });
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::idle(secs(3)).timeout(secs(2)).ping())
        .backoff(Constant::new(secs(1)))
        .outbox(OutboxSettings::new().offline(case.offline))
        .build()
        .unwrap();
    (supervisor, remote)
}

fn holds(case: &Case) -> Result<(), TestCaseError> {
    let clock = Clock::new();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (supervisor, remote) = session_of(case, &clock, &seen);
    let handle = supervisor.handle();
    let acks = AckSettings::new(find)
        .window(case.window)
        .timeout(ms(case.timeout))
        .resends(case.resends.unwrap_or(u32::MAX));
    let acks = match case.losses {
        Some(losses) => acks.max_connection_losses(losses),
        None => acks,
    };
    let mut fixture = match case.inbox {
        None => AckFixture::over(supervisor, handle, clock.clone(), remote.clone(), acks),
        Some(limit) => {
            let (driver, inbox) = supervisor.into_driver(limit).unwrap();
            let mut fixture = AckFixture::over(inbox, handle, clock.clone(), remote.clone(), acks);
            fixture.runner.spawn(driver).detach();
            fixture
        }
    };
    cut_writes(&mut fixture, case);

    // In the order of acceptance.
    let accepted = Rc::new(RefCell::new(Vec::new()));
    let most = Rc::new(RefCell::new(0));
    for (producer, delays) in case.producers.iter().enumerate() {
        let (delays, sender, clock) = (delays.clone(), fixture.sender.clone(), clock.clone());
        let (accepted, most) = (Rc::clone(&accepted), Rc::clone(&most));
        let (spawner, outcomes, seen) =
            (fixture.runner.spawner(), Rc::clone(&fixture.outcomes), Arc::clone(&seen));
        let work = async move {
            for (index, delay) in delays.into_iter().enumerate() {
                let id = (producer * 1_000 + index) as u64;
                let at = clock.now().checked_add(ms(delay)).unwrap();
                clock.timer().sleep_until(at).await;
                let Ok(receipt) = sender.queue(id, id.to_string()).await else { return };
                accepted.borrow_mut().push(id);
                let held = sender.unacknowledged();
                most.replace_with(|most| held.max(*most));
                let (outcomes, clock, seen) =
                    (Rc::clone(&outcomes), clock.clone(), Arc::clone(&seen));
                let follow = async move {
                    let outcome = receipt.await;
                    let seen = seen.lock().unwrap().ids.contains(&id);
                    match &outcome {
                        Ok(()) => assert!(seen, "{id} is acknowledged, but never arrived"),
                        Err(failed) => {
                            assert!(!seen || failed.sends > 0, "{id} arrived, but was never sent")
                        }
                    }
                    note_outcome(&outcomes, &clock, id, outcome);
                };
                spawner.spawn(follow).detach();
            }
        };
        fixture.runner.spawn(work).detach();
    }
    if let Some(at) = case.close {
        fixture.run(at);
        fixture.handle.close();
    }
    fixture.run(600_000);
    let before_close = fixture.outcomes.borrow().len();
    fixture.handle.close();
    fixture.run(60_000);

    let accepted = accepted.take();
    let outcomes: Vec<_> = fixture.outcomes.take().into_iter().map(|(_, words)| words).collect();
    let reported: HashSet<u64> =
        outcomes.iter().map(|words| words.split(' ').next().unwrap().parse().unwrap()).collect();
    prop_assert_eq!(outcomes.len(), accepted.len(), "each has one outcome");
    prop_assert_eq!(
        &reported,
        &accepted.iter().copied().collect(),
        "each message has its own outcome"
    );
    prop_assert!(*most.borrow() <= case.window, "the window holds");
    if case.close.is_none() {
        prop_assert_eq!(before_close, accepted.len(), "all messages had an outcome before the end");
        prop_assert_eq!(accepted.len(), case.producers.iter().map(Vec::len).sum::<usize>());
        if case.resends.is_none() && case.losses.is_none() {
            prop_assert!(outcomes.iter().all(|words| words.ends_with(" ok")), "{:?}", outcomes);
        }
    }
    let seen = seen.lock().unwrap();
    let rank = |id: &u64| accepted.iter().position(|known| known == id);
    prop_assert!(seen.order.iter().map(rank).is_sorted(), "first copies: {:?}", seen.order);
    for order in &seen.connections {
        prop_assert!(order.iter().map(rank).is_sorted(), "on one connection: {:?}", order);
    }
    Ok(())
}

/// Limits the bytes of those connections that have a quota.
fn cut_writes(fixture: &mut AckFixture, case: &Case) {
    let (remote, dials) = (fixture.remote.clone(), case.dials.clone());
    let cut = async move {
        loop {
            let peer = remote.next_peer().await;
            if let Some(dial) = dials.get(peer.number() as usize - 1)
                && dial.quota > 0
            {
                peer.write_quota(dial.quota);
            }
        }
    };
    fixture.runner.spawn(cut).detach();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn each_message_is_acknowledged_or_reported_once_and_seen_in_order(case in case()) {
        holds(&case)?;
    }
}
