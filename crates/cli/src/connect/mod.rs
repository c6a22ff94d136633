//! `wsbeat connect`: one session between standard input and standard output.

mod input;
mod output;
mod signals;

use std::{
    collections::VecDeque,
    future::{Future, pending, poll_fn},
    io::{self, IsTerminal},
    panic,
    pin::Pin,
    process::ExitCode,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{FutureExt, StreamExt, channel::mpsc::Receiver};
use websocket_heartbeat_smol::{
    CloseReason, Closed, Event, Fate, Handle, Lost, LostCause, Receipt, SmolTimer, Timer,
};

use self::{
    input::{Input, Stdin},
    output::{Report, Screen},
    signals::Request,
};
use crate::{
    exit::{FAILURE, USAGE, fail},
    record::{Record, StatusRecord},
    server::Server,
    session::{HeartbeatKind, Session, SessionEvent, SessionOptions},
    usage::UsageError,
    values,
};

/// Keep a WebSocket connection open
///
/// Each line of standard input is sent as a text message. Messages of the server are printed on
/// standard output, and events of the connection on standard error. After each loss, also a silent
/// one, wsbeat reconnects. The end of standard input does not end the session without
/// --close-on-eof.
///
/// In a file or a pipe, each message is one line without changes. On a terminal, control characters
/// are shown as escapes (\u{1b}, \n), so that a server cannot control the terminal.
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    session: SessionOptions,
    #[command(flatten)]
    options: ConnectOptions,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Session")]
struct ConnectOptions {
    /// Print all events as JSON on standard output, see JSON below
    #[arg(long)]
    json: bool,
    /// Close after this time [default: never]
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    duration: Option<Duration>,
    /// Close after all of standard input is sent
    #[arg(long)]
    close_on_eof: bool,
    /// Do not show the state of the session in the last row of a terminal
    #[arg(long)]
    no_footer: bool,
}

#[cfg(test)]
impl Args {
    /// All checks of [`run`].
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        self.session.check()?;
        self.server.transport().map(drop)
    }
}

const AFTER_HELP: &str = include_str!("after_help.txt");

/// Runs a session to its end.
pub(crate) fn run(args: &Args, timer: SmolTimer) -> Result<ExitCode, UsageError> {
    args.session.check()?;
    let transport = args.server.transport()?;
    let supervisor = match args.session.supervisor(transport, timer.clone()) {
        Ok(supervisor) => supervisor,
        Err(error) => return Ok(fail(USAGE, &error)),
    };
    let started = Session::start(supervisor).and_then(|(session, handle)| {
        let screen = Screen::new(handle.clone(), timer.clone(), !args.options.no_footer);
        restore_at_panics(screen.clone());
        let requests = signals::watch(handle.clone(), timer.clone(), screen.clone())
            .inspect_err(|_| screen.end())?;
        Ok(Connect::new(args, timer, session, handle, screen, requests))
    });
    Ok(match started {
        Ok(connect) => async_io::block_on(connect.run()),
        Err(error) => fail(FAILURE, &format!("the session cannot start: {error}")),
    })
}

/// Restores the terminal before the message of a panic is printed.
fn restore_at_panics(screen: Screen) {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        screen.restore();
        print(info);
    }));
}

struct Connect<'a> {
    args: &'a Args,
    timer: SmolTimer,
    session: Session,
    handle: Handle,
    requests: Receiver<Request>,
    /// Resolves after the time of `--duration`.
    duration: Pin<Box<dyn Future<Output = ()>>>,
    screen: Screen,
    report: Report,
    /// `None` until the first attempt has succeeded or failed: if nothing is kept offline, earlier
    /// input would be dropped before it could be sent.
    stdin: Option<Stdin>,
    stdin_ended: bool,
    /// Receipts of the lines that have no fate yet, in the order of the lines. Fates arrive in the
    /// same order, except that a line may expire while an earlier one is being written.
    receipts: VecDeque<Receipt>,
    connection: u64,
    hint: Hint,
    /// The source that is polled first changes each time, so that a busy one does not starve the
    /// others.
    turn: usize,
}

