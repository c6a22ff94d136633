//! The exchange between standard input, the session and standard output: [`Exchange`].

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IsTerminal},
    process::ExitCode,
    task::{Context, Poll, ready},
};

use futures::{FutureExt, StreamExt, channel::mpsc::Receiver};
use websocket_heartbeat_smol::{
    CloseReason, Closed, Event, Fate, Handle, Lost, LostCause, Receipt, SmolTimer, Timer, Timestamp,
};

use super::{
    Args,
    closing::{By, Closer},
    ending::{Ending, Tally, Unsent},
    hooks::Hooks,
    input::{Input, Line, Stdin},
    output::Report,
    signals::Request,
    until::{Due, Until},
};
use crate::{
    exit::{FAILURE, SUCCESS, fail},
    record::{Record, StatusRecord},
    session::{HeartbeatKind, Session, SessionEvent, thread_ended},
};

/// A running session.
pub(super) struct Exchange<'a> {
    args: &'a Args,
    timer: SmolTimer,
    session: Session,
    handle: Handle,
    closer: Closer,
    hooks: Hooks,
    requests: Receiver<Request>,
    /// Resolves after the time of `--duration`.
    duration: async_io::Timer,
    /// Resolves at the time of [`Due::At`], or earlier.
    due: async_io::Timer,
    until: Until,
    report: Report,
    /// `None` until the first attempt has succeeded or failed: if nothing is kept offline, earlier
    /// input would be dropped before it could be sent.
    stdin: Option<Stdin>,
    stdin_ended: bool,
    /// The error of standard input, in words.
    stdin_error: Option<String>,
    /// Receipts of the lines that have no fate yet, in the order of the lines. Fates arrive in the
    /// same order, except that a line may expire while an earlier one is being written.
    receipts: VecDeque<Receipt>,
    tally: Tally,
    connection: u64,
    /// The number of connections in a row that were lost without an answered heartbeat.
    unanswered: u32,
}

/// The number of events that are taken before the other sources are polled.
const EVENTS: usize = 512;

/// The number of unsent lines that are listed at the end of the session, and summed up after that:
/// more than the outbox keeps by default, and few enough for a fraction of a second.
const LISTED: usize = 10_000;

/// The same for people.
const SHOWN: usize = 5;

impl<'a> Exchange<'a> {
    pub(super) fn new(
        args: &'a Args,
        timer: SmolTimer,
        report: Report,
        session: Session,
        handle: Handle,
        closer: Closer,
        requests: Receiver<Request>,
    ) -> io::Result<Self> {
        let duration = args.until.duration;
        let until = Until::new(&args.until, timer.now());
        Ok(Self {
            args,
            timer,
            session,
            handle,
            closer,
            hooks: Hooks::start(&args.hooks, report.shared_terminal())?,
            requests,
            duration: duration.map_or_else(async_io::Timer::never, async_io::Timer::after),
            due: async_io::Timer::never(),
            until,
            report,
            stdin: None,
            stdin_ended: false,
            stdin_error: None,
            receipts: VecDeque::new(),
            tally: Tally::new(if args.output.is_for_programs() { LISTED } else { SHOWN }),
            connection: 0,
            unanswered: 0,
        })
    }

    pub(super) async fn run(mut self) -> ExitCode {
        match poll_fn(|cx| self.poll(cx)).await {
            Ok(closed) => self.closed(closed).await,
            Err(error) => {
                self.closer.abort();
                self.report.end();
                fail(FAILURE, &error)
            }
        }
    }

