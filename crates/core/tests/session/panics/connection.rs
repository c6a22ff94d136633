//! Connections whose methods panic.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use futures::FutureExt;
use websocket_heartbeat::{
    CloseReason, ErrorKind, Fate, Heartbeat, LostCause, OutboxSettings, Supervisor, Verdict,
};
use websocket_heartbeat_mock::{Clock, Script, mock};

use crate::harness::{Behaviour, Method, Session, secs, wrap_connections};

/// The method that panics.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Call(Method),
    Drop,
}

/// The state that all connections of a session share.
struct Faults {
    fault: Fault,
    /// Each connection panics once from now on.
    armed: AtomicBool,
    /// Calls after the panic.
    late: AtomicU32,
}

struct Faulty {
    faults: Arc<Faults>,
    panicked: AtomicBool,
}

impl Faulty {
    fn enter(&self, fault: Fault) {
        if self.panicked.load(Ordering::Relaxed) && fault != Fault::Drop {
            self.faults.late.fetch_add(1, Ordering::Relaxed);
        }
        if self.faults.fault == fault && self.faults.armed.load(Ordering::Relaxed) {
            self.panicked.store(true, Ordering::Relaxed);
            panic!("a fault in {fault:?}");
        }
    }
}

impl Behaviour for Faulty {
    fn before(&self, method: Method) {
        self.enter(Fault::Call(method));
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.enter(Fault::Drop);
    }
}

fn session(fault: Fault) -> (Session, Arc<Faults>) {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let armed = AtomicBool::new(false);
    let faults = Arc::new(Faults { fault, armed, late: AtomicU32::new(0) });
    let shared = Arc::clone(&faults);
    let transport = wrap_connections(transport, move || Faulty {
        faults: Arc::clone(&shared),
        panicked: AtomicBool::new(false),
    });
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::idle(secs(15)).ping())
        .outbox(OutboxSettings::new())
        .verdict(Verdict::careful)
        .build()
        .unwrap();
    (Session::over(&clock, remote, supervisor), faults)
}

const METHODS: [Method; 6] =
    [Method::Next, Method::Ready, Method::Send, Method::Flush, Method::Progress, Method::Arrived];

#[test]
fn a_connection_that_panics_is_lost_and_replaced() {
    for method in METHODS {
        let (mut session, faults) = session(Fault::Call(method));
        session.run_to(1_000);
        faults.armed.store(true, Ordering::Relaxed);
        if method == Method::Progress {
            // Called while a write is blocked.
            session.peer().write_quota(0);
        }
        let receipt = session.handle.queue_with_receipt("hello").now_or_never().unwrap().unwrap();
        session.peer().send("data");
        session.run_to(1_000);
        if session.times("lost").is_empty() {
            // Called before a verdict.
            session.peer().set_pong(None);
            session.run_to(40_000);
        }
        faults.armed.store(false, Ordering::Relaxed);
        let losses = super::functions::losses(&session);
        let LostCause::Broken(error) = &losses[0].cause else { panic!("{method:?}: {losses:?}") };
        assert_eq!(
            error.to_string(),
            format!("the transport panicked: a fault in {:?}", Fault::Call(method))
        );
        assert_eq!(error.kind(), ErrorKind::Panicked);
        assert_eq!(faults.late.load(Ordering::Relaxed), 0, "{method:?}: called again");
        session.run_to(80_000);
        assert_eq!(session.times("open").len(), losses.len() + 1, "{method:?}");
        assert_eq!(session.remote.live(), 1);
        let fate = receipt.now_or_never().expect("it has a fate");
        assert!(
            matches!(fate, Fate::Written { .. } | Fate::Unknown { .. }),
            "{method:?}: {fate:?}"
        );
    }
}

#[test]
fn repeated_panics_of_connections_stop_a_careful_session() {
    let (mut session, faults) = session(Fault::Call(Method::Next));
    faults.armed.store(true, Ordering::Relaxed);
    session.run_to(3_600_000);
    assert_eq!(session.times("open").len(), 3);
    let CloseReason::Stopped(LostCause::Broken(error)) = super::functions::closed(&session).reason
    else {
        panic!("{:?}", session.last())
    };
    assert_eq!(error.kind(), ErrorKind::Panicked);
}

#[test]
fn a_connection_that_panics_when_dropped_is_replaced() {
    let ends: [fn(&Session); 4] = [
        |session| session.peer().end(),
        |session| session.peer().close(1001, "bye"),
        |session| session.handle.reconnect_now(),
        |session| session.peer().half_open(),
    ];
    for end in ends {
        let (mut session, faults) = session(Fault::Drop);
        session.run_to(1_000);
        faults.armed.store(true, Ordering::Relaxed);
        end(&session);
        session.run_to(60_000);
        assert_eq!(session.times("open").len(), 2);
        assert_eq!(session.times("lost").len(), 1);
        session.handle.close();
        session.run_to(70_000);
        assert_eq!(session.last().1, "closed user");
    }
}
