//! `wsbeat relay init`.

use super::{Connection, Failure, File, apply, failed, print};
use crate::nats::{Existing, create, permissions};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: File,
    /// Change a stream that exists with other settings.
    #[arg(long)]
    update: bool,
    /// Print the permissions that the user of a worker needs, and do nothing else.
    #[arg(long)]
    permissions: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.permissions {
        let names = crate::record::Names::new(&arguments.file.read()?.nats.group);
        print::line(permissions(&names));
        return Ok(());
    }
    let connection = Connection::open(&arguments.file).await?;
    let Connection { config, client, names } = &connection;
    let existing = if arguments.update { Existing::Update } else { Existing::Keep };
    let done = create(client, config, existing).await.map_err(failed)?;
    for line in &done {
        print::line(line);
    }
    if done.is_empty() {
        print::line(format_args!("the stream and the buckets exist"));
    }
    apply::write(&connection, false).await?;
    print::line(format_args!(
        "\nThe least permissions of a worker, for the configuration of NATS:\n"
    ));
    print::line(permissions(names));
    Ok(())
}
