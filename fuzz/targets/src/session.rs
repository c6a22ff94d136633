//! A session in virtual time, against a server with a script from the input.
//!
//! The input is read as settings, four scripts, and commands. The events keep their grammar, each
//! accepted message has one fate, the session ends, and no task spins or waits forever.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures::FutureExt;
use websocket_heartbeat::{
    Attempts, Builder, Constant, ErrorKind, Event, Exponential, Handle, Heartbeat, Offline,
    OutboxSettings, Preset, Receipt, Supervisor, Timer, TransportError, WhenFull,
};
use websocket_heartbeat_mock::{Clock, Grammar, MockTimer, MockTransport, Runner, Script, mock};

use crate::plan::Plan;

/// The number of polls in one instant that counts as a task that spins.
const POLL_LIMIT: u64 = 20_000;

pub(crate) fn run(data: &[u8]) {
    let mut plan = Plan::new(data);
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    let builder = settings(&mut plan, Supervisor::builder(transport, clock.timer()));
    let scripts: [Vec<u8>; 4] = std::array::from_fn(|_| {
        let length = plan.below(12);
        plan.take(length).to_vec()
    });
    remote.script(move |dial| script(&scripts[dial as usize % scripts.len()]));
    let Ok(supervisor) = builder.build() else { return };
    let session =
        Session { handle: supervisor.handle(), timer: clock.timer(), accepted: Rc::default() };
    let mut runner = Runner::new(&clock);
    runner.set_poll_limit(POLL_LIMIT);
    let events = read_events(supervisor, session.clone(), plan.below(4));
    let reader = runner.spawn(events);
    let commands = plan.rest().to_vec();
    runner.run_until(async {
        session.command(&commands).await;
        session.handle.abort();
        reader.await;
    });
    // The connections of the server end too.
    runner.run_for(Duration::from_secs(60));
    assert_eq!(remote.live(), 0, "a connection survives its session");
    session.check_fates();
}

fn settings(
    plan: &mut Plan<'_>,
    builder: Builder<MockTransport, MockTimer>,
) -> Builder<MockTransport, MockTimer> {
    let preset = if plan.below(2) == 0 { Preset::Resilient } else { Preset::Original };
    let heartbeat = match plan.below(5) {
        0 => Heartbeat::off(),
        1 => Heartbeat::idle(seconds(plan)).timeout(seconds(plan)).ping(),
        2 => Heartbeat::every(seconds(plan)).timeout(seconds(plan)).ping().max_missed(2),
        3 => Heartbeat::idle(seconds(plan)).timeout(seconds(plan)).message("beat"),
        _ => Heartbeat::idle(seconds(plan)).ping().adaptive(milliseconds(plan)),
    };
    let outbox = OutboxSettings::new()
        .count(plan.below(8) + 1)
        .bytes(plan.below(256) + 1)
        .when_full(if plan.below(2) == 0 { WhenFull::Refuse } else { WhenFull::DropOldest })
        .offline(if plan.below(2) == 0 { Offline::Keep } else { Offline::Refuse })
        .resend(plan.below(3) as u32)
        .max_age(seconds(plan));
    let builder = builder.preset(preset).heartbeat(heartbeat).outbox(outbox);
    let builder = match plan.below(3) {
        0 => builder.backoff(Exponential::new().base(milliseconds(plan)).seed(1)),
        1 => builder.backoff(Constant::new(milliseconds(plan))),
        _ => builder.backoff(Exponential::new().seed(plan.byte().into())),
    };
    let builder = match plan.below(4) {
        0 => builder.attempts(Attempts::at_most(plan.below(4) as u32)),
        1 => builder.max_age(seconds(plan)),
        2 => builder.outage_limit(seconds(plan)),
        _ => builder,
    };
    builder.connect_timeout(seconds(plan)).close_timeout(milliseconds(plan))
}

fn seconds(plan: &mut Plan<'_>) -> Duration {
    Duration::from_secs(plan.byte().into())
}

fn milliseconds(plan: &mut Plan<'_>) -> Duration {
    Duration::from_millis(u64::from(plan.byte()) * 8)
}

