//! Signals: some end the session, SIGUSR1 requests the status, and others are about the terminal.

mod ignored;
mod repeats;

use std::{io, process, thread};

use async_signal::{Signal, Signals};
use futures::{
    StreamExt,
    channel::mpsc::{Receiver, Sender, channel},
};
use websocket_heartbeat_smol::{SmolTimer, Timer};

use self::{ignored::is_ignored, repeats::Repeats};
use super::{
    closing::{By, Closer},
    output::Screen,
};

/// A request of a signal to the main thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Print the status.
    Status,
    /// Print that the session is being closed. Without a connection there is nothing to wait for.
    Closing { waits: bool },
    /// Draw the terminal again.
    Redraw,
}

/// Watches for signals on a separate thread, so that closing works while output is blocked. The
/// first signal that ends a program (SIGINT, SIGTERM, SIGHUP, SIGQUIT) closes the session
/// gracefully, the second aborts it, and the third ends the program immediately.
pub(crate) fn watch(
    closer: Closer,
    timer: SmolTimer,
    screen: Screen,
) -> io::Result<Receiver<Request>> {
    let mut signals = Signals::new(watched(&screen))?;
    // Each sender has room for one request, which answers all later ones of its kind until it is
    // received. If the receiver is gone the session is over.
    let (sender, requests) = channel(0);
    let [mut status, mut closing, mut redraw] = [(); 3].map(|()| sender.clone());
    let send = |sender: &mut Sender<Request>, request| drop(sender.try_send(request));
    let watch = async move {
        let mut repeats = Repeats::default();
        while let Some(Ok(signal)) = signals.next().await {
            match signal {
                Signal::Usr1 => send(&mut status, Request::Status),
                Signal::Winch => send(&mut redraw, Request::Redraw),
                Signal::Tstp => {
                    screen.suspend();
                    stop();
                }
                Signal::Cont => {
                    screen.resume();
                    send(&mut redraw, Request::Redraw);
                }
                _ => match repeats.count(timer.now()) {
                    None => {}
                    Some(1) => {
                        send(&mut closing, Request::Closing { waits: closer.is_open() });
                        closer.close(By::User);
                    }
                    Some(2) => closer.abort(),
                    Some(_) => {
                        screen.restore();
                        // The exit code that shells report for a program that a signal ended.
                        process::exit(128 + signal as i32);
                    }
                },
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(move || async_io::block_on(watch))?;
    Ok(requests)
}

#[cfg(unix)]
fn watched(screen: &Screen) -> Vec<Signal> {
    use nix::unistd::{getpgrp, getsid};
    let mut watched = vec![Signal::Int, Signal::Term, Signal::Quit, Signal::Usr1];
    // nohup has to work. A shell without job control ignores SIGINT for its background commands;
    // that is not respected, since scripts end them by `kill -INT`.
    if !is_ignored(Signal::Hup) {
        watched.push(Signal::Hup);
    }
    // The library for the whole terminal watches its size.
    if screen.is_live() {
        watched.push(Signal::Winch);
    }
    if screen.is_live() || screen.is_whole() {
        watched.push(Signal::Cont);
        // The group of the session's leader has no shell that could continue it, and the system
        // stops it by no key.
        let has_shell = getsid(None).is_ok_and(|leader| leader != getpgrp());
        if has_shell && !is_ignored(Signal::Tstp) {
            watched.push(Signal::Tstp);
        }
    }
    watched
}

#[cfg(not(unix))]
fn watched(_: &Screen) -> Vec<Signal> {
    vec![Signal::Int]
}

/// Does what ctrl-Z does where the terminal makes it a signal.
#[cfg(all(unix, feature = "tui"))]
pub(crate) fn stop_job() {
    use rustix::process::{Signal, kill_current_process_group};
    let _ = kill_current_process_group(Signal::TSTP);
}

#[cfg(all(not(unix), feature = "tui"))]
pub(crate) fn stop_job() {}

/// Stops this program, as SIGTSTP does without a handler. The other programs of the foreground
/// group got their own signal.
#[cfg(unix)]
fn stop() {
    use rustix::process::{Signal, getpid, kill_process};
    let _ = kill_process(getpid(), Signal::STOP);
}

#[cfg(not(unix))]
fn stop() {}
