//! A clock that follows another timer: tokio's paused clock, or another clock.

use std::time::Duration;

use futures::{FutureExt, StreamExt, future::select, pin_mut};
use tokio::time::Instant;
use websocket_heartbeat::{Event, Heartbeat, LostCause, Supervisor, Timer};
use websocket_heartbeat_mock::{Clock, Runner, Script, mock, run};
use websocket_heartbeat_tokio::TokioTimer;

use crate::client::{at, dial, ms, text};

#[tokio::test(start_paused = true)]
async fn scripted_delays_happen_by_the_paused_clock_of_tokio() {
    let (clock, begin) = (Clock::new(), Instant::now());
    let follow = tokio::spawn(clock.follow(TokioTimer::new()));
    let (transport, server) = mock(&clock);
    server.script(|_| Script::accept().send_after(ms(90), "late").half_open_after(ms(100)));
    let heartbeat = Heartbeat::idle(ms(1_000)).timeout(ms(500)).ping();
    let builder = Supervisor::builder(transport, TokioTimer::new()).heartbeat(heartbeat);
    let mut session = builder.build().unwrap();
    let mut seen = Vec::new();
    while let Some(event) = session.next().await {
        match event {
            Event::Message(_) => seen.push((begin.elapsed(), "message")),
            Event::Lost(lost) => {
                assert!(matches!(lost.cause, LostCause::HeartbeatTimeout(_)));
                seen.push((begin.elapsed(), "lost"));
                session.handle().abort();
            }
            _ => {}
        }
    }
    // A second of silence after the message, and half a second without an answer.
    assert_eq!(seen, [(ms(90), "message"), (ms(1_590), "lost")]);
    server.trace().assert([
        (0, "#1 dial"),
        (0, "#1 open"),
        (90, "#1 <- text \"late\""),
        (1_090, "#1 -> ping"),
        (1_590, "#1 dropped"),
    ]);
    follow.abort();
}

#[tokio::test(start_paused = true)]
async fn an_action_that_is_scheduled_later_wakes_the_clock() {
    let clock = Clock::new();
    tokio::spawn(clock.follow(TokioTimer::new()));
    let (mut transport, server) = mock(&clock);
    server.script(|_| Script::accept().send_after(Duration::from_secs(3_600), "late"));
    let mut connection = dial(&mut transport, 1).await.unwrap().connection;
    // Now the clock sleeps for an hour.
    tokio::time::sleep(ms(50)).await;
    let peer = server.last_peer().unwrap();
    peer.set_latency(ms(10));
    peer.send("soon");
    assert_eq!(connection.next().await, Some(Ok(text("soon"))));
    assert_eq!(clock.now(), at(60));
    assert_eq!(connection.next().await, Some(Ok(text("late"))));
    assert_eq!(clock.now(), at(3_600_010));
}

#[tokio::test(start_paused = true)]
async fn sleeps_of_a_clock_that_follows_end_in_time() {
    tokio::time::sleep(ms(7)).await;
    let clock = Clock::new();
    clock.advance(ms(1_000));
    tokio::spawn(clock.follow(TokioTimer::new()));
    let begin = Instant::now();
    clock.timer().sleep_until(at(1_500)).await;
    assert_eq!((begin.elapsed(), clock.now()), (ms(500), at(1_500)));
    // The clock reads the timer, and not only at its own instants.
    tokio::time::advance(ms(20)).await;
    assert_eq!(clock.now(), at(1_520));
}

#[test]
fn early_sleeps_of_the_timer_do_not_hasten_a_server() {
    let (leader, clock) = (Clock::new(), Clock::new());
    leader.set_timer_early(true);
    let follow = clock.follow(leader.timer());
    let (mut transport, server) = mock(&clock);
    server.script(|_| Script::accept().send_after(ms(90), "late"));
    let mut runner = Runner::new(&leader);
    runner.spawn(follow).detach();
    runner.run_until(async {
        let mut connection = dial(&mut transport, 1).await.unwrap().connection;
        assert_eq!(connection.next().await, Some(Ok(text("late"))));
    });
    assert_eq!((leader.now(), clock.now()), (at(90), at(90)));
}

#[test]
fn a_clock_stands_still_when_it_no_longer_follows() {
    let (leader, clock) = (Clock::new(), Clock::new());
    let follow = clock.follow(leader.timer());
    let sleep = clock.timer().sleep_until(at(30));
    run(&leader, async {
        pin_mut!(follow, sleep);
        select(follow, sleep).map(drop).await;
    });
    assert_eq!((leader.now(), clock.now()), (at(30), at(30)));
    leader.advance(ms(70));
    assert_eq!(clock.now(), at(30));
    // It can follow again.
    drop(clock.follow(leader.timer()));
}

#[test]
#[should_panic(expected = "this clock already follows a timer")]
fn a_clock_follows_one_timer() {
    let (leader, clock) = (Clock::new(), Clock::new());
    let _follow = clock.follow(leader.timer());
    let _second = clock.follow(leader.timer());
}
