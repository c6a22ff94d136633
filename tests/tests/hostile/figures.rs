//! The outcome and the costs of a session with a hostile server.

use std::{alloc::System, fmt, time::Duration};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use websocket_heartbeat::{
    Builder, ErrorKind, Event, LostCause, Preset, Supervisor, Timer, Transport, transport_fn,
};
use websocket_heartbeat_tests::{Backend, monotonic, thread_cpu_time};
use websocket_heartbeat_tungstenite::{Dialer, Request};

use crate::server::Server;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The event that reports the end of an attempt or of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// `Open`.
    Opens,
    /// `Lost` with an error of this kind.
    Fails(ErrorKind),
    /// `Lost` with this HTTP status.
    Refused(u16),
    /// `Lost` at the connect timeout.
    TimesOut,
    /// `Open`, then `Lost` with an error of this kind.
    Breaks(ErrorKind),
    /// `Open`, then `Lost` with a close frame of this code.
    Closes(u16),
}

pub(crate) struct Figures {
    pub(crate) outcome: Outcome,
    /// How many messages were received.
    pub(crate) messages: usize,
    time: Duration,
    /// The processor time of the thread that polls the session.
    pub(crate) cpu: Duration,
    /// All allocated bytes, including those that were freed.
    pub(crate) memory: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outcome, time, cpu, memory, .. } = self;
        let (time, cpu) = (time.as_millis(), cpu.as_micros());
        write!(f, "{outcome:?} after {time} ms, {cpu} µs of CPU, {} KiB allocated", memory >> 10)
    }
}

fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated + usize::try_from(stats.bytes_reallocated.max(0)).expect("not negative")
}

/// Runs a session up to the end of its first attempt.
pub(crate) fn measured<B: Backend>(server: Server, timeout: Duration) -> Figures {
    let scheme = if server.tls { "wss" } else { "ws" };
    let url = format!("{scheme}://127.0.0.1:{}/", server.start());
    let settings = B::connect(Request::new(&url).expect("a URL")).connect_timeout(timeout);
    B::block_on(async {
        let mut session = settings.build().expect("valid settings");
        assert!(matches!(session.next().await, Some(Event::Connecting(_))));
        let (begin, cpu_before, before) = (monotonic(), thread_cpu_time(), allocated());
        let outcome = match session.next().await {
            Some(Event::Open(_)) => Outcome::Opens,
            Some(Event::Lost(lost)) => match lost.cause {
                LostCause::Connect(error) => match error.http_status() {
                    Some(status) => Outcome::Refused(status),
                    None => Outcome::Fails(error.kind()),
                },
                LostCause::ConnectTimeout(_) => Outcome::TimesOut,
                other => panic!("unexpected cause: {other}"),
            },
            other => panic!("unexpected event: {other:?}"),
        };
        let (time, cpu, memory) =
            (monotonic() - begin, thread_cpu_time() - cpu_before, allocated() - before);
        Figures { outcome, messages: 0, time, cpu, memory }
    })
}

/// Runs a session from its first `Open` up to its first `Lost`.
pub(crate) fn measured_open<B: Backend>(server: Server) -> Figures {
    let url = format!("ws://127.0.0.1:{}/", server.start());
    measured_between::<B, _, _>(B::connect(Request::new(&url).expect("a URL")))
}

/// The same over TLS, by a dialer that trusts the server.
pub(crate) fn measured_open_tls<B: Backend>(server: Server, dialer: Dialer) -> Figures {
    let url = format!("wss://localhost:{}/", server.start());
    let request = Request::new(&url).expect("a URL");
    let transport = transport_fn(move |_| {
        let (request, dialer) = (request.clone(), dialer.clone());
        async move { B::dial_by(&dialer, &request).await }
    });
    measured_between::<B, _, _>(
        Supervisor::builder(transport, B::timer()).preset(Preset::Resilient),
    )
}

fn measured_between<B: Backend, T: Transport, K: Timer>(settings: Builder<T, K>) -> Figures {
    B::block_on(async {
        let mut session = settings.build().expect("valid settings");
        assert!(matches!(session.next().await, Some(Event::Connecting(_))));
        assert!(matches!(session.next().await, Some(Event::Open(_))));
        let (begin, cpu_before, before) = (monotonic(), thread_cpu_time(), allocated());
        let mut messages = 0;
        let outcome = loop {
            match session.next().await {
                Some(Event::Message(_)) => messages += 1,
                Some(Event::Lost(lost)) => {
                    break match lost.cause {
                        LostCause::Broken(error) => Outcome::Breaks(error.kind()),
                        LostCause::ClosedByPeer(frame) => {
                            Outcome::Closes(frame.map_or(0, |frame| frame.code))
                        }
                        other => panic!("unexpected cause: {other}"),
                    };
                }
                other => panic!("unexpected event: {other:?}"),
            }
        };
        let (time, cpu, memory) =
            (monotonic() - begin, thread_cpu_time() - cpu_before, allocated() - before);
        Figures { outcome, messages, time, cpu, memory }
    })
}
