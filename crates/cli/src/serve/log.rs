//! The events of the server, as lines on standard error.

use std::{
    fmt::Display,
    io::{self, Write},
};

use websocket_heartbeat_smol::backend::printable;

#[derive(Clone, Copy, Debug)]
pub(super) struct Log {
    shown: bool,
}

impl Log {
    pub(super) fn new(shown: bool) -> Self {
        Self { shown }
    }

    pub(super) fn connection(self, number: u64, event: &dyn Display) {
        self.line(&format_args!("connection {number}: {event}"));
    }

    pub(super) fn line(self, event: &dyn Display) {
        if self.shown {
            let _ = writeln!(io::stderr(), "{}", printable(&event.to_string()));
        }
    }
}
