//! Faults of the path between client and server.

use std::time::Duration;

use websocket_heartbeat_tests::{Cut, Network, monotonic};

use crate::{
    bed::{Bed, Traffic},
    detection::{TIMES, Times, at_once, silently},
    outcome::{Outcome, Stop},
    session::Session,
};

pub(crate) fn a_quiet_connection_that_is_cut_is_lost(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    cut("silent cut in both directions, quiet", backend, Traffic::Quiet, Cut::Both)
}

pub(crate) fn a_busy_connection_that_is_cut_is_lost(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    cut("silent cut in both directions, busy", backend, Traffic::Busy, Cut::Both)
}

pub(crate) fn a_quiet_connection_that_is_cut_to_the_server_is_lost(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    cut("silent cut to the server, quiet", backend, Traffic::Quiet, Cut::ToServer)
}

pub(crate) fn a_busy_connection_that_is_cut_to_the_client_is_lost(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    cut("silent cut to the client, busy", backend, Traffic::Busy, Cut::ToClient)
}

fn cut(fault: &'static str, backend: &str, traffic: Traffic, cut: Cut) -> Result<Outcome, Stop> {
    let mut bed = Bed::new(Network::new()?, backend, traffic, TIMES)?;
    bed.network.cut(cut);
    let cut_at = monotonic();
    bed.session.send(5, 100);
    let lost = bed.session.lost_after(cut_at)?;
    assert!(bed.network.counted() > 0, "the cut dropped no packet");
    let detection = silently(&lost, cut_at, TIMES);
    bed.network.heal();
    let dials = bed.session.recovered(&lost);
    if traffic == Traffic::Busy {
        bed.session.wait_for("message");
    }
    let saw = lost.text("words").to_owned();
    Ok(Outcome { fault, saw, detection: Some(detection), dials, messages: bed.close() })
}

pub(crate) fn a_reset_by_a_firewall_is_reported_at_once(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    let mut bed = Bed::new(Network::new()?, backend, Traffic::Quiet, TIMES)?;
    let fault_at = monotonic();
    bed.network.reject();
    // Nothing is answered before something is sent: at the latest, that is this message.
    let sent_at = monotonic();
    bed.session.send(1, 100);
    let lost = bed.session.lost_after(fault_at)?;
    assert!(bed.network.counted() > 0, "the firewall has answered no packet");
    let detection = at_once(&lost, sent_at);
    bed.network.heal();
    let dials = bed.session.recovered(&lost);
    Ok(Outcome {
        fault: "RST by a firewall, from the next packet",
        saw: lost.text("words").to_owned(),
        detection: Some(detection),
        dials,
        messages: bed.close(),
    })
}

pub(crate) fn a_link_that_is_down_is_lost_and_comes_back(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    let mut bed = Bed::new(Network::new()?, backend, Traffic::Quiet, TIMES)?;
    bed.network.set_uplink(false);
    let down_at = monotonic();
    bed.session.send(5, 100);
    let lost = bed.session.lost_after(down_at)?;
    let detection = silently(&lost, down_at, TIMES);
    let failed = bed.session.wait_for("lost");
    assert_eq!((failed.is("opened"), failed.text("cause")), (false, "connect"), "{failed:?}");
    bed.network.set_uplink(true);
    let dials = bed.session.recovered(&lost);
    assert!(dials > 1);
    Ok(Outcome {
        fault: "the client's link is down",
        saw: lost.text("words").to_owned(),
        detection: Some(detection),
        dials,
        messages: bed.close(),
    })
}

pub(crate) fn a_connection_that_a_nat_forgot_is_lost(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    let network = Network::with_nat(Duration::from_secs(600))?;
    let mut bed = Bed::new(network, backend, Traffic::Quiet, TIMES)?;
    let before = bed.network.counted();
    bed.network.forget();
    let forgotten_at = monotonic();
    bed.session.send(5, 100);
    let lost = bed.session.lost_after(forgotten_at)?;
    assert!(bed.network.counted() > before, "the NAT dropped no packet");
    let detection = silently(&lost, forgotten_at, TIMES);
    // The NAT learns the new connection, so that nothing has to heal.
    let dials = bed.session.recovered(&lost);
    assert_eq!(dials, 1);
    Ok(Outcome {
        fault: "a NAT forgets the connection",
        saw: lost.text("words").to_owned(),
        detection: Some(detection),
        dials,
        messages: bed.close(),
    })
}

pub(crate) fn a_heartbeat_below_the_limit_of_a_nat_keeps_the_connection(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    const LIMIT: Duration = Duration::from_secs(1);
    // The timeout is long, so that a slow machine loses no connection.
    const KEPT: Times = Times::millis(300, 5_000);
    const RARE: Times = Times::millis(2_500, 200);
    let mut bed = Bed::new(Network::with_nat(LIMIT)?, backend, Traffic::Quiet, KEPT)?;
    let url = bed.peer.url("/ledger");
    let mut rare = Session::inside(&bed.network, backend, &url, RARE);
    let open = rare.wait_for("open");
    let before = bed.network.counted();
    let lost = rare.lost_after(open.micros("at_us"))?;
    assert!(bed.network.counted() > before, "the NAT dropped no packet");
    let detection = silently(&lost, open.micros("at_us"), RARE);
    let dials = rare.recovered(&lost);
    assert_eq!(dials, 1);
    drop(rare);
    bed.is_alive();
    let messages = bed.close_without_loss();
    Ok(Outcome {
        fault: "idle timeout of a NAT, 1 s; a second session with a heartbeat below it is kept",
        saw: lost.text("words").to_owned(),
        detection: Some(detection),
        dials,
        messages,
    })
}

/// TCP sends a segment again until its acknowledgement arrives, after a time that doubles each time. If
/// each packet were lost at random, an exchange would fail with a chance of 0.51, so the time until it
/// succeeds would have no mean, and no limit of this test would hold. Therefore three of each ten
/// packets are lost, in a fixed order: an exchange alone on the path fails at most twice in a row.
pub(crate) fn a_connection_with_30_percent_loss_is_kept(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    const LOSSY: Times = Times::millis(200, 30_000);
    let network = Network::new()?;
    network.retransmit_after(Duration::from_millis(10));
    let mut bed = Bed::new(network, backend, Traffic::Quiet, LOSSY)?;
    bed.network.lose_three_of_ten();
    bed.session.send(50, 2_000);
    for _ in 0..5 {
        bed.is_alive();
    }
    assert!(bed.network.counted() > 0, "no packet was lost");
    bed.network.heal();
    let messages = bed.close_without_loss();
    Ok(Outcome {
        fault: "loss of 30 % of the packets",
        saw: "nothing".to_owned(),
        detection: None,
        dials: 0,
        messages,
    })
}
