//! `wsbeat demo`: a server fails in several ways, and a client recovers each time.

mod story;
mod summary;

use std::{error::Error, io, process::ExitCode, time::Duration};

use futures::{FutureExt, future::Either};
use websocket_heartbeat_smol::SmolTimer;

use crate::exit::{FAILURE, fail};

/// Many times the usual time of the demo, because its steps wait for events.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// Show how a client survives a server that goes silent, stops and restarts
///
/// The demo takes about 15 seconds and needs no network. A server on the loopback interface of this
/// machine goes silent while its TCP connection stays open, then stops, refuses connections, and
/// restarts. A client detects each failure and recovers. All events are shown as they happen. The
/// exit code is 0 if every step succeeded, else 1.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs the story to its end.
pub(crate) fn run(timer: SmolTimer) -> ExitCode {
    let result = async_io::block_on(async {
        let story = story::run(timer).boxed_local();
        let limit = async_io::Timer::after(TIME_LIMIT);
        match futures::future::select(story, limit).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => {
                let reason = format!("the demo did not finish within {TIME_LIMIT:?}; run it again");
                Err(reason.into())
            }
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader closed the pipe, so it does not need the rest.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => fail(FAILURE, &error),
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