    /// Takes turns with all sources, so that a busy one does not starve the others. Ready at the end
    /// of the session.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Box<Closed>>> {
        loop {
            let now = self.timer.now();
            let mut moved = false;
            for _ in 0..EVENTS {
                match self.session.poll_next_unpin(cx) {
                    Poll::Ready(Some(SessionEvent::Event(Event::Closed(closed)))) => {
                        return Poll::Ready(Ok(closed));
                    }
                    Poll::Ready(Some(SessionEvent::Event(event))) => self.event(&event, now)?,
                    Poll::Ready(Some(SessionEvent::Probe(connection))) => {
                        self.report.probe(connection);
                    }
                    Poll::Ready(Some(SessionEvent::Heartbeat(heartbeat))) => {
                        self.report.record(&Record::heartbeat(&heartbeat));
                    }
                    Poll::Ready(None) => {
                        return Poll::Ready(Err(thread_ended()));
                    }
                    Poll::Pending => break,
                }
                moved = true;
            }
            if let Poll::Ready(input) = self.poll_input(cx) {
                self.input(input);
                self.hint_at_end_of_input();
                moved = true;
            }
            while let Poll::Ready(fate) = self.poll_fate(cx) {
                self.fate(&fate);
                self.until.lines(now);
                moved = true;
            }
            while let Poll::Ready(note) = self.hooks.poll_note(cx) {
                self.report.hint(&note);
                moved = true;
            }
            if let Poll::Ready(Some(request)) = self.requests.poll_next_unpin(cx) {
                self.request(request);
                moved = true;
            }
            // Nothing waits for more output.
            self.report.flush();
            self.close_if_due(now, cx);
            if !moved {
                self.report.draw(cx);
                return Poll::Pending;
            }
        }
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

    /// Closes the session if the program has a reason to.
    fn close_if_due(&mut self, now: Timestamp, cx: &mut Context<'_>) {
        if self.closer.by().is_some() {
            return;
        }
        if self.report.broken().is_some() {
            return self.closer.close(By::OutputClosed);
        }
        if self.stdin_error.is_some() {
            return self.closer.close(By::InputFailed);
        }
        if let (Poll::Ready(_), Some(time)) =
            (self.duration.poll_unpin(cx), self.args.until.duration)
        {
            return self.closer.close(By::Duration(time));
        }
        if self.stdin_ended && self.receipts.is_empty() {
            self.until.all_sent(now);
        }
        // If the timer has ended, the time is read again.
        let mut now = now;
        loop {
            match self.until.due(now) {
                Due::Never => return,
                Due::Now(by) => return self.closer.close(by),
                Due::At(at) => {
                    if !self.due.will_fire() {
                        self.due.set_after(at.saturating_since(now));
                    }
                    if self.due.poll_unpin(cx).is_pending() {
                        return;
                    }
                    self.due = async_io::Timer::never();
                    now = self.timer.now();
                }
            }
        }
    }

