//! Requests to a worker: `wsbeat relay drain`.

use super::{Connection, Failure, File, failed, print};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The name of the worker.
    #[arg(value_parser = super::name)]
    worker: String,
    #[command(flatten)]
    file: File,
}

pub(super) async fn drain(arguments: &Arguments) -> Result<(), Failure> {
    let Connection { client, names, .. } = Connection::open(&arguments.file).await?;
    let subject = names.control(&arguments.worker);
    let answer = client.request(subject, "drain".into()).await.map_err(|error| {
        Failure::Failed(format!(
            "the worker `{}` does not answer: {error}. `wsbeat relay status` shows the workers",
            arguments.worker
        ))
    })?;
    print::line(String::from_utf8_lossy(&answer.payload));
    client.flush().await.map_err(failed)
}
