//! `wsbeat connect`: one session between standard input and standard output.

mod closing;
mod hooks;
mod input;
mod output;
mod signals;
mod subscribe;

use std::{
    collections::VecDeque,
    future::{Future, pending, poll_fn},
    io,
    pin::Pin,
    process::ExitCode,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{FutureExt, StreamExt, channel::mpsc::Receiver};
use websocket_heartbeat_smol::{
    CloseReason, Closed, ErrorKind, Event, Fate, Handle, Lost, LostCause, Receipt, SmolTimer,
    Timer, TransportError,
};

use self::{
    closing::{Closer, ClosingOptions},
    hooks::{HookOptions, Hooks},
    input::{Input, InputOptions, Stdin},
    output::{OutputOptions, Report},
    subscribe::SubscribeOptions,
};
use crate::{
    exit::{FAILURE, USAGE, fail},
    record::{Record, StatusRecord},
    server::Server,
    session::{HeartbeatKind, Heartbeats, Session, SessionEvent, SessionOptions},
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
/// In a file or a pipe, each text message is one line without changes; --in and --out set other
/// formats, also for binary messages. On a terminal, each message begins with "< ", its further rows
/// are indented, and control characters are shown as escapes (\u{1b}), so that a server cannot
/// control the terminal.
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    session: SessionOptions,
    #[command(flatten)]
    subscribe: SubscribeOptions,
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    output: OutputOptions,
    #[command(flatten)]
    hooks: HookOptions,
    #[command(flatten)]
    options: ConnectOptions,
    #[command(flatten)]
    closing: ClosingOptions,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Session")]
struct ConnectOptions {
    /// Close after this time [default: never]
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    duration: Option<Duration>,
    /// Close after all of standard input is sent
    #[arg(long)]
    close_on_eof: bool,
}

#[cfg(test)]
impl Args {
    /// All checks of [`run`].
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        self.session.check()?;
        self.input.check()?;
        self.output.check(false)?;
        self.server.transport().map(drop)
    }
}

const AFTER_HELP: &str = include_str!("after_help.txt");

/// Runs a session to its end.
pub(crate) fn run(args: &Args, timer: SmolTimer) -> Result<ExitCode, UsageError> {
    args.session.check()?;
    args.input.check()?;
    let report = Report::new(timer.clone(), &args.output)?;
    let transport = args.server.transport()?;
    let supervisor = match args.session.supervisor(transport, timer.clone()) {
        Ok(supervisor) => supervisor,
        Err(error) => return Ok(fail(USAGE, &error)),
    };
    args.subscribe.register(&supervisor.handle())?;
    let heartbeats = match args.output.shows_probes() {
        true => Heartbeats::SentAndAnswered,
        false => Heartbeats::Answered,
    };
    let started = Session::start(supervisor, heartbeats).and_then(|(session, handle)| {
        let status_requests = signals::watch(Closer::new(handle.clone(), &args.closing))?;
        let hooks = Hooks::start(&args.hooks)?;
        Ok(Connect::new(args, timer, session, handle, hooks, report, status_requests))
    });
    Ok(match started {
        Ok(connect) => async_io::block_on(connect.run()),
        Err(error) => fail(FAILURE, &format!("the session cannot start: {error}")),
    })
}

struct Connect<'a> {
    args: &'a Args,
    timer: SmolTimer,
    session: Session,
    handle: Handle,
    closer: Closer,
    hooks: Hooks,
    status_requests: Receiver<()>,
    /// Resolves after the time of `--duration`.
    duration: Pin<Box<dyn Future<Output = ()>>>,
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
    StatusRequest,
    Duration,
    Note(String),
}