/// Whether the hint about unanswered heartbeats is due.
enum Hint {
    /// The number of connections in a row that were lost without an answered heartbeat.
    NotYet {
        unanswered: u32,
    },
    Shown,
}

enum Next {
    Session(Option<SessionEvent>),
    Input(Option<Input>),
    Fate(Fate),
    Request(Request),
    Duration,
}

impl<'a> Connect<'a> {
    fn new(
        args: &'a Args,
        timer: SmolTimer,
        session: Session,
        handle: Handle,
        screen: Screen,
        requests: Receiver<Request>,
    ) -> Self {
        let duration: Pin<Box<dyn Future<Output = ()>>> = match args.options.duration {
            Some(duration) => Box::pin(FutureExt::map(async_io::Timer::after(duration), drop)),
            None => Box::pin(pending()),
        };
        let report = Report::new(timer.clone(), args.options.json, screen.clone());
        Self {
            args,
            timer,
            session,
            handle,
            requests,
            duration,
            screen,
            report,
            stdin: None,
            stdin_ended: false,
            receipts: VecDeque::new(),
            connection: 0,
            hint: Hint::NotYet { unanswered: 0 },
            turn: 0,
        }
    }

    async fn run(mut self) -> ExitCode {
        loop {
            match poll_fn(|cx| self.poll_next(cx)).await {
                Next::Session(Some(SessionEvent::Event(Event::Closed(closed)))) => {
                    while let Ok(request) = self.requests.try_recv() {
                        self.request(request);
                    }
                    return self.closed(closed).await;
                }
                Next::Session(Some(SessionEvent::Event(event))) => {
                    if let Err(error) = self.event(&event) {
                        self.handle.abort();
                        self.report.end();
                        return fail(FAILURE, &error);
                    }
                }
                Next::Session(Some(SessionEvent::Heartbeat(heartbeat))) => {
                    self.report.record(&Record::heartbeat(&heartbeat));
                }
                Next::Session(None) => {
                    self.report.end();
                    return fail(
                        FAILURE,
                        &"the session thread ended unexpectedly; this is a bug in wsbeat",
                    );
                }
                Next::Input(input) => {
                    self.input(input);
                    self.hint_at_end_of_input();
                }
                Next::Fate(fate) => self.fate(&fate),
                Next::Request(request) => self.request(request),
                Next::Duration => {
                    self.duration = Box::pin(pending());
                    self.handle.close();
                }
            }
            if self.report.broken().is_some() {
                self.handle.close();
            }
            if self.args.options.close_on_eof && self.stdin_ended && self.receipts.is_empty() {
                self.handle.close();
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        const SOURCES: usize = 5;
        self.turn += 1;
        for source in 0..SOURCES {
            let next = match (self.turn + source) % SOURCES {
                0 => self.session.poll_next_unpin(cx).map(Next::Session),
                1 => self.poll_input(cx).map(Next::Input),
                2 => self.poll_fate(cx).map(Next::Fate),
                3 => match self.requests.poll_next_unpin(cx) {
                    Poll::Ready(Some(request)) => Poll::Ready(Next::Request(request)),
                    _ => Poll::Pending,
                },
                _ => self.duration.poll_unpin(cx).map(|()| Next::Duration),
            };
            if next.is_ready() {
                return next;
            }
        }
        self.report.draw(cx);
        Poll::Pending
    }

    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Option<Input>> {
        match &mut self.stdin {
            Some(stdin) if !self.stdin_ended => stdin.inputs.poll_next_unpin(cx),
            _ => Poll::Pending,
        }
    }

    fn poll_fate(&mut self, cx: &mut Context<'_>) -> Poll<Fate> {
        let Some(first) = self.receipts.front_mut() else { return Poll::Pending };
        let fate = ready!(first.poll_unpin(cx));
        self.receipts.pop_front();
        Poll::Ready(fate)
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Message(message) => self.report.message(self.connection, message),
            // The inbox makes the server wait when it is full, so there is no `Lagged`.
            Event::Lagged(_) => {}
            event => self.report.record(&Record::Event(event)),
        }
        match event {
            Event::Open(open) => {
                self.connection = open.connection;
                self.read_stdin()?;
            }
            Event::Lost(lost) => {
                self.check_heartbeats(lost);
                self.read_stdin()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn read_stdin(&mut self) -> io::Result<()> {
        if self.stdin.is_none() {
            let limit = self.args.session.max_line_bytes();
            let stdin = Stdin::start(self.handle.clone(), limit, self.screen.clone());
            self.stdin = Some(stdin.map_err(stdin_error)?);
        }
        Ok(())
    }

    /// Shows the remedy once if the server does not answer message heartbeats.
    fn check_heartbeats(&mut self, lost: &Lost) {
        let Hint::NotYet { unanswered } = &mut self.hint else { return };
        let timed_out = matches!(lost.cause, LostCause::HeartbeatTimeout(_));
        *unanswered = if timed_out && !lost.ever_answered { *unanswered + 1 } else { 0 };
        if *unanswered >= 2 && self.args.session.heartbeat_kind() == HeartbeatKind::Message {
            self.hint = Hint::Shown;
            self.report.hint("the server does not answer message heartbeats; use --heartbeat ping");
        }
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Status => {
                let status = StatusRecord::new(&self.handle.status(), self.timer.now());
                self.report.record(&Record::Status(Box::new(status)));
            }
            Request::Closing => self.report.hint("closing, again to abort"),
            Request::Redraw => self.report.redraw(),
        }
    }

    fn input(&mut self, input: Option<Input>) {
        match input {
            Some(Input::Accepted(receipt)) => self.receipts.push_back(receipt),
            Some(Input::Dropped(reason, message)) => {
                self.report.record(&Record::dropped(reason, &message));
            }
            Some(Input::Truncated) => {
                self.report.hint("the rest of standard input is not read and not reported");
            }
            Some(Input::Failed(error)) => {
                self.report.hint(&stdin_error(error).to_string());
            }
            Some(Input::Background) => {
                self.report.hint("the terminal is not read while this program is in the background")
            }
            Some(Input::Ended) | None => self.stdin_ended = true,
        }
    }

    /// A user who types ctrl-D may expect that the session ends.
    fn hint_at_end_of_input(&mut self) {
        if self.stdin_ended && !self.args.options.close_on_eof && io::stdin().is_terminal() {
            self.report.hint("end of input; the connection stays open; ctrl-c closes");
        }
    }

    fn fate(&mut self, fate: &Fate) {
        if let Some(record) = Record::unsent(fate) {
            self.report.record(&record);
        }
    }

    /// Reports the fates of all remaining lines, then the end of the session.
    async fn closed(mut self, closed: Box<Closed>) -> ExitCode {
        if let Err(error) = self.read_stdin() {
            self.report.end();
            return fail(FAILURE, &error);
        }
        if let Some(stdin) = &self.stdin {
            stdin.session_closed();
        }
        // Every receipt resolves now, and the outbox refuses lines that wait for room.
        while let Some(next) = poll_fn(|cx| self.poll_rest(cx)).await {
            match next {
                Next::Fate(fate) => self.fate(&fate),
                Next::Input(input) => self.input(input),
                _ => {}
            }
        }
        let exit_code = exit_code(&closed.reason);
        self.report.record(&Record::Event(&Event::Closed(closed)));
        self.report.end();
        match self.report.broken() {
            None => {}
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Some(error) => {
                return fail(FAILURE, &format!("standard output cannot be written: {error}"));
            }
        }
        exit_code
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Next>> {
        if let Poll::Ready(fate) = self.poll_fate(cx) {
            return Poll::Ready(Some(Next::Fate(fate)));
        }
        // Read before the channel is polled, which then contains all earlier input.
        let done = self.stdin.as_ref().is_none_or(Stdin::is_done);
        if let Poll::Ready(input) = self.poll_input(cx) {
            return Poll::Ready(Some(Next::Input(input)));
        }
        if !self.receipts.is_empty() || !(done || self.stdin_ended) {
            return Poll::Pending;
        }
        Poll::Ready(None)
    }
}

fn exit_code(reason: &CloseReason) -> ExitCode {
    if reason.by_user() { ExitCode::SUCCESS } else { FAILURE.into() }
}

fn stdin_error(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("standard input cannot be read: {error}"))
}
