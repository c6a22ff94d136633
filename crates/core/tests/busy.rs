//! Lines that are alive and busy, or that we have not looked at for a while.

mod session;

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Sink, Stream, StreamExt};
use session::{Session, ms, secs};
use websocket_heartbeat::{
    Connection, Constant, Event, Frame, Heartbeat, ProofOfLife, Supervisor, Transport,
    TransportError, transport_fn,
};
use websocket_heartbeat_mock::{Clock, MockConnection, Runner, Script, mock};

fn pings() -> Heartbeat {
    Heartbeat::idle(secs(15)).timeout(secs(10)).ping()
}

#[test]
fn p18_a_driver_that_was_not_polled_for_a_minute_reads_before_it_judges() {
    // The pong came in time, and everything was late.
    for slept in [secs(9), secs(60), secs(3_600)] {
        let script = |_| Script::accept().without_pongs().send_after(secs(16), "here");
        let mut session = Session::new(script, |builder| builder.heartbeat(pings()));
        session.run_to(15_500);
        session.clock.jump(slept);
        session.run_to(session.now() + 5_000);
        assert_eq!((session.times("lost"), session.messages().len()), (vec![], 1), "{slept:?}");
    }
}

#[test]
fn e07_a_server_that_talks_and_never_pongs_is_alive() {
    for heartbeat in [pings(), Heartbeat::every(secs(15)).timeout(secs(10)).ping()] {
        let script = |_| Script::accept().without_pongs().chatter(secs(4), "data").unrecorded();
        let mut session = Session::new(script, |builder| builder.heartbeat(heartbeat));
        session.run_to(600_000);
        assert_eq!((session.times("lost"), session.messages().len()), (vec![], 150));
    }
}

#[test]
fn e07_pongs_that_come_late_behind_data_condemn_nobody() {
    let script = |_| Script::accept().pong_after(secs(40)).chatter(secs(9), "data").unrecorded();
    let every = Heartbeat::every(secs(15)).timeout(secs(10)).ping();
    let mut session = Session::new(script, |builder| builder.heartbeat(every));
    session.run_to(600_000);
    assert_eq!(session.times("lost"), []);
}

#[test]
fn e06_a_line_that_dies_anywhere_in_the_cycle_leaves_the_next_its_full_time() {
    // Two cycles of silence, ping at 15 s and pong at 20 s, in steps of 100 ms.
    for death in (100..40_000).step_by(100) {
        let mut session = Session::new(
            move |dial| match dial {
                1 => Script::accept().pong_after(secs(5)).end_after(ms(death)),
                _ => Script::accept().without_pongs(),
            },
            |builder| builder.heartbeat(pings()).backoff(Constant::new(secs(2))),
        );
        let opened = death + 2_000;
        session.run_to(opened + 25_000);
        assert_eq!(session.times("lost"), [death, opened + 25_000]);
        assert_eq!(session.remote.trace().times("#2 -> ping"), [opened + 15_000]);
    }
}

/// A line that brings one large message: bytes come in, and no frame is whole.
struct Trickle {
    line: MockConnection,
    clock: Clock,
    until: Duration,
}

impl Stream for Trickle {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.line).poll_next(cx)
    }
}

impl Sink<Frame> for Trickle {
    type Error = TransportError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.line).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        Pin::new(&mut self.line).start_send(frame)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.line).poll_close(cx)
    }
}

impl Connection for Trickle {
    fn bytes_read(&self) -> Option<u64> {
        Some(self.clock.now().since_epoch().min(self.until).as_millis() as u64)
    }
}

/// When a line is lost that brings bytes of one message for so long.
fn trickles(until: Duration, life: ProofOfLife) -> Option<u64> {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().without_pongs());
    let at = clock.clone();
    let transport = transport_fn(move |attempt| {
        let connect = transport.connect(attempt);
        let clock = at.clone();
        async move { Ok(connect.await?.map(|line| Trickle { line, clock, until })) }
    });
    let mut session = Supervisor::builder(transport, clock.timer())
        .heartbeat(pings().proof_of_life(life))
        .build()
        .unwrap();
    let now = clock.clone();
    let mut runner = Runner::new(&clock);
    let mut lost = runner.spawn(async move {
        while let Some(event) = session.next().await {
            if let Event::Lost(_) = event {
                break;
            }
        }
        now.now().since_epoch().as_millis() as u64
    });
    runner.run_for(secs(600));
    lost.take_output()
}

#[test]
fn e07_one_large_message_that_trickles_in_for_a_minute_condemns_nobody() {
    assert_eq!(trickles(secs(1_000), ProofOfLife::AnyFrame), None);
    // It stalls at 60 s. The verdicts at 25 s and 50 s hear bytes, the one at 75 s hears none.
    assert_eq!(trickles(secs(60), ProofOfLife::AnyFrame), Some(75_000));
    assert_eq!(trickles(secs(1_000), ProofOfLife::Data), Some(25_000), "bytes are no message");
}
