//! Faults of the two processes.

use std::{thread, time::Duration};

use rustix::process::Signal;
use websocket_heartbeat_tests::{Network, Stalls, monotonic};

use crate::{
    bed::{Bed, Traffic},
    detection::{TIMES, after_resumption, at_once, silently},
    outcome::{Outcome, Stop},
};

pub(crate) fn a_suspended_server_is_lost(backend: &'static str) -> Result<Outcome, Stop> {
    let mut bed = Bed::new(Network::new()?, backend, Traffic::Quiet, TIMES)?;
    bed.peer.suspend();
    let stopped_at = monotonic();
    // The server's kernel acknowledges them.
    bed.session.send(5, 100);
    let lost = bed.session.lost_after(stopped_at)?;
    let detection = silently(&lost, stopped_at, TIMES);
    bed.peer.resume();
    let dials = bed.session.recovered(&lost);
    Ok(Outcome {
        fault: "SIGSTOP of the server",
        saw: lost.text("words").to_owned(),
        detection: Some(detection),
        dials,
        messages: bed.close(),
    })
}

pub(crate) fn a_suspended_client_probes_once_and_dials_once(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    const LIMIT: Duration = Duration::from_secs(1);
    let mut bed = Bed::new(Network::with_nat(LIMIT)?, backend, Traffic::Quiet, TIMES)?;
    // The pong comes before the fate of this message, most likely.
    bed.session.send(1, 100);
    bed.session.settled();
    bed.receives(6);
    let stopped_at = monotonic();
    bed.session.signal(Signal::STOP);
    while bed.network.is_known() {
        // Each look starts a process.
        thread::park_timeout(Duration::from_millis(20));
    }
    let pings = bed.pings();
    let before = bed.network.counted();
    let resumed_at = monotonic();
    // The client's own stalls include the suspension.
    let stalls = Stalls::measure();
    bed.session.signal(Signal::CONT);
    let lost = bed.session.lost_after(resumed_at)?;
    assert_eq!(lost.text("cause"), "heartbeat_timeout", "{lost:?}");
    // It was lost before, or a pong was unread when it was suspended.
    let unread = lost.micros("silence_us") < resumed_at - stopped_at;
    if bed.session.losses().len() > 1 || unread {
        return Err(Stop::Early);
    }
    assert!(bed.network.counted() > before, "the NAT dropped no packet");
    assert_eq!(lost.number("probes"), pings + 1, "after the {pings} pings that arrived: {lost:?}");
    let detection = after_resumption(&lost, resumed_at, TIMES.timeout, stalls.longest());
    let dials = bed.session.recovered(&lost);
    assert_eq!(dials, 1);
    Ok(Outcome {
        fault: "SIGSTOP of the client, beyond the limit of a NAT",
        saw: lost.text("words").to_owned(),
        detection: Some(detection),
        dials,
        messages: bed.close(),
    })
}

pub(crate) fn a_killed_server_is_reported_at_once(backend: &'static str) -> Result<Outcome, Stop> {
    let mut bed = Bed::new(Network::new()?, backend, Traffic::Quiet, TIMES)?;
    bed.session.send(5, 100);
    let begin = monotonic();
    bed.peer.kill();
    // The kernel closes its sockets before the process has ended.
    let ended_at = monotonic();
    let lost = bed.session.lost_after(begin)?;
    let detection = at_once(&lost, ended_at);
    bed.peer.restart();
    let dials = bed.session.recovered(&lost);
    Ok(Outcome {
        fault: "SIGKILL of the server",
        saw: lost.text("words").to_owned(),
        detection: Some(detection),
        dials,
        messages: bed.close(),
    })
}
