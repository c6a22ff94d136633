//! Signals: SIGINT and SIGTERM close, SIGUSR1 asks for the status.

use std::{io, process, thread};

use async_signal::{Signal, Signals};
use futures::{
    StreamExt,
    channel::mpsc::{Receiver, channel},
};
use websocket_heartbeat_smol::Handle;

#[cfg(unix)]
const WATCHED: [Signal; 3] = [Signal::Int, Signal::Term, Signal::Usr1];
#[cfg(not(unix))]
const WATCHED: [Signal; 1] = [Signal::Int];

/// What shells report for a program that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// Watches on a thread of its own, so that closing works while output is stuck. The first signal
/// to end closes the session gracefully, the second aborts it, the third ends the program at once.
/// Gives the requests for a status.
pub(crate) fn watch(handle: Handle) -> io::Result<Receiver<()>> {
    let mut signals = Signals::new(WATCHED)?;
    // One status answers all requests that came while it was not printed.
    let (mut sender, requests) = channel(1);
    let watch = async move {
        let mut ends = 0;
        while let Some(Ok(signal)) = signals.next().await {
            match signal {
                Signal::Int | Signal::Term => {
                    ends += 1;
                    match ends {
                        1 => handle.close(),
                        2 => handle.abort(),
                        _ => process::exit(INTERRUPTED),
                    }
                }
                // If nobody listens any more the session is over.
                _ => drop(sender.try_send(())),
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(move || async_io::block_on(watch))?;
    Ok(requests)
}
