//! The state of the screen: history, messages, input.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use websocket_heartbeat_smol::{
    Event, Fate, Handle, Message, Receipt, Timestamp, backend::printable,
};

use crate::{
    connect::ending::{Tally, Unsent},
    history::{RoundTrip, Session as History, State},
    session::AnsweredHeartbeat,
};

/// The maximum number of lines that can be scrolled back to.
const LINES: usize = 2_000;

/// The maximum number of characters of a line.
const LINE: usize = 2_000;

/// The maximum number of round trips and of spans that are kept.
const KEPT: usize = 5_000;

/// The windows of the time axis.
const WINDOWS: [Duration; 6] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(24 * 3_600),
];

pub(super) struct App {
    pub(super) server: String,
    handle: Handle,
    pub(super) history: History,
    pub(super) lines: VecDeque<Line>,
    /// The number of lines between the last one shown and the newest.
    pub(super) scrolled: usize,
    pub(super) filter: String,
    pub(super) input: Input,
    window: usize,
    receipts: FuturesUnordered<Receipt>,
    pub(super) tally: Tally,
    /// An open connection stays open in a pause, so the phase does not show it.
    pub(super) paused: bool,
    leaving: bool,
}

pub(super) struct Line {
    pub(super) at: Timestamp,
    pub(super) kind: Kind,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Received,
    Sent,
    Event,
    Problem,
}

/// Where typed characters go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    Keys,
    Message(String),
    Filter,
}

/// The result of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    None,
    Reconnect,
    Probe,
    Pause,
    Resume,
    Close,
    /// Stop the program, as a job of the shell.
    Stop,
    Send(String),
    Leave,
}

impl App {
    pub(super) fn new(server: &str, handle: Handle, now: Timestamp) -> Self {
        let start = millis(now);
        Self {
            server: printable(server).into_owned(),
            handle,
            history: History { start, end: start, ..History::default() },
            lines: VecDeque::new(),
            scrolled: 0,
            filter: String::new(),
            input: Input::Keys,
            window: 1,
            receipts: FuturesUnordered::new(),
            tally: Tally::default(),
            paused: false,
            leaving: false,
        }
    }

