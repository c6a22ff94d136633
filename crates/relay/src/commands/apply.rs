//! `wsbeat relay apply`.

use std::collections::BTreeSet;

use futures::TryStreamExt;

use super::{Connection, Failure, File, failed, print};
use crate::record::Bucket;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: File,
    /// Also end the subscriptions that are not in the file.
    #[arg(long)]
    prune: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.file).await?;
    write(&connection, arguments.prune).await
}

/// Writes the subscriptions of the file that are new or have changed.
pub(super) async fn write(connection: &Connection, prune: bool) -> Result<(), Failure> {
    let Connection { config, client, names } = connection;
    let context = crate::nats::context(client);
    let bucket = context.get_key_value(names.bucket(Bucket::Wishes)).await.map_err(failed)?;
    let keys = bucket.keys().await.map_err(failed)?;
    let mut stored: BTreeSet<String> = keys.try_collect().await.map_err(failed)?;
    let (mut written, mut same, mut removed) = (0, 0, 0);
    for subscription in &config.subscriptions {
        let value = serde_json::to_vec(subscription).map_err(failed)?;
        let before = match stored.remove(&subscription.name) {
            true => bucket.get(&subscription.name).await.map_err(failed)?,
            false => None,
        };
        if before.is_some_and(|before| before == value) {
            same += 1;
        } else {
            bucket.put(&subscription.name, value.into()).await.map_err(failed)?;
            written += 1;
        }
    }
    let others = stored.len();
    if prune {
        for name in stored {
            bucket.delete(&name).await.map_err(failed)?;
            removed += 1;
        }
    }
    print::line(format_args!(
        "subscriptions: {written} written, {same} unchanged, {removed} removed"
    ));
    if !prune && others > 0 {
        print::line(format_args!(
            "{others} others stay: `wsbeat relay apply --prune` removes them"
        ));
    }
    Ok(())
}
