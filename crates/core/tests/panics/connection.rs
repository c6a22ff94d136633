//! Connections whose methods panic.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

use futures::{FutureExt, Sink, Stream, future::BoxFuture};
use websocket_heartbeat::{
    Attempt, CloseReason, Connection, ErrorKind, Established, Fate, Frame, Heartbeat, LostCause,
    OutboxSettings, Supervisor, Transport, TransportError, Verdict,
};
use websocket_heartbeat_mock::{Clock, MockConnection, MockTransport, Script, mock};

use crate::session::{Session, secs};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    Next,
    Ready,
    Send,
    Flush,
    Progress,
    Arrived,
    Drop,
}

/// What the connections of a session share.
struct Fault {
    method: Method,
    /// The fault shows from now on, once for each connection.
    armed: AtomicBool,
    /// Calls after the panic.
    late: AtomicU32,
}

struct Faulty {
    inner: MockTransport,
    fault: Arc<Fault>,
}

struct FaultyConnection {
    inner: Pin<Box<MockConnection>>,
    fault: Arc<Fault>,
    panicked: AtomicBool,
}

impl Transport for Faulty {
    type Connection = FaultyConnection;
    type Connect = BoxFuture<'static, Result<Established<FaultyConnection>, TransportError>>;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        let (connect, fault) = (self.inner.connect(attempt), Arc::clone(&self.fault));
        let wrap = |inner| FaultyConnection {
            inner: Box::pin(inner),
            fault,
            panicked: AtomicBool::new(false),
        };
        connect.map(|result| result.map(|established| established.map(wrap))).boxed()
    }
}

impl FaultyConnection {
    fn enter(&self, method: Method) {
        if self.panicked.load(Ordering::Relaxed) && method != Method::Drop {
            self.fault.late.fetch_add(1, Ordering::Relaxed);
        }
        if self.fault.method == method && self.fault.armed.load(Ordering::Relaxed) {
            self.panicked.store(true, Ordering::Relaxed);
            panic!("a fault in {method:?}");
        }
    }
}

impl Stream for FaultyConnection {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.enter(Method::Next);
        self.inner.as_mut().poll_next(cx)
    }
}

impl Sink<Frame> for FaultyConnection {
    type Error = TransportError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.enter(Method::Ready);
        self.inner.as_mut().poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        self.enter(Method::Send);
        self.inner.as_mut().start_send(frame)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.enter(Method::Flush);
        self.inner.as_mut().poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        unreachable!("it is never called")
    }
}

impl Connection for FaultyConnection {
    fn bytes_written(&self) -> Option<u64> {
        self.enter(Method::Progress);
        self.inner.bytes_written()
    }

    fn bytes_read(&self) -> Option<u64> {
        self.enter(Method::Arrived);
        self.inner.bytes_read()
    }
}

impl Drop for FaultyConnection {
    fn drop(&mut self) {
        self.enter(Method::Drop);
    }
}

fn session(method: Method) -> (Session, Arc<Fault>) {
    let clock = Clock::new();
    let (inner, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let armed = AtomicBool::new(false);
    let fault = Arc::new(Fault { method, armed, late: AtomicU32::new(0) });
    let transport = Faulty { inner, fault: Arc::clone(&fault) };
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::idle(secs(15)).ping())
        .outbox(OutboxSettings::new())
        .verdict(Verdict::careful)
        .build()
        .unwrap();
    (Session::over(&clock, remote, supervisor), fault)
}

const METHODS: [Method; 6] =
    [Method::Next, Method::Ready, Method::Send, Method::Flush, Method::Progress, Method::Arrived];

#[test]
fn a_connection_whose_method_panics_is_lost_and_replaced() {
    for method in METHODS {
        let (mut session, fault) = session(method);
        session.run_to(1_000);
        fault.armed.store(true, Ordering::Relaxed);
        if method == Method::Progress {
            // Asked for where a write is blocked.
            session.peer().write_quota(0);
        }
        let receipt = session.handle.queue_with_receipt("hello").now_or_never().unwrap().unwrap();
        session.peer().send("news");
        session.run_to(1_000);
        if session.times("lost").is_empty() {
            // Asked for before a verdict.
            session.peer().set_pong(None);
            session.run_to(40_000);
        }
        fault.armed.store(false, Ordering::Relaxed);
        let losses = super::losses(&session);
        let LostCause::Broken(error) = &losses[0].cause else { panic!("{method:?}: {losses:?}") };
        assert_eq!(error.to_string(), format!("panicked: a fault in {method:?}"));
        assert_eq!(error.kind(), ErrorKind::Panicked);
        assert_eq!(fault.late.load(Ordering::Relaxed), 0, "{method:?}: called again");
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
fn a_connection_that_panics_each_time_stops_the_session_under_careful() {
    let (mut session, fault) = session(Method::Next);
    fault.armed.store(true, Ordering::Relaxed);
    session.run_to(3_600_000);
    assert_eq!(session.times("open").len(), 3);
    let CloseReason::Stopped(LostCause::Broken(error)) = super::closed(&session).reason else {
        panic!("{:?}", session.last())
    };
    assert_eq!(error.kind(), ErrorKind::Panicked);
}

#[test]
fn a_connection_that_panics_when_it_is_dropped_harms_nothing() {
    let ends: [fn(&Session); 4] = [
        |session| session.peer().end(),
        |session| session.peer().close(1001, "bye"),
        |session| session.handle.reconnect_now(),
        |session| session.peer().half_open(),
    ];
    for end in ends {
        let (mut session, fault) = session(Method::Drop);
        session.run_to(1_000);
        fault.armed.store(true, Ordering::Relaxed);
        end(&session);
        session.run_to(60_000);
        assert_eq!(session.times("open").len(), 2);
        assert_eq!(session.times("lost").len(), 1);
        session.handle.close();
        session.run_to(70_000);
        assert_eq!(session.last().1, "closed user");
    }
}
