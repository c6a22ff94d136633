//! Writing to the connection: one window of messages at a time, then a flush to the end.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    error::TransportError,
    message::{CloseFrame, Frame, Message},
    transport::Connection,
};

/// What is on its way to the connection that there is.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// Taken from the outbox, not yet given to the connection. Empty between polls.
    window: VecDeque<Message>,
    /// A probe is to be written before any further message.
    probe: bool,
    /// The probe was given to the connection and not flushed yet.
    probe_handed: bool,
    goodbye: Goodbye,
    /// Something was given to the connection since the last completed flush.
    dirty: bool,
    /// There are messages of the outbox among it.
    owing: bool,
    /// A flush is under way: nothing is handed over until it is done.
    flushing: bool,
    /// The connection took no more bytes when last asked.
    blocked: bool,
    /// Bytes that the connection had accepted when last asked; 0 where it cannot tell.
    progress: u64,
    /// Writing has ended with this error; reading goes on.
    failed: Option<TransportError>,
}

#[derive(Debug, Default)]
enum Goodbye {
    #[default]
    None,
    /// Wanted, after all that is queued.
    AfterQueue(Box<CloseFrame>),
    /// Wanted, before what is queued.
    BeforeQueue(Box<CloseFrame>),
    /// Given to the connection, with this code.
    Sent(u16),
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// What is queued is handed over; it is flushed where the window is full.
    Handed,
    /// It is flushed.
    Flushed,
}

/// What came of an attempt to write.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// All that was handed over is flushed.
    pub(super) flushed: bool,
    /// Messages of the outbox are among it.
    pub(super) messages: bool,
    /// The probe is among it.
    pub(super) probe: bool,
    /// Messages were handed over.
    pub(super) handed: bool,
    /// The connection takes no more at present.
    pub(super) blocked: bool,
    /// Bytes left.
    pub(super) progress: bool,
    /// Writing failed.
    pub(super) failed: bool,
}

/// The outbox, as the writer sees it.
pub(super) trait Source {
    /// Makes the probe that was asked for; `None` if the user's function for it panicked.
    fn probe(&mut self) -> Option<Frame>;
    /// Moves as many messages as the window has room for.
    fn hand_over(&mut self, to: &mut VecDeque<Message>);
    /// Takes back what the connection did not take.
    fn take_back(&mut self, messages: &mut VecDeque<Message>);
    /// Whether there may be messages that were not handed over.
    fn has_more(&self) -> bool;
    /// Whether nothing is left in it.
    fn is_settled(&self) -> bool;
}

impl Writer {
    pub(super) fn probe(&mut self) {
        self.probe = true;
        // Thousands of silent sessions need not keep the room for their last burst.
        self.window.shrink_to_fit();
    }

    /// Room for messages, empty between polls.
    pub(super) fn spare(&mut self) -> &mut VecDeque<Message> {
        &mut self.window
    }

    /// Whether the connection has a probe that is not known to be flushed.
    pub(super) fn has_probe_in_hand(&self) -> bool {
        self.probe_handed
    }

    pub(super) fn say_goodbye(&mut self, frame: CloseFrame, after_queue: bool) {
        if !matches!(self.goodbye, Goodbye::Sent(_)) {
            let frame = Box::new(frame);
            self.goodbye =
                if after_queue { Goodbye::AfterQueue(frame) } else { Goodbye::BeforeQueue(frame) };
        }
    }

    /// The code of the close frame that was written.
    pub(super) fn goodbye_code(&self) -> Option<u16> {
        match self.goodbye {
            Goodbye::Sent(code) if !self.dirty => Some(code),
            _ => None,
        }
    }

    pub(super) fn failure(&self) -> Option<&TransportError> {
        self.failed.as_ref()
    }

    /// Whether there is nothing to write but what may have been queued.
    pub(super) fn is_idle(&self) -> bool {
        self.failed.is_some() || !(self.dirty || self.wants_control())
    }

    /// Whether a control frame waits and may be written.
    pub(super) fn is_asked(&self) -> bool {
        self.wants_control() && !self.flushing && self.failed.is_none()
    }

    /// Whether messages can be handed over at present.
    pub(super) fn takes_more(&self) -> bool {
        self.failed.is_none()
            && !self.flushing
            && !self.blocked
            && matches!(self.goodbye, Goodbye::None | Goodbye::AfterQueue(_))
    }