/// The behaviour of the server for one dial.
fn script(bytes: &[u8]) -> Script {
    let mut plan = Plan::new(bytes);
    let mut script = match plan.below(8) {
        0 => return Script::hang(),
        1 => return Script::refuse_connection(),
        2 => {
            return Script::refuse_http(503, [("Retry-After", "3")]).after(milliseconds(&mut plan));
        }
        3 => return Script::refuse_http(401, []),
        4 => Script::accept().echo().after(milliseconds(&mut plan)),
        5 => Script::accept().silent(),
        6 => Script::accept().hesitant(),
        _ => Script::accept().latency(milliseconds(&mut plan)),
    };
    while !plan.is_empty() {
        let action = plan.below(14);
        let delay = milliseconds(&mut plan) * 4;
        script = match action {
            0 => script.send_after(delay, "hello"),
            1 => script.end_after(delay),
            2 => script.close_after(delay, 1001, "away"),
            3 => script.fail_after(delay, reset()),
            4 => script.garbage_after(delay),
            5 => script.half_open_after(delay),
            6 => script.stall_writes_after(delay),
            7 => script.without_pongs(),
            8 => script.ignore_close(),
            9 => script.linger(),
            10 => script.chatter(delay + Duration::from_millis(500), "chatter"),
            11 => script.message_limit(4),
            12 => script.write_rate(10, delay + Duration::from_millis(1)),
            _ => script.write_buffer(64).without_bytes_written(),
        };
    }
    script
}

fn reset() -> TransportError {
    TransportError::new(ErrorKind::Reset, "reset")
}

#[derive(Clone)]
struct Session {
    handle: Handle,
    timer: MockTimer,
    accepted: Rc<RefCell<Accepted>>,
}

/// The messages that the outbox has accepted.
#[derive(Default)]
struct Accepted {
    count: u64,
    receipts: Vec<Receipt>,
    /// Replays are counted as messages too.
    replays: bool,
}

impl Session {
    async fn command(&self, commands: &[u8]) {
        for command in commands {
            let number = u32::from(command >> 4);
            match command & 15 {
                0 => self.handle.reconnect_now(),
                1 => self.handle.probe_now(),
                2 => self.handle.pause(),
                3 => self.handle.resume(),
                4 | 5 => {
                    if self.handle.try_queue("m".repeat(number as usize * 4)).is_ok() {
                        self.accepted.borrow_mut().count += 1;
                    }
                }
                6 | 7 => {
                    let queued = self.handle.queue_with_receipt("with a receipt").now_or_never();
                    if let Some(Ok(receipt)) = queued {
                        let mut accepted = self.accepted.borrow_mut();
                        accepted.count += 1;
                        accepted.receipts.push(receipt);
                    }
                }
                8 => {
                    self.accepted.borrow_mut().replays |=
                        self.handle.replay("key", "replayed").is_ok()
                }
                9 => drop(self.handle.forget_replay("key")),
                10 if number == 15 => self.handle.close(),
                // Of 0 ms, and up to 9 hours.
                _ => self.timer.sleep(Duration::from_millis((1 << number) - 1)).await,
            }
        }
    }

    fn check_fates(&self) {
        let accepted = &mut *self.accepted.borrow_mut();
        for receipt in accepted.receipts.drain(..) {
            assert!(receipt.now_or_never().is_some(), "a receipt without a fate");
        }
        let status = self.handle.status();
        assert_eq!((status.queued_messages, status.queued_bytes), (0, 0));
        let counters = status.counters;
        let fates = counters.messages_out + counters.dropped + counters.unknown;
        assert!(
            accepted.replays || fates == accepted.count,
            "{} messages, {counters:?}",
            accepted.count
        );
    }
}

/// Reads all events, as fast as the input says.
async fn read_events(
    mut supervisor: Supervisor<MockTransport, MockTimer>,
    session: Session,
    pace: usize,
) {
    let mut grammar = Grammar::new();
    let mut closed = 0;
    while let Some(event) = supervisor.next().await {
        grammar.read(&event);
        assert!(!event.to_string().chars().any(char::is_control), "{event}");
        closed += u32::from(matches!(event, Event::Closed(_)));
        if pace > 1 {
            session.timer.sleep(Duration::from_millis(1 << (pace * 3))).await;
        }
    }
    assert!(grammar.has_ended(), "the session does not end with `Closed`");
    assert_eq!(closed, 1);
}
