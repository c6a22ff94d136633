//! Boxed transports.

use futures::StreamExt;
use websocket_heartbeat::{
    Attempt, BoxTransport, Constant, ErrorKind, Established, Event, Heartbeat, Preset, Supervisor,
    TransportError,
    backend::{BoxConnection, DynTransport},
};
use websocket_heartbeat_mock::{Clock, Runner, Script, mock, run};

use crate::harness::{ms, secs, words};

struct AirplaneMode;

#[async_trait::async_trait]
impl DynTransport for AirplaneMode {
    async fn connect_boxed(
        &mut self,
        _: Attempt,
    ) -> Result<Established<BoxConnection>, TransportError> {
        Err(TransportError::new(ErrorKind::Unreachable, "airplane mode"))
    }
}

#[test]
fn a_boxed_transport_is_swapped_between_attempts() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().echo());
    let boxed = BoxTransport::new(AirplaneMode);
    let mut supervisor = Supervisor::builder(boxed.clone(), clock.timer())
        .backoff(Constant::new(secs(60)))
        .build()
        .unwrap();
    let handle = supervisor.handle();
    run(&clock, async {
        let mut reported = Vec::new();
        for _ in 0..3 {
            reported.extend(supervisor.next().await);
        }
        boxed.replace(transport);
        handle.reconnect_now();
        for _ in 0..2 {
            reported.extend(supervisor.next().await);
        }
        assert_eq!(
            words(&reported),
            [
                "connecting 1 attempt 0",
                "lost 1 connect",
                "retry 1 in 60s",
                "connecting 2 attempt 1",
                "open 2"
            ]
        );
        handle.try_queue("hello").unwrap();
        let answer = supervisor.next().await;
        assert!(matches!(answer, Some(Event::Message(message)) if message == "hello"));
    });
    // Only the minimum gap between two attempts took time.
    assert_eq!(clock.now().since_epoch(), ms(100));
}

#[test]
fn an_abandoned_attempt_returns_the_transport() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|dial| if dial < 3 { Script::hang() } else { Script::accept() });
    let mut supervisor = Supervisor::builder(BoxTransport::new(transport), clock.timer())
        .connect_timeout(secs(10))
        .backoff(Constant::new(secs(2)))
        .build()
        .unwrap();
    run(&clock, async {
        while let Some(event) = supervisor.next().await {
            if let Event::Open(open) = event {
                assert_eq!(open.connection, 3);
                break;
            }
        }
    });
    assert_eq!(remote.trace().times("dial"), [0, 12_000, 24_000]);
    assert_eq!(remote.trace().times("abandoned"), [10_000, 22_000]);
}

#[test]
fn a_transport_replaced_during_an_attempt_does_not_return() {
    let clock = Clock::new();
    let (hanging, old) = mock(&clock);
    old.script(|_| Script::hang());
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let boxed = BoxTransport::new(hanging);
    let supervisor = Supervisor::builder(boxed.clone(), clock.timer()).build().unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(supervisor.for_each(|_| async {})).detach();
    runner.run_for(secs(1));
    boxed.replace(transport);
    runner.run_for(secs(20));
    assert_eq!((old.dials().len(), remote.dials().len(), remote.live()), (1, 1, 1));
}

#[test]
fn each_connection_decides_whether_it_can_ping() {
    let clock = Clock::new();
    let (cannot, remote) = mock(&clock);
    remote.script(|_| Script::accept().echo());
    let (can, _) = mock(&clock);
    let boxed = BoxTransport::new(cannot.without_pings());
    let supervisor = Supervisor::builder(boxed.clone(), clock.timer())
        .preset(Preset::Original)
        .heartbeat(Heartbeat::idle(secs(15)).timeout(secs(10)).ping())
        .build()
        .unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(supervisor.for_each(|_| async {})).detach();
    runner.run_for(secs(1));
    boxed.replace(can);
    // The mock panics at a ping on a connection that cannot ping.
    runner.run_for(secs(60));
    assert_eq!(remote.trace().times("-> text \"heartbeat\""), [15_000, 30_000, 45_000, 60_000]);
}
