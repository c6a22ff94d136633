//! Several servers for one session.

use std::time::Duration;

use futures::StreamExt;
use websocket_heartbeat::{Endpoints, Event, Supervisor};
use websocket_heartbeat_mock::{Clock, Runner, Script, mock};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn attempts_go_to_the_endpoint_with_the_fewest_failures_the_first_among_equals() {
    let clock = Clock::new();
    let (main, main_remote) = mock(&clock);
    let (spare, spare_remote) = mock(&clock);
    main_remote.script(|dial| match dial {
        // Up, down for four attempts, up again.
        1 => Script::accept().end_after(SECOND * 10),
        2..=5 => Script::refuse_connection(),
        _ => Script::accept(),
    });
    spare_remote.script(|dial| match dial {
        1 => Script::refuse_connection(),
        2 => Script::accept().end_after(SECOND),
        _ => Script::accept().end_after(SECOND * 100),
    });
    let transport = Endpoints::new([main, spare]).unwrap();
    let mut supervisor =
        Supervisor::builder(transport, clock.timer()).stable_after(SECOND * 5).build().unwrap();
    let mut used = Vec::new();
    Runner::new(&clock).run_until(async {
        while let Some(event) = supervisor.next().await {
            if let Event::Connecting(_) = event {
                used.push(supervisor.transport().current().unwrap());
            }
            if used.len() == 8 {
                break;
            }
        }
    });
    // 0: the first choice, stable. 0 fails (1:0), 1 fails (1:1), 0 fails (2:1), 1 opens and dies
    // young (2:2), 0 fails (3:2), 1 is stable (1:0), so it is the best one still.
    assert_eq!(used, [0, 0, 1, 0, 1, 0, 1, 1]);
    assert_eq!(supervisor.transport().failures().collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn no_endpoint_at_all_is_refused() {
    let none: [websocket_heartbeat_mock::MockTransport; 0] = [];
    assert_eq!(Endpoints::new(none).unwrap_err().setting(), "endpoints");
}