    /// The length of the time axis.
    pub(super) fn window(&self) -> Duration {
        WINDOWS[self.window]
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    pub(super) fn leave(&mut self) {
        self.leaving = true;
    }

    pub(super) fn heartbeat(&mut self, heartbeat: &AnsweredHeartbeat, now: Timestamp) {
        let Some(time) = heartbeat.round_trip else { return };
        let trips = &mut self.history.round_trips;
        trips.push(RoundTrip { at: millis(now), millis: time.as_secs_f64() * 1e3 });
        forget_old(trips);
    }

    pub(super) fn event(&mut self, event: Event, now: Timestamp) {
        let at = millis(now);
        match &event {
            Event::Connecting(connecting) => {
                self.history.enter(at, State::Connecting, connecting.connection);
            }
            Event::Open(open) => self.history.enter(at, State::Open, open.connection),
            Event::Lost(lost) => self.history.enter(at, State::Waiting, lost.connection),
            _ => {}
        }
        forget_old(&mut self.history.spans);
        match event {
            Event::Message(message) => self.line(now, Kind::Received, &content(&message)),
            Event::Lost(_) | Event::WriteBlocked(_) | Event::Closed(_) => {
                self.line(now, Kind::Problem, &event.to_string());
            }
            event => self.line(now, Kind::Event, &event.to_string()),
        }
    }

    /// Shows a warning.
    pub(super) fn note(&mut self, note: &str, now: Timestamp) {
        self.line(now, Kind::Problem, note);
    }

    /// Reports the lines that were not sent.
    pub(super) fn poll_fates(&mut self, cx: &mut Context<'_>, now: Timestamp) {
        while let Poll::Ready(Some(fate)) = self.receipts.poll_next_unpin(cx) {
            if let Some(unsent) = Unsent::of(&fate) {
                self.tally.count(unsent);
            }
            match fate {
                Fate::Dropped { reason, message } => {
                    let text = format!("not sent ({}): {}", reason.name(), content(&message));
                    self.line(now, Kind::Problem, &text);
                }
                Fate::Unknown { message, .. } => {
                    let text = message.as_ref().map_or_else(String::new, content);
                    self.line(now, Kind::Problem, &format!("perhaps not sent: {text}"));
                }
                _ => {}
            }
        }
    }

    /// Queues a line that was typed.
    pub(super) fn send(&mut self, text: String, now: Timestamp) {
        let queued = self.handle.queue_with_receipt(text.as_str()).now_or_never();
        match queued {
            Some(Ok(receipt)) => {
                self.receipts.push(receipt);
                self.line(now, Kind::Sent, &text);
            }
            Some(Err(error)) => {
                self.line(now, Kind::Problem, &format!("not sent: {error}: {text}"));
            }
            None => {
                self.line(now, Kind::Problem, &format!("not sent, the outbox is full: {text}"));
            }
        }
    }

    fn line(&mut self, at: Timestamp, kind: Kind, text: &str) {
        let text: String = text.chars().take(LINE).collect();
        let text = printable(&text).into_owned();
        self.lines.push_back(Line { at, kind, text });
        if self.lines.len() > LINES {
            self.lines.pop_front();
        } else if self.scrolled > 0 {
            // The lines on the screen stay.
            self.scrolled += 1;
        }
    }

    /// The lines that the filter selects.
    pub(super) fn selected(&self) -> impl DoubleEndedIterator<Item = &Line> {
        let wanted = self.filter.to_lowercase();
        self.lines
            .iter()
            .filter(move |line| wanted.is_empty() || line.text.to_lowercase().contains(&wanted))
    }

    /// `None` is a change of the size.
    pub(super) fn key(&mut self, key: Option<KeyEvent>) -> Action {
        let Some(key) = key else { return Action::None };
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c') => return Action::Leave,
                KeyCode::Char('z') => return Action::Stop,
                _ => {}
            }
        }
        // Some keyboards have characters at both keys together, and none at one of them.
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control != key.modifiers.contains(KeyModifiers::ALT) {
            return Action::None;
        }
        match std::mem::replace(&mut self.input, Input::Keys) {
            Input::Keys => self.command(key.code),
            Input::Message(mut text) => {
                match key.code {
                    KeyCode::Enter => return Action::Send(text),
                    KeyCode::Esc => return Action::None,
                    KeyCode::Backspace => drop(text.pop()),
                    KeyCode::Char(c) => text.push(c),
                    _ => {}
                }
                self.input = Input::Message(text);
                Action::None
            }
            Input::Filter => {
                match key.code {
                    KeyCode::Enter => return Action::None,
                    KeyCode::Esc => {
                        self.filter.clear();
                        return Action::None;
                    }
                    KeyCode::Backspace => drop(self.filter.pop()),
                    KeyCode::Char(c) => self.filter.push(c),
                    _ => {}
                }
                self.scrolled = 0;
                self.input = Input::Filter;
                Action::None
            }
        }
    }

    fn command(&mut self, code: KeyCode) -> Action {
        match code {
            KeyCode::Char('r') => return Action::Reconnect,
            KeyCode::Char('p') => return Action::Probe,
            KeyCode::Char('z') => {
                self.paused = !self.paused;
                return if self.paused { Action::Pause } else { Action::Resume };
            }
            KeyCode::Char('c') => return Action::Close,
            KeyCode::Char('q') => return Action::Leave,
            KeyCode::Char('i') | KeyCode::Enter => self.input = Input::Message(String::new()),
            KeyCode::Char('/') => self.input = Input::Filter,
            KeyCode::Esc => {
                self.filter.clear();
                self.scrolled = 0;
            }
            KeyCode::Char('+') => self.window = self.window.saturating_sub(1),
            KeyCode::Char('-') => self.window = (self.window + 1).min(WINDOWS.len() - 1),
            KeyCode::Up => self.scroll(1),
            KeyCode::PageUp => self.scroll(10),
            KeyCode::Down => self.scrolled = self.scrolled.saturating_sub(1),
            KeyCode::PageDown => self.scrolled = self.scrolled.saturating_sub(10),
            KeyCode::End => self.scrolled = 0,
            _ => {}
        }
        Action::None
    }

    fn scroll(&mut self, lines: usize) {
        self.scrolled += lines;
    }
}

/// Milliseconds since the start of the program.
pub(super) fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.since_epoch().as_millis()).unwrap_or(i64::MAX)
}

/// Forgets the older half of many.
fn forget_old<T>(items: &mut Vec<T>) {
    if items.len() > KEPT {
        items.drain(..KEPT / 2);
    }
}

fn content(message: &Message) -> String {
    match message {
        Message::Text(text) => text.as_str().to_owned(),
        Message::Binary(bytes) => format!("binary, {} bytes", bytes.len()),
    }
}
