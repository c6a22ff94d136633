//! The events of the server, as lines on standard error.

use std::fmt::Display;

use crate::exit::note;

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
            note(event);
        }
    }
}
