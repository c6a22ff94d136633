//! `wsbeat connect`: one session between standard input and standard output.

use std::{
    collections::VecDeque,
    future::{Future, pending, poll_fn},
    io,
    pin::Pin,
    process::ExitCode,
    task::{Context, Poll, ready},
};

use async_io::Timer as Alarm;
use futures::{FutureExt, StreamExt, channel::mpsc::Receiver};
use websocket_heartbeat_smol::{
    CloseReason, Closed, Event, Fate, Handle, Lost, LostCause, Receipt, SmolTimer, Timer,
};

use crate::{
    FAILURE, USAGE, complain,
    options::{Kind, Options},
    record::Line,
    report::Report,
    session::{News, Session},
    signals,
    status::StatusLine,
    stdin::{Input, Stdin},
};

/// Runs a session to its end.
pub(crate) fn run(options: &Options, timer: SmolTimer) -> ExitCode {
    let supervisor = match options.supervisor(timer.clone()) {
        Ok(supervisor) => supervisor,
        Err(error) => return complain(USAGE, &error),
    };
    let started = Session::start(supervisor).and_then(|(session, handle)| {
        let status_requests = signals::watch(handle.clone())?;
        Ok(Connect::new(options, timer, session, handle, status_requests))
    });
    match started {
        Ok(connect) => async_io::block_on(connect.run()),
        Err(error) => complain(FAILURE, &error),
    }
}

struct Connect<'a> {
    options: &'a Options,
    timer: SmolTimer,
    session: Session,
    handle: Handle,
    status_requests: Receiver<()>,
    end: Pin<Box<dyn Future<Output = ()>>>,
    report: Report,
    /// Read from when the first attempt has ended one way or the other: with nothing kept offline,
    /// what is piped in would be lost before there was a chance to send it.
    stdin: Option<Stdin>,
    stdin_ended: bool,
    /// Of the lines that have no fate yet, in order: fates come in the order of the lines, but for
    /// expired ones that overtake what is being written.
    receipts: VecDeque<Receipt>,
    connection: u64,
    /// Heartbeats unanswered in a row.
    unanswered: u32,
    hinted: bool,
    /// Which source is asked first, so that a busy one does not drown the others.
    turn: usize,
}

enum Next {
    News(Option<News>),
    Input(Option<Input>),
    Fate(Fate),
    StatusRequest,
    Duration,
}

impl<'a> Connect<'a> {
    fn new(
        options: &'a Options,
        timer: SmolTimer,
        session: Session,
        handle: Handle,
        status_requests: Receiver<()>,
    ) -> Self {
        let end: Pin<Box<dyn Future<Output = ()>>> = match options.duration {
            Some(duration) => Box::pin(FutureExt::map(Alarm::after(duration), drop)),
            None => Box::pin(pending()),
        };
        let report = Report::new(timer.clone(), options.json);
        Self {
            options,
            timer,
            session,
            handle,
            status_requests,
            end,
            report,
            stdin: None,
            stdin_ended: false,
            receipts: VecDeque::new(),
            connection: 0,
            unanswered: 0,
            hinted: false,
            turn: 0,
        }
    }

