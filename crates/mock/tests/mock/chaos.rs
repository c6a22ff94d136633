//! `Chaos` with the same seed gives the same faults.

use std::collections::HashSet;

use futures::{SinkExt, StreamExt, future};
use websocket_heartbeat::Timer;
use websocket_heartbeat_mock::{Chaos, Clock, mock, run};

use crate::client::{dial, ms, text};

/// Runs a simple client with a timeout of ten seconds for each step. Returns its trace.
fn session(seed: u64) -> String {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    let mut chaos = Chaos::new(seed).calm_after(30).longest(ms(20_000));
    remote.script(move |_| chaos.script());
    let timeout = || {
        let deadline = clock.now().checked_add(ms(10_000)).unwrap();
        clock.timer().sleep_until(deadline)
    };
    run(&clock, async {
        for number in 1..=31 {
            let dialing = Box::pin(dial(&mut transport, number));
            if let future::Either::Left((Ok(established), _)) =
                future::select(dialing, timeout()).await
            {
                let mut connection = established.connection;
                loop {
                    let exchange = Box::pin(async {
                        connection.send(text("hello")).await.ok()?;
                        connection.next().await?.ok()
                    });
                    match future::select(exchange, timeout()).await {
                        future::Either::Left((Some(_), _)) if number < 31 => timeout().await,
                        _ => break,
                    }
                }
            }
        }
    });
    assert_eq!(remote.dials().len(), 31);
    assert_eq!((remote.live(), remote.most_at_once()), (0, 1));
    assert!(
        remote.trace().times("#31 <- text \"hello\"").len() == 1,
        "the last connection has no fault"
    );
    remote.trace().to_string()
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let traces: HashSet<String> = (0..50).map(session).collect();
    assert_eq!(traces.len(), 50, "each seed has its own trace");
    assert!((0..50).all(|seed| traces.contains(&session(seed))));
    for step in ["abandoned", "refused", "<- end", "<- close", "error: reset", "error: protocol"] {
        assert!(traces.iter().any(|trace| trace.contains(step)), "{step} never happens");
    }
}
