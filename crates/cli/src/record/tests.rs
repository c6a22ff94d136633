//! Events for tests. The fates and the status of this program equal those of the library.

use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use websocket_heartbeat_mock::{Clock, Script, mock, run};
use websocket_heartbeat_smol::{
    Bytes, CloseFrame, CloseReason, DropReason, Event, Heartbeat, LostCause, Phase, Status,
    Supervisor, Timestamp,
};

use super::*;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The events of a session whose attempts get these scripts, with pings or without. The session
/// stops after the last one. Attempts are 1.4 s apart.
pub(crate) fn events(
    scripts: Vec<Script>,
    with_pings: bool,
    heartbeat: Option<Heartbeat>,
) -> Vec<Event> {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    let transport = if with_pings { transport } else { transport.without_pings() };
    let mut scripts = scripts.into_iter();
    remote.script(move |_| scripts.next().unwrap_or_else(|| Script::refuse_http(410, [])));
    let builder =
        Supervisor::builder(transport, clock.timer()).backoff(Duration::from_millis(1_400));
    let builder = match heartbeat {
        Some(heartbeat) => builder.heartbeat(heartbeat),
        None => builder,
    };
    let mut supervisor = builder.build().unwrap();
    let handle = supervisor.handle();
    run(&clock, async {
        let mut events = Vec::new();
        while let Some(event) = supervisor.next().await {
            if matches!(&event, Event::Open(open) if open.connection == 2) {
                handle.try_queue(vec![7; 100]).unwrap();
            }
            events.push(event);
        }
        events
    })
}

/// Events of every kind.
pub(crate) fn all_events() -> Vec<Event> {
    let with_pings = vec![
        Script::accept()
            .greet("héllo\u{1b}")
            .greet(Bytes::from_static(b"\0\xff"))
            .subprotocol("v2")
            .close_after(secs(1), 4001, "enough"),
        Script::accept().write_buffer(10).stall_writes_after(secs(0)).chatter(secs(5), "tick"),
        Script::refuse_http(503, [("Retry-After", "7")]),
        Script::refuse_connection(),
        Script::accept().end_after(secs(1)),
        Script::accept().close_after(secs(1), 1001, ""),
        Script::accept().silent(),
        Script::hang(),
    ];
    let beats = Heartbeat::idle(secs(15)).timeout(secs(10)).message("beat");
    let silent = || vec![Script::accept().silent().end_after(secs(100))];
    [(with_pings, true, None), (silent(), false, Some(beats)), (silent(), false, None)]
        .into_iter()
        .flat_map(|(scripts, with_pings, heartbeat)| events(scripts, with_pings, heartbeat))
        .collect()
}

#[test]
fn the_library_serializes_fates_as_this_program_does() {
    let message = Message::text("x");
    for fate in [
        Fate::Unknown { connection: 4, message: Some(message.clone()) },
        Fate::Unknown { connection: 4, message: None },
        Fate::Dropped { reason: DropReason::Expired, message },
    ] {
        let library = serde_json::to_value(&fate).unwrap();
        let ours = Record::unsent(&fate).unwrap();
        assert_eq!(library, serde_json::to_value(ours).unwrap());
    }
    let written: Value = serde_json::to_value(Fate::Written { connection: 4 }).unwrap();
    assert_eq!(
        written,
        serde_json::json!({"event": "written", "fate": "written", "connection": 4})
    );
}

#[test]
fn the_library_serializes_a_status_as_this_program_does() {
    let at = |millis| Some(Timestamp::from_epoch(Duration::from_millis(millis)));
    let mut open = Status::default();
    open.phase = Phase::Open;
    open.as_of = at(950).unwrap();
    open.last_life = at(200);
    open.probe_since = at(300);
    open.write_blocked_since = at(400);
    open.round_trip.last = Some(Duration::from_nanos(1_500_499));
    open.counters.dials = 3;
    open.counters.losses.broken = 2;
    let mut closed = open.clone();
    closed.phase = Phase::Closed;
    closed.last_life = None;
    closed.next_attempt_at = at(7_000);
    let frame = CloseFrame::new(1012, "restart");
    closed.last_cause = Some(LostCause::ClosedByPeer(Some(frame)));
    closed.close_reason = Some(CloseReason::User);
    for status in [Status::default(), open, closed] {
        let ours = Record::Status(Box::new(StatusRecord::new(&status, status.as_of)));
        assert_eq!(
            serde_json::to_value(&status).unwrap(),
            serde_json::to_value(ours).unwrap(),
            "{status:?}"
        );
    }
}
