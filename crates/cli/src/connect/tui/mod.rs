//! `wsbeat connect --tui`: the session on the whole terminal.

mod app;
mod view;

use std::{
    future::poll_fn,
    io::{self, IsTerminal},
    process::ExitCode,
    task::Poll,
    thread,
    time::Duration,
};

use async_io::Timer;
use futures::{
    StreamExt,
    channel::mpsc::{Receiver, channel},
};
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event as TerminalEvent, KeyEvent, KeyEventKind},
};
use websocket_heartbeat_smol::{CloseReason, Event, Handle, SmolTimer, Supervisor, Timer as _};

use self::app::{Action, App};
use super::signals;
use crate::{
    exit::{FAILURE, USAGE, fail},
    server::ServerTransport,
    session::{Session, SessionEvent},
};

/// The time between two frames. A flood of messages does not draw more often.
const FRAME: Duration = Duration::from_millis(100);

/// Runs a session to its end. `server` is the name on the screen.
pub(super) fn run(
    supervisor: Supervisor<ServerTransport, SmolTimer>,
    server: &str,
    timer: SmolTimer,
) -> ExitCode {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return fail(USAGE, &"--tui needs a terminal for input and output; leave it out");
    }
    let started = Session::start(supervisor).and_then(|(session, handle)| {
        signals::watch(handle.clone())?;
        // It also restores the terminal after a panic.
        Ok((session, handle, ratatui::try_init()?))
    });
    let (session, handle, mut terminal) = match started {
        Ok(started) => started,
        Err(error) => return fail(FAILURE, &format!("the session cannot start: {error}")),
    };
    let app = App::new(server, handle.clone(), timer.now());
    let shown = show(&mut terminal, app, session, &handle, &timer);
    let ended = async_io::block_on(shown);
    ratatui::restore();
    match ended {
        Ok(reason) if reason.by_user() => ExitCode::SUCCESS,
        Ok(reason) => fail(FAILURE, &reason.detail()),
        Err(error) => fail(FAILURE, &format!("the terminal cannot be used: {error}")),
    }
}

/// Shows the session until the user leaves, and returns the reason of its end.
async fn show(
    terminal: &mut DefaultTerminal,
    mut app: App,
    mut session: Session,
    handle: &Handle,
    timer: &SmolTimer,
) -> io::Result<CloseReason> {
    let mut keys = keys()?;
    let mut frames = Timer::interval(FRAME);
    let mut end = None;
    let mut leave = false;
    loop {
        let mut frame = false;
        poll_fn(|cx| {
            while end.is_none()
                && let Poll::Ready(Some(event)) = session.poll_next_unpin(cx)
            {
                match event {
                    SessionEvent::Heartbeat(heartbeat) => app.heartbeat(&heartbeat, timer.now()),
                    SessionEvent::Event(event) => {
                        if let Event::Closed(closed) = &event {
                            end = Some(closed.reason.clone());
                        }
                        app.event(event, timer.now());
                    }
                }
            }
            app.poll_fates(cx, timer.now());
            while let Poll::Ready(Some(key)) = keys.poll_next_unpin(cx) {
                leave |= act(app.key(key), handle, &mut app, timer);
                frame = true;
            }
            frame |= frames.poll_next_unpin(cx).is_ready();
            if frame { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        terminal.draw(|frame| view::draw(frame, &mut app, &handle.status(), timer.now()))?;
        if let Some(reason) = end.as_ref().filter(|_| leave) {
            return Ok(reason.clone());
        }
    }
}

/// Returns whether the user leaves.
fn act(action: Action, handle: &Handle, app: &mut App, timer: &SmolTimer) -> bool {
    match action {
        Action::None => {}
        Action::Reconnect => handle.reconnect_now(),
        Action::Probe => handle.probe_now(),
        Action::Pause => handle.pause(),
        Action::Resume => handle.resume(),
        Action::Close => handle.close(),
        Action::Send(text) => app.send(text, timer.now()),
        Action::Leave => {
            // The first closes gracefully, the second immediately.
            match app.is_leaving() {
                false => handle.close(),
                true => handle.abort(),
            }
            app.leave();
            return true;
        }
    }
    false
}

/// The keys, and changes of the size as `None`. A thread reads them, since a read blocks.
fn keys() -> io::Result<Receiver<Option<KeyEvent>>> {
    let (mut sender, keys) = channel(16);
    let read = move || {
        while let Ok(event) = event::read() {
            let key = match event {
                TerminalEvent::Key(key) if key.kind == KeyEventKind::Press => Some(key),
                TerminalEvent::Resize(..) => None,
                _ => continue,
            };
            if async_io::block_on(futures::SinkExt::send(&mut sender, key)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("keys".into()).spawn(read)?;
    Ok(keys)
}