impl<'a> Connect<'a> {
    fn new(
        args: &'a Args,
        timer: SmolTimer,
        session: Session,
        handle: Handle,
        hooks: Hooks,
        report: Report,
        status_requests: Receiver<()>,
    ) -> Self {
        let duration: Pin<Box<dyn Future<Output = ()>>> = match args.options.duration {
            Some(duration) => Box::pin(FutureExt::map(async_io::Timer::after(duration), drop)),
            None => Box::pin(pending()),
        };
        Self {
            args,
            timer,
            session,
            closer: Closer::new(handle.clone(), &args.closing),
            handle,
            hooks,
            status_requests,
            duration,
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
                    return self.closed(closed).await;
                }
                Next::Session(Some(SessionEvent::Event(event))) => {
                    if let Err(error) = self.event(&event) {
                        self.handle.abort();
                        return fail(FAILURE, &error);
                    }
                }
                Next::Session(Some(SessionEvent::Probe(connection))) => {
                    self.report.probe(connection);
                }
                Next::Session(Some(SessionEvent::Heartbeat(heartbeat))) => {
                    self.report.record(&Record::heartbeat(&heartbeat));
                }
                Next::Session(None) => {
                    return fail(
                        FAILURE,
                        &"the session thread ended unexpectedly; this is a bug in wsbeat",
                    );
                }
                Next::Input(input) => self.input(input),
                Next::Fate(fate) => self.fate(&fate),
                Next::Note(note) => self.report.hint(&note),
                Next::StatusRequest => {
                    let status = StatusRecord::new(&self.handle.status(), self.timer.now());
                    self.report.record(&Record::Status(Box::new(status)));
                }
                Next::Duration => {
                    self.duration = Box::pin(pending());
                    self.closer.close();
                }
            }
            if self.report.broken().is_some() {
                self.closer.close();
            }
            if self.args.options.close_on_eof && self.stdin_ended && self.receipts.is_empty() {
                self.closer.close();
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        const SOURCES: usize = 6;
        self.turn += 1;
        for source in 0..SOURCES {
            let next = match (self.turn + source) % SOURCES {
                0 => self.session.poll_next_unpin(cx).map(Next::Session),
                1 => self.poll_input(cx).map(Next::Input),
                2 => self.poll_fate(cx).map(Next::Fate),
                3 => match self.status_requests.poll_next_unpin(cx) {
                    Poll::Ready(Some(())) => Poll::Ready(Next::StatusRequest),
                    _ => Poll::Pending,
                },
                4 => self.hooks.poll_note(cx).map(Next::Note),
                _ => self.duration.poll_unpin(cx).map(|()| Next::Duration),
            };
            if next.is_ready() {
                return next;
            }
        }
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
        if let Some(note) = self.hooks.event(self.connection, event) {
            self.report.hint(&note);
        }
        match event {
            Event::Open(open) => {
                self.connection = open.connection;
                self.read_stdin()?;
            }
            Event::Lost(lost) => {
                self.check_heartbeats(lost);
                self.check_size(lost);
                self.read_stdin()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn read_stdin(&mut self) -> io::Result<()> {
        if self.stdin.is_none() {
            let decoder = self.args.input.decoder(self.args.session.max_line_bytes());
            let stdin = Stdin::start(self.handle.clone(), decoder);
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

    /// Shows the option once if a message of the server exceeded the limit.
    fn check_size(&mut self, lost: &Lost) {
        let too_large = |error: &TransportError| error.kind() == ErrorKind::TooLarge;
        let exceeded = lost.opened && lost.cause.transport_error().is_some_and(too_large);
        if exceeded {
            self.report.advise(
                "a message of the server exceeded the limit on its size; raise it by --max-message",
            );
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
            Some(Input::Ended) | None => self.stdin_ended = true,
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
        if let Some(input) = self.stdin.as_ref().and_then(Stdin::unfinished) {
            self.input(Some(input));
        }
        let exit_code = exit_code(&closed.reason);
        self.report.record(&Record::Event(&Event::Closed(closed)));
        for note in self.hooks.finish().await {
            self.report.hint(&note);
        }
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
