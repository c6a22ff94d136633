//! Everything that a program prints: [`Output`].

use std::{
    error::Error,
    fmt::{Debug, Display},
};

use websocket_heartbeat::{Event, Fate, Status, TransportError};

use crate::{
    planted::{Secret, assert_absent},
    telemetry,
};

/// The texts of values, without JSON, and the JSON.
pub(crate) struct Output {
    text: String,
    json: String,
}

impl Output {
    /// From now on, `tracing` and `metrics` are recorded.
    pub(crate) fn new() -> Self {
        telemetry::record();
        Self { text: String::new(), json: String::new() }
    }

    pub(crate) fn debug(&mut self, value: impl Debug) {
        self.text += &format!("{value:?}\n{value:#?}\n");
    }

    pub(crate) fn both(&mut self, value: impl Debug + Display) {
        self.text += &format!("{value}\n{value:#}\n");
        self.debug(value);
    }

    /// An error with its sources, as error reporters print it.
    pub(crate) fn error(&mut self, error: &(dyn Error + 'static)) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.both(error);
            next = error.source();
        }
    }

    pub(crate) fn transport_error(&mut self, error: &TransportError) {
        self.error(error);
        self.debug(error.http_answer());
        self.debug(error.http_answer().map(|answer| &answer.headers));
    }

    pub(crate) fn event(&mut self, event: &Event) {
        self.both(event);
        self.json += &serde_json::to_string(event).expect("JSON");
        match event {
            Event::Connecting(connecting) => self.both(connecting),
            Event::Open(open) => {
                self.both(open);
                self.debug(&open.headers);
                self.debug(&open.subprotocol);
            }
            Event::Message(message) => self.debug(message),
            Event::Lost(lost) => {
                self.both(lost);
                self.both(&lost.cause);
                lost.unsent.iter().for_each(|fate| self.fate(fate));
                self.debug(&lost.unproven_messages);
                if let Some(error) = lost.cause.transport_error() {
                    self.transport_error(error);
                }
            }
            Event::Retry(retry) => self.both(retry),
            Event::Closed(closed) => {
                self.both(closed);
                self.both(&closed.reason);
                self.debug(closed.reason.cause());
                closed.unsent.iter().for_each(|fate| self.fate(fate));
                self.debug(&closed.unproven_messages);
            }
            _ => {}
        }
    }

    pub(crate) fn fate(&mut self, fate: &Fate) {
        self.both(fate);
        self.json += &serde_json::to_string(fate).expect("JSON");
    }

    pub(crate) fn status(&mut self, status: &Status) {
        self.debug(status);
        self.json += &serde_json::to_string(status).expect("JSON");
    }

    /// The texts, and what was reported to `tracing` and `metrics` in the whole process.
    pub(crate) fn shown(&self) -> String {
        format!("{}{}", self.text, telemetry::recorded())
    }

    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    #[track_caller]
    pub(crate) fn assert_hidden(&self, secrets: &[Secret]) {
        assert!(!self.text.is_empty());
        assert_absent(&self.shown(), secrets);
    }
}
