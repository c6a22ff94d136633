//! `at_every_cancellation` drops a future after each of its `Pending`s.

use futures::{StreamExt, channel::oneshot};
use websocket_heartbeat::Timer;
use websocket_heartbeat_mock::{Clock, Script, at_every_cancellation, run};

use crate::client::{at, ms, open, text};

#[test]
fn a_future_is_dropped_after_each_pending() {
    let mut stages = Vec::new();
    let cancelled = at_every_cancellation(|cancellation| {
        let clock = Clock::new();
        let sleeps = async {
            for due in [10, 20, 30] {
                clock.timer().sleep_until(at(due)).await;
            }
        };
        let done = run(&clock, cancellation.wrap(sleeps)).is_some();
        stages.push((clock.now(), done, clock.sleeps().alive));
    });
    assert_eq!(cancelled, 3);
    let expected = [(at(0), false, 0), (at(10), false, 0), (at(20), false, 0), (at(30), true, 0)];
    assert_eq!(stages, expected);
}

#[test]
fn reading_from_a_connection_loses_nothing() {
    let cancelled = at_every_cancellation(|cancellation| {
        let clock = Clock::new();
        let (mut connection, _, _) =
            open(&clock, Script::accept().send_after(ms(5), "a").end_after(ms(9)).hesitant());
        run(&clock, async {
            let first = cancellation.wrap(connection.next()).await;
            let first = if first.is_some() { first } else { Some(connection.next().await) };
            assert_eq!(first, Some(Some(Ok(text("a")))));
            assert_eq!(connection.next().await, None);
        });
    });
    assert_eq!(cancelled, 2);
}

#[test]
#[should_panic(expected = "a send that is lost when it is dropped")]
fn a_future_that_is_not_cancel_safe_is_found() {
    at_every_cancellation(|cancellation| {
        let clock = Clock::new();
        let (sender, receiver) = oneshot::channel();
        let careless = async {
            clock.timer().sleep_until(at(1)).await;
            let _ = sender.send(());
        };
        run(&clock, async {
            cancellation.wrap(careless).await;
            receiver.await.expect("a send that is lost when it is dropped");
        });
    });
}

#[test]
#[should_panic(expected = "never polled a wrapped future")]
fn a_scenario_must_poll_a_wrapped_future() {
    at_every_cancellation(|_| {});
}
