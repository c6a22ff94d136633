//! The time from the upstream to the stream, at a moderate rate.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull::OrderedConfig};
use futures::StreamExt;
use serde::Deserialize;

use crate::{
    Plan,
    bed::{
        figures::{percentile, report},
        plan::GROUP,
        time::{now, since},
    },
    site::{Program, Site},
};

/// Messages a second.
const RATE: u64 = 1_000;

#[derive(Deserialize)]
struct Made {
    at: u64,
}

/// Measures the relay and the loop in Rust with so many servers, each of which stores all.
pub(crate) async fn measure(plan: &Plan, servers: usize) -> Result<(), async_nats::Error> {
    for program in [Program::Relay, Program::Rust] {
        if !plan.has(program.name()) {
            continue;
        }
        let site = Site::start(program, 1, RATE, servers).await?;
        let stream = site.fleet.context.get_stream(format!("WSB_{GROUP}")).await?;
        let config = OrderedConfig {
            filter_subject: format!("wsb.{GROUP}.in.*"),
            deliver_policy: DeliverPolicy::New,
            ..OrderedConfig::default()
        };
        let mut messages = stream.create_consumer(config).await?.messages().await?;
        let count = RATE as usize * 2 * plan.time.as_secs() as usize;
        let (mut stored, mut read) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            let message = messages.next().await.ok_or("the end of the consumer")??;
            let Made { at } = serde_json::from_slice(&message.payload)?;
            let published = message.info()?.published.unix_timestamp_nanos();
            stored.push(since(at, u64::try_from(published)?));
            read.push(since(at, now()));
        }
        let time = |times: &[Duration], share| {
            format!("{:.2} ms", percentile(times, share).as_secs_f64() * 1e3)
        };
        let figures = [
            ("to the time in the stream, median", time(&stored, 0.5)),
            ("99 %", time(&stored, 0.99)),
            ("to a reader of the stream, median", time(&read, 0.5)),
            ("99 %", time(&read, 0.99)),
        ];
        report(&format!("latency of {}, {servers} servers", program.name()), &figures);
    }
    Ok(())
}
