//! `wsbeat relay send`.

use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use futures::StreamExt;

use super::{Connection, Failure, File, failed, print};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The name of the subscription.
    #[arg(value_parser = super::name)]
    name: String,
    /// The text.
    text: String,
    #[command(flatten)]
    file: File,
    /// How many seconds the fate is awaited.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    timeout: u64,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.file).await?;
    // Otherwise the command would stay in the queue, for an owner that comes much later.
    match connection.wished(&arguments.name).await? {
        Some(subscription) if subscription.commands => {}
        Some(_) => {
            return Err(Failure::Failed(format!(
                "the subscription `{}` takes no commands: set `commands = true`, and run `wsbeat \
                 relay apply`",
                arguments.name
            )));
        }
        None => return Err(Failure::Failed(format!("no subscription `{}`", arguments.name))),
    }
    let Connection { client, names, .. } = connection;
    let context = crate::nats::context(&client);
    let id = format!("{:016x}", crate::incarnation());
    // Before the command, so that its fate is not missed.
    let mut fates = client.subscribe(names.fate(&arguments.name)).await.map_err(failed)?;
    client.flush().await.map_err(failed)?;
    let message = PublishMessage::build().message_id(&id).payload(arguments.text.clone().into());
    let subject = names.command(&arguments.name);
    context.send_publish(subject, message).await.map_err(failed)?.await.map_err(failed)?;
    let fate = async {
        while let Some(message) = fates.next().await {
            let fate: serde_json::Value = serde_json::from_slice(&message.payload).ok()?;
            if fate["command"] == *id {
                return Some(fate);
            }
        }
        None
    };
    let fate = tokio::time::timeout(Duration::from_secs(arguments.timeout), fate).await;
    match fate.ok().flatten() {
        Some(fate) => {
            print::line(&fate);
            match fate["fate"].as_str() {
                Some("written") => Ok(()),
                _ => Err(Failure::Failed("the command was not written".to_owned())),
            }
        }
        None => Err(Failure::Failed(format!(
            "no fate within {} s: the command waits for an owner of `{}` with a connection",
            arguments.timeout, arguments.name
        ))),
    }
}