    async fn run(mut self) -> ExitCode {
        loop {
            match poll_fn(|cx| self.poll_next(cx)).await {
                Next::News(Some(News::Event(Event::Closed(closed)))) => {
                    return self.closed(&closed).await;
                }
                Next::News(Some(News::Event(event))) => {
                    if let Err(error) = self.event(&event) {
                        self.handle.abort();
                        return complain(FAILURE, &error);
                    }
                }
                Next::News(Some(News::Heartbeat(heartbeat))) => {
                    self.report.line(&Line::heartbeat(&heartbeat));
                }
                Next::News(None) => return complain(FAILURE, &"the session ended unexpectedly"),
                Next::Input(input) => self.input(input),
                Next::Fate(fate) => self.fate(&fate),
                Next::StatusRequest => {
                    let line = StatusLine::new(&self.handle.status(), self.timer.now());
                    self.report.line(&Line::Status(Box::new(line)));
                }
                Next::Duration => {
                    self.end = Box::pin(pending());
                    self.handle.close();
                }
            }
            if self.report.broken().is_some() {
                self.handle.close();
            }
            if self.options.close_on_eof && self.stdin_ended && self.receipts.is_empty() {
                self.handle.close();
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        const SOURCES: usize = 5;
        self.turn += 1;
        for source in 0..SOURCES {
            let next = match (self.turn + source) % SOURCES {
                0 => self.session.poll_next_unpin(cx).map(Next::News),
                1 => self.poll_input(cx).map(Next::Input),
                2 => self.poll_fate(cx).map(Next::Fate),
                3 => match self.status_requests.poll_next_unpin(cx) {
                    Poll::Ready(Some(())) => Poll::Ready(Next::StatusRequest),
                    _ => Poll::Pending,
                },
                _ => self.end.poll_unpin(cx).map(|()| Next::Duration),
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
            Event::Connecting(connecting) => self.report.line(&Line::connecting(connecting)),
            Event::Open(open) => {
                self.connection = open.connection;
                self.report.line(&Line::open(open));
                self.read_stdin()?;
            }
            Event::Message(message) => self.report.message(self.connection, message),
            Event::Lost(lost) => {
                self.report.line(&Line::lost(lost));
                self.hint(lost);
                self.read_stdin()?;
            }
            Event::WriteBlocked(blocked) => self.report.line(&Line::write_blocked(blocked)),
            Event::Retry(retry) => self.report.line(&Line::retry(retry)),
            // The inbox lets the server wait, so it never lags.
            _ => {}
        }
        Ok(())
    }

    fn read_stdin(&mut self) -> io::Result<()> {
        if self.stdin.is_none() {
            let longest = self.options.longest_line();
            self.stdin = Some(Stdin::start(self.handle.clone(), longest)?);
        }
        Ok(())
    }

    /// The remedy where heartbeats are never answered.
    fn hint(&mut self, lost: &Lost) {
        let timed_out = matches!(lost.cause, LostCause::HeartbeatTimeout(_));
        self.unanswered = if timed_out && !lost.ever_answered { self.unanswered + 1 } else { 0 };
        if self.unanswered >= 2 && !self.hinted && self.options.kind() == Kind::Message {
            self.hinted = true;
            let remedy = "this server does not answer application heartbeats: use --heartbeat ping";
            self.report.hint(remedy);
        }
    }

    fn input(&mut self, input: Option<Input>) {
        match input {
            Some(Input::Accepted(receipt)) => self.receipts.push_back(receipt),
            Some(Input::Dropped(reason, message)) => {
                self.report.line(&Line::dropped(reason, &message));
            }
            Some(Input::Left) => self.report.hint("more of standard input is left unread"),
            Some(Input::Failed(error)) => {
                self.report.hint(&format!("standard input cannot be read: {error}"));
            }
            Some(Input::Ended) | None => self.stdin_ended = true,
        }
    }

    fn fate(&mut self, fate: &Fate) {
        if let Some(line) = Line::unsent(fate) {
            self.report.line(&line);
        }
    }

    /// Reports what is left, then the end.
    async fn closed(mut self, closed: &Closed) -> ExitCode {
        if let Err(error) = self.read_stdin() {
            return complain(FAILURE, &error);
        }
        // Every receipt resolves now, and those who wait at the outbox are refused.
        while let Some(next) = poll_fn(|cx| self.poll_rest(cx)).await {
            match next {
                Next::Fate(fate) => self.fate(&fate),
                Next::Input(input) => self.input(input),
                _ => {}
            }
        }
        self.report.line(&Line::closed(closed));
        match self.report.broken() {
            None => {}
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Some(error) => return complain(FAILURE, error),
        }
        exit_code(&closed.reason)
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Next>> {
        if let Poll::Ready(fate) = self.poll_fate(cx) {
            return Poll::Ready(Some(Next::Fate(fate)));
        }
        // Asked before the channel is looked at: what was read before is in it.
        let done = self.stdin.as_ref().is_none_or(Stdin::is_done_after_session);
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