    fn wants_control(&self) -> bool {
        self.probe || matches!(self.goodbye, Goodbye::AfterQueue(_) | Goodbye::BeforeQueue(_))
    }

    /// Writes as much as the connection takes: one window, and the flush of it where it is wanted.
    /// `has_stirred`: whether the connection has called its waker since it was last asked to read.
    pub(super) fn write<C: Connection>(
        &mut self,
        mut connection: Pin<&mut C>,
        source: &mut impl Source,
        until: Until,
        has_stirred: impl Fn() -> bool,
        cx: &mut Context<'_>,
    ) -> Written {
        let mut written = Written::default();
        if self.failed.is_some() {
            return written;
        }
        let stirred_before = has_stirred();
        let result = self.step(connection.as_mut(), source, until, cx, &mut written);
        source.take_back(&mut self.window);
        if let Err(error) = result {
            self.failed = Some(error);
            written.failed = true;
            return written;
        }
        // A connection that is pending and has called within the poll hesitates: it is not blocked.
        if written.blocked && has_stirred() {
            written.blocked = self.blocked && stirred_before;
        }
        if self.blocked || written.blocked {
            let progress = connection.bytes_written().unwrap_or(0);
            written.progress = self.blocked && progress > self.progress;
            self.progress = progress;
        }
        self.blocked = written.blocked;
        written
    }

    fn step<C: Connection>(
        &mut self,
        mut connection: Pin<&mut C>,
        source: &mut impl Source,
        until: Until,
        cx: &mut Context<'_>,
        written: &mut Written,
    ) -> Result<(), TransportError> {
        if !self.flushing {
            self.feed(connection.as_mut(), source, cx, written)?;
        }
        if !self.dirty || (until == Until::Handed && !source.has_more()) {
            return Ok(());
        }
        match connection.as_mut().poll_flush(cx) {
            Poll::Ready(result) => {
                result?;
                self.dirty = false;
                self.flushing = false;
                written.blocked = false;
                written.flushed = true;
                written.messages = std::mem::take(&mut self.owing);
                written.probe = std::mem::take(&mut self.probe_handed);
            }
            Poll::Pending => {
                self.flushing = true;
                written.blocked = true;
            }
        }
        Ok(())
    }

    fn feed<C: Connection>(
        &mut self,
        mut connection: Pin<&mut C>,
        source: &mut impl Source,
        cx: &mut Context<'_>,
        written: &mut Written,
    ) -> Result<(), TransportError> {
        if matches!(self.goodbye, Goodbye::Sent(_)) {
            return Ok(());
        }
        if self.probe {
            if !self.is_ready(connection.as_mut(), cx, written)? {
                return Ok(());
            }
            self.probe = false;
            let Some(probe) = source.probe() else { return Ok(()) };
            connection.as_mut().start_send(probe)?;
            self.probe_handed = true;
            self.dirty = true;
        }
        if !matches!(self.goodbye, Goodbye::BeforeQueue(_)) {
            source.hand_over(&mut self.window);
        }
        while !self.window.is_empty() {
            if !self.is_ready(connection.as_mut(), cx, written)? {
                return Ok(());
            }
            if let Some(message) = self.window.pop_front() {
                // Counted as handed over even if the connection refuses it.
                self.dirty = true;
                self.owing = true;
                written.handed = true;
                connection.as_mut().start_send(Frame::Message(message))?;
            }
        }
        let frame = match &self.goodbye {
            Goodbye::BeforeQueue(frame) => CloseFrame::clone(frame),
            Goodbye::AfterQueue(frame) if source.is_settled() => CloseFrame::clone(frame),
            _ => return Ok(()),
        };
        if !self.is_ready(connection.as_mut(), cx, written)? {
            return Ok(());
        }
        self.goodbye = Goodbye::Sent(frame.code);
        self.dirty = true;
        connection.start_send(Frame::Close(Some(frame)))
    }

    /// Whether the connection is ready for one more frame; if not, a flush makes it so.
    fn is_ready<C: Connection>(
        &mut self,
        connection: Pin<&mut C>,
        cx: &mut Context<'_>,
        written: &mut Written,
    ) -> Result<bool, TransportError> {
        let ready = connection.poll_ready(cx)?.is_ready();
        if !ready {
            written.blocked = true;
            self.dirty = true;
        }
        Ok(ready)
    }
}
