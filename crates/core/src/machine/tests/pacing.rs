//! The times of attempts and outages.

use super::sim::{Output, Sim, ms, rules};
use crate::{
    config::ConnectTimeout,
    machine::{Rules, Transition},
};

#[test]
fn the_connect_timeout_grows_with_each_failure() {
    let growing = ConnectTimeout::growing(ms(1_000), ms(4_000));
    let mut sim = Sim::connecting(Rules { connect_timeout: growing, ..rules() });
    sim.run_to(60_000);
    let attempts: Vec<_> = sim.dials();
    let losses: Vec<_> = sim.losses().iter().map(|(millis, _)| *millis).collect();
    let times: Vec<_> = attempts.iter().zip(&losses).map(|(begin, end)| end - begin).collect();
    assert_eq!(times[..4], [1_000, 2_000, 4_000, 4_000]);
}

#[test]
fn an_outage_lasts_from_the_loss_until_the_next_connection() {
    let mut sim = Sim::open(rules());
    sim.run_to(1_000);
    sim.ended();
    sim.run_to(3_500);
    sim.connected();
    let outages = sim.log.iter().filter_map(|(_, output)| match output {
        Output::Told(Transition::Open { outage, .. }) => Some(*outage),
        _ => None,
    });
    assert_eq!(outages.collect::<Vec<_>>(), [ms(2_500)]);
}
