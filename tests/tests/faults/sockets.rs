//! Sockets that are destroyed in the kernel.

use websocket_heartbeat_tests::{End, Network, monotonic};

use crate::{
    bed::{Bed, Traffic},
    detection::{TIMES, at_once},
    outcome::{Outcome, Stop},
};

pub(crate) fn a_destroyed_client_socket_is_reported_at_once(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    destroy("the client's socket is destroyed", backend, End::Client)
}

pub(crate) fn a_destroyed_server_socket_is_reported_at_once(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    destroy("the server's socket is destroyed", backend, End::Server)
}

fn destroy(fault: &'static str, backend: &str, end: End) -> Result<Outcome, Stop> {
    let mut bed = Bed::new(Network::new()?, backend, Traffic::Quiet, TIMES)?;
    bed.session.send(5, 100);
    let begin = monotonic();
    bed.network.destroy_sockets(end);
    let destroyed_at = monotonic();
    let lost = bed.session.lost_after(begin)?;
    let detection = at_once(&lost, destroyed_at);
    let dials = bed.session.recovered(&lost);
    assert_eq!(dials, 1);
    let saw = lost.text("words").to_owned();
    Ok(Outcome { fault, saw, detection: Some(detection), dials, messages: bed.close() })
}
