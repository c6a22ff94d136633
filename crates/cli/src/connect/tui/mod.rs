//! `wsbeat connect --tui`: the session on the whole terminal.

mod app;
mod view;

use std::{
    future::poll_fn,
    io::{self, IsTerminal},
    panic,
    process::ExitCode,
    task::Poll,
    thread,
    time::Duration,
};

use async_io::Timer;
use futures::{
    StreamExt,
    channel::mpsc::{Receiver, channel},
    executor::block_on,
};
use ratatui::{
    DefaultTerminal, Terminal,
    backend::CrosstermBackend,
    crossterm::event::{self, Event as TerminalEvent, KeyEvent, KeyEventKind},
};
use websocket_heartbeat_smol::{
    CloseFrame, CloseReason, Event, Handle, SmolTimer, Supervisor, Timer as _,
};

use self::app::{Action, App};
use super::{
    closing::{By, Closer},
    ending::Ending,
    output::{Parts, Screen},
    signals::{self, Request},
};
use crate::{
    exit::{FAILURE, USAGE, fail},
    server::ServerTransport,
    session::{Heartbeats, Session, SessionEvent, thread_ended},
    terminal,
};

/// The time between two frames. A flood of messages does not draw more often.
const FRAME: Duration = Duration::from_millis(100);

/// The number of events that are taken before keys and the next frame have their turn.
const EVENTS: usize = 512;

/// Runs a session to its end. `server` is the name on the screen, and `notes` are warnings.
pub(super) fn run(
    supervisor: Supervisor<ServerTransport, SmolTimer>,
    server: &str,
    notes: &[String],
    close_frame: Option<CloseFrame>,
    timer: SmolTimer,
) -> ExitCode {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return fail(USAGE, &"--tui needs a terminal for input and output; leave it out");
    }
    let parts = Parts { editor: false, footer: false, whole: true };
    let screen = Screen::new(supervisor.handle(), timer.clone(), parts);
    let started = Session::start(supervisor, Heartbeats::Answered).and_then(|(session, handle)| {
        let closer = Closer::new(handle.clone(), close_frame);
        let requests = signals::watch(closer.clone(), timer.clone(), screen.clone())?;
        Ok((session, handle, closer, requests, new_terminal()?))
    });
    let (session, handle, closer, requests, mut terminal) = match started {
        Ok(started) => started,
        Err(error) => return fail(FAILURE, &format!("the session cannot start: {error}")),
    };
    let mut app = App::new(server, handle.clone(), timer.now());
    notes.iter().for_each(|note| app.note(note, timer.now()));
    restore_after_panics(screen.clone());
    let control = Control { handle, closer, screen };
    let ended = block_on(show(&mut terminal, &mut app, session, requests, &control, &timer));
    control.screen.restore();
    let reason = match ended {
        Ok(reason) => reason,
        Err(error) => return fail(FAILURE, &format!("the terminal cannot be used: {error}")),
    };
    let ending = Ending {
        reason: &reason,
        tally: &app.tally,
        output: None,
        input: None,
        missing: None,
        unread: 0,
    };
    match ending.failure() {
        None => ExitCode::SUCCESS,
        Some((code, words)) => fail(code, &words),
    }
}

fn new_terminal() -> io::Result<DefaultTerminal> {
    Terminal::new(CrosstermBackend::new(io::stdout()))
}

/// Commands to the session and to the terminal.
struct Control {
    handle: Handle,
    closer: Closer,
    screen: Screen,
}

/// Restores the terminal before the message of a panic.
fn restore_after_panics(screen: Screen) {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        screen.restore();
        report(panic);
    }));
}

/// Shows the session until the user leaves, and returns the reason of its end.
async fn show(
    terminal: &mut DefaultTerminal,
    app: &mut App,
    mut session: Session,
    mut requests: Receiver<Request>,
    control: &Control,
    timer: &SmolTimer,
) -> io::Result<CloseReason> {
    let mut keys = keys()?;
    let mut frames = Timer::interval(FRAME);
    let mut end = None;
    let mut leave = false;
    loop {
        let mut frame = false;
        poll_fn(|cx| {
            let mut taken = 0;
            while end.is_none()
                && taken < EVENTS
                && let Poll::Ready(event) = session.poll_next_unpin(cx)
            {
                taken += 1;
                let Some(event) = event else { return Poll::Ready(Err(thread_ended())) };
                match event {
                    SessionEvent::Probe(_) => {}
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
                leave |= act(app.key(key), control, app, timer);
                frame = true;
            }
            while let Poll::Ready(Some(request)) = requests.poll_next_unpin(cx) {
                match request {
                    // It is on the screen.
                    Request::Status => {}
                    Request::Redraw => frame = true,
                    Request::Closing { .. } => {
                        app.leave();
                        leave = true;
                    }
                }
            }
            frame |= frames.poll_next_unpin(cx).is_ready();
            if taken == EVENTS && !frame {
                cx.waker().wake_by_ref();
            }
            if frame { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await?;
        control.screen.draw_whole(|is_new| {
            if is_new {
                // It compares nothing with the last drawing.
                *terminal = new_terminal()?;
            }
            let status = control.handle.status();
            terminal.draw(|frame| view::draw(frame, app, &status, timer.now())).map(drop)
        })?;
        if let Some(reason) = end.as_ref().filter(|_| leave) {
            return Ok(reason.clone());
        }
    }
}

/// Returns whether the user leaves.
fn act(action: Action, control: &Control, app: &mut App, timer: &SmolTimer) -> bool {
    match action {
        Action::None => {}
        Action::Reconnect => control.handle.reconnect_now(),
        Action::Probe => control.handle.probe_now(),
        Action::Pause => control.handle.pause(),
        Action::Resume => control.handle.resume(),
        Action::Close => control.closer.close(By::User),
        Action::Stop => signals::stop_job(),
        Action::Send(text) => app.send(text, timer.now()),
        Action::Leave => {
            // The first closes gracefully, the second immediately.
            match app.is_leaving() {
                false => control.closer.close(By::User),
                true => control.closer.abort(),
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
        // Where a read can stop the program, it follows the look at the foreground at once.
        let wait = if cfg!(unix) { Duration::ZERO } else { FRAME };
        loop {
            if !terminal::is_foreground() {
                thread::park_timeout(FRAME);
                continue;
            }
            let event = match event::poll(wait) {
                Ok(true) => event::read(),
                Ok(false) => {
                    terminal::await_input(FRAME);
                    continue;
                }
                Err(error) => Err(error),
            };
            let Ok(event) = event else { return };
            let key = match event {
                TerminalEvent::Key(key) if key.kind == KeyEventKind::Press => Some(key),
                TerminalEvent::Resize(..) => None,
                _ => continue,
            };
            if block_on(futures::SinkExt::send(&mut sender, key)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("keys".into()).spawn(read)?;
    Ok(keys)
}
