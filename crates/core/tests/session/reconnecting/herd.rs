//! Many supervisors in one process, dropped by one server at the same time.

use std::{collections::BTreeMap, time::Duration};

use websocket_heartbeat::{DialBudget, Event, Exponential, Heartbeat, Preset, Supervisor};
use websocket_heartbeat_mock::{Clock, Remote, Runner, Script, mock};

use crate::harness::secs;

const CLIENTS: u64 = 10_000;
/// `CLIENTS` seeded supervisors lose their connection at 10 s, and the server refuses them until 20
/// s. Returns the times of all dials after the loss.
fn herd(budget: Option<DialBudget>, first: Option<Duration>) -> Vec<Duration> {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    runner.set_poll_limit(10_000_000);
    let mut remotes: Vec<Remote> = Vec::new();
    for seed in 0..CLIENTS {
        let (transport, remote) = mock(&clock);
        let now = clock.clone();
        remote.script(move |dial| match dial {
            1 => Script::accept().end_after(secs(10)).unrecorded(),
            _ if now.now().since_epoch() < secs(20) => Script::refuse_connection(),
            _ => Script::accept().unrecorded(),
        });
        let mut backoff = Exponential::new().seed(seed);
        if let Some(spread) = first {
            backoff = backoff.first(spread);
        }
        let mut builder = Supervisor::builder(transport, clock.timer())
            .preset(Preset::Resilient)
            .heartbeat(Heartbeat::off())
            .backoff(backoff);
        if let Some(budget) = &budget {
            builder = builder.dial_budget(budget.clone());
        }
        let mut supervisor = builder.build().unwrap();
        runner
            .spawn(async move {
                let mut opens = 0;
                while let Some(event) = supervisor.next().await {
                    opens += u32::from(matches!(event, Event::Open(_)));
                    if opens == 2 {
                        break;
                    }
                }
            })
            .detach();
        remotes.push(remote);
    }
    runner.run_for(secs(600));
    assert!(remotes.iter().all(|remote| remote.peers().len() == 2), "all recover");
    let dials = remotes.iter().flat_map(|remote| remote.dials().into_iter().skip(1));
    dials.map(|at| at.since_epoch()).collect()
}

/// The largest number of dials in one second.
fn busiest_second(dials: &[Duration]) -> usize {
    let mut seconds = BTreeMap::new();
    for at in dials {
        *seconds.entry(at.as_secs()).or_insert(0) += 1;
    }
    seconds.into_values().max().unwrap_or(0)
}

#[test]
fn a_shared_budget_bounds_the_busiest_second_and_all_recover() {
    let budget = DialBudget::new(500, secs(1)).unwrap();
    let busiest = busiest_second(&herd(Some(budget), None));
    assert!(busiest <= 500, "{busiest} dials in one second");
    println!("busiest second of {CLIENTS} clients under a budget of 500: {busiest}");
}

#[test]
fn a_wide_first_delay_spreads_ten_thousand_clients() {
    let narrow = busiest_second(&herd(None, None));
    let wide = busiest_second(&herd(None, Some(secs(60))));
    assert!(wide * 5 < narrow, "{wide} with a first delay of 0..=60 s, {narrow} without");
    println!(
        "busiest second of {CLIENTS} clients: {wide} with a wide first delay, {narrow} without"
    );
}

#[test]
fn no_command_bypasses_the_shared_budget() {
    let clock = Clock::new();
    let budget = DialBudget::new(1, secs(10)).unwrap();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let mut supervisor =
        Supervisor::builder(transport, clock.timer()).dial_budget(budget).build().unwrap();
    let handle = supervisor.handle();
    let mut runner = Runner::new(&clock);
    runner.spawn(async move { while supervisor.next().await.is_some() {} }).detach();
    for _ in 0..50 {
        runner.run_for(Duration::from_millis(500));
        handle.reconnect_now();
        handle.pause();
        handle.resume();
    }
    let dials: Vec<_> = remote.dials().iter().map(|at| at.since_epoch().as_secs()).collect();
    assert_eq!(dials, [0, 10, 20]);
}
