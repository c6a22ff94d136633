//! `wsbeat relay run`: a worker.

mod limits;
mod logs;
mod pages;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
};

use self::pages::Shown;
use super::{Failure, File, failed};
use crate::{
    clock,
    config::Config,
    fleet,
    health::Health,
    http::Server,
    nats::{self, Nats, Patience, SetupError},
    record::{Bucket, Names},
    source::Upstreams,
    worker::{self, End, Settings},
};

/// The wait before the streams are looked at again, if a server did not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// The time after a drain in which the last messages are stored.
pub(super) const LAST_ACKNOWLEDGEMENTS: Duration = Duration::from_secs(5);

pub(super) async fn run(file: &File) -> Result<(), Failure> {
    let config = file.read()?;
    logs::begin();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name = config.worker.name(&host);
    let worker = fleet::Worker { name, incarnation: crate::incarnation() };
    tracing::info!(worker = %worker, group = config.nats.group, "starting");
    let health = watch::Sender::new(Health::default());
    let shown = match config.worker.metrics {
        Some(address) => {
            let server = Server::bind(address).await.map_err(failed)?;
            if let Ok(address) = server.address() {
                tracing::info!(%address, "metrics");
            }
            let shown = Arc::new(Shown::new(health.subscribe()));
            tokio::spawn(server.run(Arc::clone(&shown)));
            Some(shown)
        }
        None => None,
    };
    let (drain_sender, drain) = mpsc::channel(1);
    let mut stop = std::pin::pin!(stopped());
    let client = tokio::select! {
        client = nats::connect(&config.nats, &worker.name, Patience::Endless) => {
            client.map_err(failed)?
        }
        () = &mut stop => return Ok(()),
    };
    if let Some(shown) = shown {
        shown.connect(client.clone());
    }
    let names = Arc::new(Names::new(&config.nats.group));
    let (engine, count) = tokio::select! {
        ready = wait_for_setup(&client, &config, &names) => ready?,
        () = &mut stop => return Ok(()),
    };
    limits::raise(count)?;
    tokio::spawn(control(client.clone(), names.control(&worker.name), drain_sender.clone()));
    let times = fleet::Settings { drain: config.worker.drain_timeout, ..Default::default() };
    let settings = Settings {
        worker: worker.clone(),
        weight: config.worker.weight,
        blocks: config.fleet.blocks,
        times,
        max_message: usize::try_from(config.stream.max_message).unwrap_or(usize::MAX),
        health,
    };
    let source = Arc::new(Upstreams::new(engine.clone(), &config));
    let worker = worker::run(engine, source, names, settings, clock::since_start(), drain);
    let mut worker = std::pin::pin!(worker);
    let end = tokio::select! {
        end = &mut worker => end,
        () = &mut stop => {
            // Full if a drain was requested before.
            let _ = drain_sender.try_send(());
            let limit = times.drain + LAST_ACKNOWLEDGEMENTS;
            tokio::select! {
                end = &mut worker => end,
                () = tokio::time::sleep(limit) => {
                    return Err(Failure::Failed("the drain did not end in time".to_owned()));
                }
                () = stopped() => {
                    return Err(Failure::Failed("stopped by a second signal".to_owned()));
                }
            }
        }
    };
    drop(client.flush().await);
    match end {
        End::Drained => {
            tracing::info!("drained");
            Ok(())
        }
        End::Double(other) => Err(Failure::Failed(format!(
            "another worker has the name `{}`, and is alive ({other}): give this one another \
             `worker.id`",
            other.name
        ))),
    }
}

/// Waits for SIGTERM or ctrl-C.
async fn stopped() {
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let [Ok(mut terminate), Ok(mut interrupt)] = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Waits until the stream and the buckets can be used, and compares them. Returns also the number of
/// subscriptions that are wanted.
async fn wait_for_setup(
    client: &async_nats::Client,
    config: &Config,
    names: &Arc<Names>,
) -> Result<(Nats, usize), Failure> {
    loop {
        let error = match nats::check(client, config).await {
            Ok(()) => match open(client, names).await {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            },
            Err(error @ SetupError::Failed { .. }) => failed(error),
            Err(error) => return Err(failed(error)),
        };
        tracing::warn!(%error, "waiting for NATS JetStream");
        tokio::time::sleep(AGAIN).await;
    }
}

/// The engine, and the number of subscriptions that are wanted.
async fn open(client: &async_nats::Client, names: &Arc<Names>) -> Result<(Nats, usize), Failure> {
    let engine = Nats::new(client.clone(), Arc::clone(names)).await.map_err(failed)?;
    let context = nats::context(client);
    let bucket = context.get_key_value(names.bucket(Bucket::Wishes)).await.map_err(failed)?;
    // Not the number of records: those of subscriptions that were removed stay.
    let keys = bucket.keys().await.map_err(failed)?.try_collect::<Vec<_>>().await;
    let count = keys.map_err(failed)?.len();
    if count == 0 {
        tracing::warn!("no subscription is wanted: `wsbeat relay apply` writes those of a file");
    }
    Ok((engine, count))
}

/// Answers requests to this worker.
async fn control(client: async_nats::Client, subject: String, drain: mpsc::Sender<()>) {
    loop {
        match client.subscribe(subject.clone()).await {
            Ok(mut requests) => {
                while let Some(request) = requests.next().await {
                    let answer = match &request.payload[..] {
                        b"drain" => match drain.try_send(()) {
                            Ok(()) => "draining",
                            Err(_) => "draining already",
                        },
                        _ => "unknown request",
                    };
                    if let Some(reply) = request.reply
                        && let Err(error) = client.publish(reply, answer.into()).await
                    {
                        tracing::debug!(%error, "an answer could not be sent");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "requests cannot be received"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}