    fn event(&mut self, event: &Event, now: Timestamp) -> io::Result<()> {
        match event {
            // One more than `-n` asks for.
            Event::Message(_) if !self.until.message(now) => return Ok(()),
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
                self.read_stdin()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn read_stdin(&mut self) -> io::Result<()> {
        if self.stdin.is_none() {
            let limit = self.args.session.max_line_bytes();
            let decoder = self.args.input.decoder(limit);
            let (handle, closer) = (self.handle.clone(), self.closer.clone());
            let screen = self.report.screen().clone();
            let stdin = Stdin::start(handle, closer, decoder, screen, limit);
            self.stdin = Some(stdin.map_err(|error| io::Error::other(stdin_error(&error)))?);
        }
        Ok(())
    }

    /// Shows the remedy once if the server does not answer message heartbeats.
    fn check_heartbeats(&mut self, lost: &Lost) {
        let timed_out = matches!(lost.cause, LostCause::HeartbeatTimeout(_));
        self.unanswered = if timed_out && !lost.ever_answered { self.unanswered + 1 } else { 0 };
        if self.unanswered >= 2 && self.args.session.heartbeat_kind() == HeartbeatKind::Message {
            self.report
                .advise("the server does not answer message heartbeats; use --heartbeat ping");
        }
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Status => {
                let status = StatusRecord::new(&self.handle.status(), self.timer.now());
                self.report.record(&Record::Status(Box::new(status)));
            }
            Request::Closing { waits: true } => self.report.remark("closing, again to abort"),
            Request::Closing { waits: false } => {}
            Request::Redraw => self.report.redraw(),
        }
    }

    /// A user who types ctrl-D may expect that the session ends.
    fn hint_at_end_of_input(&mut self) {
        let open = self.stdin_ended && !self.args.until.close_on_eof && self.closer.by().is_none();
        if open && io::stdin().is_terminal() {
            self.report.remark("end of input; the connection stays open; ctrl-c closes");
        }
    }

    fn input(&mut self, input: Option<Input>) {
        match input {
            Some(Input::Lines(lines)) => lines.into_iter().for_each(|line| self.line(line)),
            Some(Input::Truncated) => {
                self.report.hint("the rest of standard input is not read and not reported");
            }
            Some(Input::Failed(error)) => self.stdin_error = Some(stdin_error(&error)),
            Some(Input::Background) => {
                self.report
                    .remark("the terminal is not read while this program is in the background");
            }
            Some(Input::Ended) | None => self.stdin_ended = true,
        }
    }

    fn line(&mut self, line: Line) {
        match line {
            Line::Accepted(receipt) => self.receipts.push_back(receipt),
            Line::Dropped(reason, message) => {
                if self.tally.count(Unsent::dropped(reason, &message)) {
                    self.report.record(&Record::dropped(reason, &message));
                }
            }
        }
    }

    fn fate(&mut self, fate: &Fate) {
        if let Some(unsent) = Unsent::of(fate)
            && self.tally.count(unsent)
            && let Some(record) = Record::unsent(fate)
        {
            self.report.record(&record);
        }
    }

    /// Reports the fates of all remaining lines, then the end of the session.
    async fn closed(mut self, closed: Box<Closed>) -> ExitCode {
        while let Ok(request) = self.requests.try_recv() {
            self.request(request);
        }
        let by_user = closed.reason.by_user();
        if !by_user && let Err(error) = self.read_stdin() {
            self.report.end();
            return fail(FAILURE, &error);
        }
        if let Some(stdin) = self.stdin.as_ref().filter(|_| !by_user) {
            stdin.session_gave_up();
        }
        // Every receipt resolves now, and the outbox refuses lines that wait for room.
        while poll_fn(|cx| self.poll_rest(cx)).await {}
        // A session with `-n` ends within a line if the input is longer.
        let enough = matches!(self.closer.by(), Some(By::Messages(_)));
        if !enough && let Some(line) = self.stdin.as_ref().and_then(Stdin::unfinished) {
            self.line(line);
        }
        if let Some(sum) = self.tally.not_listed() {
            self.report.record(&Record::UnsentSummary(sum));
        }
        // The user of `-n` does not want more messages.
        let unread = if enough { 0 } else { closed.unread };
        let lost_answers = self.closer.is_end_of_input() && unread > 0;
        if unread > 0 && !lost_answers {
            self.report.hint(&format!("{unread} messages came after the close and were discarded"));
        }
        self.report.record(&Record::Closed {
            reason: closed.reason.name(),
            detail: self.detail(&closed.reason),
            unproven: closed.unproven,
            follows: Ending::has_reason(&closed.reason),
        });
        self.report.flush();
        self.report.end();
        for note in self.hooks.finish().await {
            self.report.hint(&note);
        }
        let ending = Ending {
            reason: &closed.reason,
            tally: &self.tally,
            output: self.report.broken(),
            input: self.stdin_error.as_deref(),
            missing: self.until.missing(),
            unread: if lost_answers { unread } else { 0 },
        };
        match ending.failure() {
            Some((code, words)) => fail(code, &words),
            None => SUCCESS.into(),
        }
    }

    /// The reason in words. Only this program knows who closed the session.
    fn detail(&self, reason: &CloseReason) -> String {
        match (reason, self.closer.by()) {
            (CloseReason::User, Some(by)) => by.to_string(),
            _ => reason.detail(),
        }
    }

    /// Takes one item of the remaining input and fates. False at their end.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if let Poll::Ready(fate) = self.poll_fate(cx) {
            self.fate(&fate);
            return Poll::Ready(true);
        }
        // Read before the channel is polled, which then contains all earlier input.
        let done = self.stdin.as_ref().is_none_or(Stdin::is_done);
        if let Poll::Ready(input) = self.poll_input(cx) {
            self.input(input);
            return Poll::Ready(true);
        }
        if !self.receipts.is_empty() || !(done || self.stdin_ended) {
            self.report.flush();
            return Poll::Pending;
        }
        Poll::Ready(false)
    }
}

fn stdin_error(error: &io::Error) -> String {
    format!("standard input cannot be read: {error}")
}
