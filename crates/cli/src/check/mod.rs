//! `wsbeat check`: examines a server and recommends settings for it.

mod advice;
#[cfg(feature = "rustls")]
mod certificate;
mod findings;
mod link;
mod phases;
mod plan;
mod text;

use std::{process::ExitCode, time::Duration};

use websocket_heartbeat_smol::SmolTimer;

use self::findings::Findings;
use crate::{
    exit::{FAILURE, fail, print, warn},
    server::Server,
    usage::UsageError,
    values,
};

/// Examine a server: how it is reached, what it answers, and which settings fit
///
/// wsbeat check shows the phases of connecting with their times, the addresses, the certificate, the
/// answers to ping frames and to messages, and how the server closes. It recommends settings with
/// reasons. It sends two text messages, "heartbeat" and one that asks for an echo, unless
/// --only-pings is given.
/// The exit code is 0 if a connection opened, 1 if none opened, and 2 if the arguments are wrong.
///
///   wsbeat check wss://example.org/feed
///   wsbeat check wss://example.org/feed --idle 2m --find-max-message
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(flatten)]
    options: CheckOptions,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Check")]
struct CheckOptions {
    /// The maximum time of each answer of the server
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = values::positive)]
    timeout: Duration,
    /// Send no messages, only ping frames
    #[arg(long)]
    only_pings: bool,
    /// Wait on a silent connection until it ends, at most for this time
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    idle: Option<Duration>,
    /// Find the largest message that the server accepts, up to 16 MiB
    #[arg(long, conflicts_with = "only_pings")]
    find_max_message: bool,
    /// Print the findings as one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Examines the server and prints the findings. The exit code is 0 if a connection opened.
pub(crate) fn run(args: &Args, timer: SmolTimer) -> Result<ExitCode, UsageError> {
    let transport = args.server.transport(timer)?;
    transport.notes().iter().for_each(|note| warn(note));
    let CheckOptions { timeout, only_pings, idle, find_max_message, json } = args.options;
    let plan = plan::Plan { timeout, only_pings, idle, find_max_message };
    let mut findings = async_io::block_on(plan.run(transport, args.server.name(), json));
    findings.advice = advice::advice(&findings);
    let shown = if json { to_json(&findings) } else { text::findings(&findings) };
    let printed = print(shown.as_bytes());
    Ok(match findings.failure {
        None => printed,
        Some(_) if json => FAILURE.into(),
        Some(reason) => fail(FAILURE, &format!("no connection could be opened: {reason}")),
    })
}

fn to_json(findings: &Findings) -> String {
    // Numbers and texts are always representable.
    serde_json::to_string(findings).unwrap_or_default() + "\n"
}
