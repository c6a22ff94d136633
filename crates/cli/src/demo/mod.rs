//! `wsbeat demo`: a server with real faults, a client that survives them, and the story of both.

mod server;
mod story;
mod summary;

use std::{error::Error, io, process::ExitCode, time::Duration};

use futures::{FutureExt, future::Either};
use websocket_heartbeat_smol::SmolTimer;

use crate::{FAILURE, complain};

/// Many times what the story takes: its steps wait for events, not for moments.
const GUARD: Duration = Duration::from_secs(120);

/// Tells the story.
pub(crate) fn run(timer: SmolTimer) -> ExitCode {
    let told = async_io::block_on(async {
        let story = story::tell(timer).boxed_local();
        let guard = async_io::Timer::after(GUARD);
        match futures::future::select(story, guard).await {
            Either::Left((told, _)) => told,
            Either::Right(_) => Err(format!("the story was not over after {GUARD:?}").into()),
        }
    });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody wants to hear the rest.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => complain(FAILURE, &error),
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
