//! The relay beside loops written by hand, which read the same upstream and publish the same ids to the same
//! stream: `cargo bench --bench speed`. It prints the messages that a server stored a second, as medians
//! of interleaved runs, the processor time for a million messages, and the latency at a moderate rate.
//!
//! `cargo bench --bench speed -- [--rounds N] [--seconds N] [--only PART,..]`, where a part is `relay`,
//! `rust`, `python`, `node`, `latency` or `replicas`.

#![allow(missing_docs, reason = "a program of this package only")]

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../../tests/acceptance/bed/mod.rs"]
mod bed;
mod hose;
mod latency;
mod pairs;
mod site;
mod throughput;

use std::{env, error::Error, time::Duration};

/// Settings of the command line.
#[derive(Clone, Debug)]
struct Plan {
    rounds: usize,
    time: Duration,
    parts: Vec<String>,
}

impl Plan {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let parts = ["relay", "rust", "python", "node", "latency", "replicas"].map(str::to_owned);
        let mut plan = Self { rounds: 5, time: Duration::from_secs(5), parts: parts.into() };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--rounds" => plan.rounds = arguments.next()?.parse().ok()?,
                "--seconds" => plan.time = Duration::from_secs(arguments.next()?.parse().ok()?),
                "--only" => plan.parts = arguments.next()?.split(',').map(str::to_owned).collect(),
                // Cargo passes it.
                "--bench" => {}
                _ => return None,
            }
        }
        Some(plan)
    }

    fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|name| name == part)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = env::args().skip(1);
    match env::args().nth(1).as_deref() {
        Some("hose") => {
            let rate = arguments.nth(1).and_then(|rate| rate.parse().ok()).unwrap_or_default();
            return Ok(hose::serve(rate)?);
        }
        Some("by-hand") => {
            let job = pairs::Job::parse(arguments.skip(1)).ok_or("the arguments of the loop")?;
            return pairs::by_hand::run(job).await;
        }
        _ => {}
    }
    let plan = Plan::parse(arguments).ok_or("[--rounds N] [--seconds N] [--only PART,..]")?;
    for subscriptions in [1, 20] {
        throughput::measure(&plan, subscriptions).await?;
    }
    if plan.has("latency") {
        latency::measure(&plan, 1).await?;
        if plan.has("replicas") {
            latency::measure(&plan, 3).await?;
        }
    }
    Ok(())
}
