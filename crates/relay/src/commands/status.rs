//! `wsbeat relay status`: from the buckets alone, so it works while workers are dead.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use futures::{StreamExt, TryStreamExt};
use serde_json::json;

use super::{Connection, Failure, File, failed, print};
use crate::{
    config::Subscription,
    fleet::Key,
    record::Bucket,
    source::group_of,
    worker::{lease_from, lease_key},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: File,
    /// One JSON object a subscription.
    #[arg(long)]
    json: bool,
}

/// Three renewals in seconds: after that, an owner is probably dead.
const SILENT: f64 = 6.0;

/// How many records are read at the same time.
const READS: usize = 32;

/// A lease as it stands in the bucket.
struct Lease {
    worker: String,
    is_ready: bool,
    revision: u64,
    renewed: f64,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Connection { config, client, names } = Connection::open(&arguments.file).await?;
    let context = crate::nats::context(&client);
    let bucket = |bucket| context.get_key_value(names.bucket(bucket));
    let wishes = bucket(Bucket::Wishes).await.map_err(failed)?;
    let leases = bucket(Bucket::Leases).await.map_err(failed)?;
    let mut owners = BTreeMap::new();
    let keys: Vec<String> =
        leases.keys().await.map_err(failed)?.try_collect().await.map_err(failed)?;
    // A lease can expire meanwhile.
    let entries = futures::stream::iter(keys).map(|key| {
        let leases = leases.clone();
        async move { leases.entry(key).await }
    });
    let entries: Vec<_> = entries.buffer_unordered(READS).try_collect().await.map_err(failed)?;
    for entry in entries.into_iter().flatten() {
        let Some(record) = lease_from(&entry.value) else { continue };
        let age = SystemTime::UNIX_EPOCH + Duration::from_nanos(crate::record::unix_now().0);
        let age = age.duration_since(SystemTime::from(entry.created));
        let lease = Lease {
            worker: record.owner.name,
            is_ready: record.ready,
            revision: entry.revision,
            renewed: age.unwrap_or_default().as_secs_f64(),
        };
        owners.insert(entry.key, lease);
    }
    let names: Vec<String> =
        wishes.keys().await.map_err(failed)?.try_collect().await.map_err(failed)?;
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let (mut orphans, mut lines) = (0, Vec::new());
    let mut sorted = names;
    sorted.sort();
    let values = futures::stream::iter(sorted).map(|name| {
        let wishes = wishes.clone();
        async move { wishes.get(name.as_str()).await.map(|value| (name, value)) }
    });
    let values: Vec<_> = values.buffered(READS).try_collect().await.map_err(failed)?;
    for (name, value) in &values {
        // Removed meanwhile.
        let Some(value) = value else { continue };
        let Ok(subscription) = Subscription::from_json(value) else {
            lines.push((name.clone(), "invalid".to_owned(), Vec::new()));
            continue;
        };
        let group = group_of(&subscription);
        let block = group.block(name, config.fleet.blocks);
        let slots = 0..group.rules().owners;
        let found: Vec<_> =
            slots.filter_map(|slot| owners.get(&lease_key(Key { block, slot }))).collect();
        orphans += usize::from(found.len() < usize::from(group.rules().owners));
        for lease in &found {
            let count = counts.entry(&lease.worker).or_default();
            count.0 += 1;
            count.1 += usize::from(lease.is_ready);
        }
        lines.push((name.clone(), format!("{group:?}").to_lowercase(), found));
    }
    for (name, kind, found) in &lines {
        if arguments.json {
            let owners: Vec<_> = found
                .iter()
                .map(|lease| {
                    json!({ "worker": lease.worker, "ready": lease.is_ready,
                        "revision": lease.revision, "renewed_s": lease.renewed })
                })
                .collect();
            print::line(json!({ "subscription": name, "kind": kind, "owners": owners }));
        } else {
            let owners: Vec<_> = found
                .iter()
                .map(|lease| {
                    let state = match (lease.renewed > SILENT, lease.is_ready) {
                        (true, _) => " silent",
                        (false, false) => " opening",
                        (false, true) => "",
                    };
                    format!("{}{state} (renewed {:.1} s ago)", lease.worker, lease.renewed)
                })
                .collect();
            let owners = if owners.is_empty() { "NO OWNER".to_owned() } else { owners.join(", ") };
            print::line(format_args!("{name}\t{kind}\t{owners}"));
        }
    }
    if !arguments.json {
        print::line("");
        for (worker, (owned, ready)) in counts {
            print::line(format_args!("{worker}: {owned} subscriptions, {ready} open"));
        }
        print::line(format_args!("{} subscriptions, {orphans} without an owner", lines.len()));
    }
    Ok(())
}
