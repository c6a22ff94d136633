//! Signals: SIGINT and SIGTERM close the session, SIGUSR1 requests the status.

use std::{io, process, thread};

use async_signal::{Signal, Signals};
use futures::{
    StreamExt,
    channel::mpsc::{Receiver, channel},
};

use super::closing::{By, Closer};

#[cfg(unix)]
const WATCHED: [Signal; 3] = [Signal::Int, Signal::Term, Signal::Usr1];
#[cfg(not(unix))]
const WATCHED: [Signal; 1] = [Signal::Int];

/// The exit code that shells report for a program that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// Watches for signals on a separate thread, so that closing works while output is blocked. The
/// first SIGINT or SIGTERM closes the session gracefully, the second aborts it, and the third ends
/// the program immediately. Returns the requests for a status.
pub(crate) fn watch(closer: Closer) -> io::Result<Receiver<()>> {
    let mut signals = Signals::new(WATCHED)?;
    // One status answers all requests that arrive before it is printed.
    let (mut sender, requests) = channel(1);
    let watch = async move {
        let mut count = 0;
        while let Some(Ok(signal)) = signals.next().await {
            match signal {
                Signal::Int | Signal::Term => {
                    count += 1;
                    match count {
                        1 => closer.close(By::User),
                        2 => closer.abort(),
                        _ => process::exit(INTERRUPTED),
                    }
                }
                // If the receiver is gone the session is over.
                _ => drop(sender.try_send(())),
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(move || async_io::block_on(watch))?;
    Ok(requests)
}
