//! The current connection, and the frames on their way to it: [`Writer`].

use std::{
    collections::VecDeque,
    task::{Context, Poll, ready},
};

use super::{
    byte_counts::ByteCounts,
    contained::{Contained, PollConnection},
    probes::Probes,
};
use crate::{
    error::TransportError,
    message::{CloseFrame, Frame, Message},
    transport::Connection,
};

/// The current connection, the frames to be written to it, and the frames that are not flushed yet.
/// One window of messages is written at a time.
pub(super) struct Writer<C> {
    pub(super) connection: Contained<C>,
    pub(super) counts: ByteCounts,
    /// Messages taken from the outbox, not yet given to the connection. Empty between polls.
    pub(super) window: VecDeque<Message>,
    progress: Progress,
    /// Messages given to the connection since the last completed flush.
    unflushed: u32,
    probe: ProbeSlot,
    close: CloseSlot,
    /// Bytes that the connection had accepted when it was last asked; 0 if it does not know.
    bytes_written: u64,
}

/// How far the connection has come with the frames that it was given.
enum Progress {
    /// All are flushed.
    Clean,
    /// Some are not flushed.
    Dirty,
    /// A flush is under way: nothing is given to the connection until it is done.
    Flushing,
    /// The same, and the connection accepted no more bytes when it was last polled.
    Blocked,
    /// Writing has ended with this error; reading goes on.
    Failed(TransportError),
}

enum ProbeSlot {
    None,
    /// To be written before any further message.
    Asked,
    /// Given to the connection, and not flushed.
    Handed,
}

#[derive(Default)]
enum CloseSlot {
    #[default]
    None,
    /// To be written after all queued messages.
    AfterQueue(Box<CloseFrame>),
    /// To be written before the queued messages.
    BeforeQueue(Box<CloseFrame>),
    /// Given to the connection, with this code.
    Sent(u16),
}

/// State.
impl<C: Connection> Writer<C> {
    pub(super) fn new(connection: C) -> Self {
        Self {
            connection: Contained::new(connection),
            counts: ByteCounts::default(),
            window: VecDeque::new(),
            progress: Progress::Clean,
            unflushed: 0,
            probe: ProbeSlot::None,
            close: CloseSlot::None,
            bytes_written: 0,
        }
    }

    pub(super) fn ask_for_probe(&mut self) {
        self.probe = ProbeSlot::Asked;
        // Releases the memory of the last burst, since there may be thousands of idle sessions.
        self.window.shrink_to_fit();
    }

    /// Asks for a close frame, unless one was sent.
    pub(super) fn send_close(&mut self, frame: CloseFrame, after_queue: bool) {
        if !matches!(self.close, CloseSlot::Sent(_)) {
            let frame = Box::new(frame);
            self.close = if after_queue {
                CloseSlot::AfterQueue(frame)
            } else {
                CloseSlot::BeforeQueue(frame)
            };
        }
    }

    /// The code of the close frame that was written.
    pub(super) fn close_code(&self) -> Option<u16> {
        match self.close {
            CloseSlot::Sent(code) if !self.is_dirty() => Some(code),
            _ => None,
        }
    }

    pub(super) fn failure(&self) -> Option<&TransportError> {
        match &self.progress {
            Progress::Failed(error) => Some(error),
            _ => None,
        }
    }

    pub(super) fn fail(&mut self, error: TransportError) {
        self.progress = Progress::Failed(error);
    }

    /// Returns whether there is nothing to write, apart from messages in the outbox.
    pub(super) fn is_idle(&self) -> bool {
        match self.progress {
            Progress::Clean => !self.wants_control(),
            Progress::Dirty | Progress::Flushing | Progress::Blocked => false,
            Progress::Failed(_) => true,
        }
    }

    /// Returns whether there is a control frame to write and the connection can be given one.
    pub(super) fn can_send_control(&self) -> bool {
        self.wants_control() && matches!(self.progress, Progress::Clean | Progress::Dirty)
    }

    /// Returns whether messages can be given to the connection at present.
    pub(super) fn takes_more(&self) -> bool {
        matches!(self.progress, Progress::Clean | Progress::Dirty)
            && matches!(self.close, CloseSlot::None | CloseSlot::AfterQueue(_))
    }

    /// Returns whether the close frame still allows messages to be given to the connection.
    pub(super) fn takes_messages(&self) -> bool {
        matches!(self.close, CloseSlot::None | CloseSlot::AfterQueue(_))
    }

    /// Returns whether a close frame waits until the outbox is empty.
    pub(super) fn close_follows_queue(&self) -> bool {
        matches!(self.close, CloseSlot::AfterQueue(_))
    }

    /// Returns whether a frame was given to the connection and is not flushed.
    pub(super) fn is_dirty(&self) -> bool {
        matches!(self.progress, Progress::Dirty) || self.is_flushing()
    }

    pub(super) fn is_flushing(&self) -> bool {
        matches!(self.progress, Progress::Flushing | Progress::Blocked)
    }

    pub(super) fn is_blocked(&self) -> bool {
        matches!(self.progress, Progress::Blocked)
    }

    /// Records whether a flush under way is blocked.
    pub(super) fn set_blocked(&mut self, blocked: bool) {
        if self.is_flushing() {
            self.progress = if blocked { Progress::Blocked } else { Progress::Flushing };
        }
    }

    /// Returns whether the connection has accepted bytes since the last call.
    pub(super) fn has_accepted(&mut self) -> bool {
        let now = self.connection.count(C::bytes_written).unwrap_or(0);
        now > std::mem::replace(&mut self.bytes_written, now)
    }

    pub(super) fn has_unflushed_messages(&self) -> bool {
        self.unflushed > 0
    }

    /// After a flush: returns whether it has flushed messages.
    pub(super) fn take_unflushed_messages(&mut self) -> bool {
        std::mem::take(&mut self.unflushed) > 0
    }

    /// After a flush: returns whether it has flushed the probe.
    pub(super) fn take_written_probe(&mut self) -> bool {
        let written = matches!(self.probe, ProbeSlot::Handed);
        if written {
            self.probe = ProbeSlot::None;
        }
        written
    }

    fn wants_control(&self) -> bool {
        matches!(self.probe, ProbeSlot::Asked) || self.wants_close()
    }

    fn wants_close(&self) -> bool {
        matches!(self.close, CloseSlot::AfterQueue(_) | CloseSlot::BeforeQueue(_))
    }
}

/// The steps of a write, in order. Each returns `Pending` if the connection is not ready.
impl<C: Connection> Writer<C> {
    /// Gives the connection the probe that was asked for. No probe is sent after the close frame,
    /// or if the user's function for it panics.
    pub(super) fn feed_probe(
        &mut self,
        probes: &mut Probes,
        cx: &mut Context<'_>,
    ) -> PollConnection {
        if !matches!(self.probe, ProbeSlot::Asked) || matches!(self.close, CloseSlot::Sent(_)) {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_ready(cx))?;
        self.probe = ProbeSlot::None;
        if let Some(probe) = probes.make() {
            self.connection.start_send(probe)?;
            probes.handed();
            self.probe = ProbeSlot::Handed;
            self.progress = Progress::Dirty;
        }
        Poll::Ready(Ok(()))
    }

    /// Gives the connection the messages of the window.
    pub(super) fn feed_window(&mut self, cx: &mut Context<'_>) -> PollConnection {
        while !self.window.is_empty() {
            ready!(self.poll_ready(cx))?;
            if let Some(message) = self.window.pop_front() {
                // Counted as handed over even if the connection refuses it.
                self.progress = Progress::Dirty;
                self.unflushed += 1;
                self.connection.start_send(Frame::Message(message))?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Gives the connection the close frame that was asked for.
    pub(super) fn feed_close(&mut self, cx: &mut Context<'_>) -> PollConnection {
        if self.wants_close() {
            ready!(self.poll_ready(cx))?;
            if let CloseSlot::AfterQueue(frame) | CloseSlot::BeforeQueue(frame) =
                std::mem::take(&mut self.close)
            {
                self.close = CloseSlot::Sent(frame.code);
                self.progress = Progress::Dirty;
                self.connection.start_send(Frame::Close(Some(*frame)))?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Flushes the frames that were given to the connection.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> PollConnection {
        let flushed = self.connection.poll_flush(cx)?;
        if flushed.is_ready() {
            self.progress = Progress::Clean;
        } else if !self.is_flushing() {
            self.progress = Progress::Flushing;
        }
        flushed.map(Ok)
    }

    /// Makes the connection ready for another frame.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> PollConnection {
        let ready = self.connection.poll_ready(cx)?;
        if ready.is_pending() {
            // Only a flush makes it ready.
            self.progress = Progress::Dirty;
        }
        ready.map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::transport::silent::Silent;

    fn writer(is_blocked: bool) -> Writer<Silent> {
        Writer::new(Silent { is_blocked, ..Silent::default() })
    }

    /// Gives the connection a close frame, and flushes as far as it allows.
    fn send_close(writer: &mut Writer<Silent>, after_queue: bool) {
        let cx = &mut Context::from_waker(Waker::noop());
        writer.send_close(CloseFrame::new(1000, ""), after_queue);
        assert!(writer.feed_close(cx).is_ready());
        let _ = writer.poll_flush(cx);
    }

    #[test]
    fn a_close_code_counts_only_when_its_frame_is_flushed() {
        let mut blocked = writer(true);
        send_close(&mut blocked, false);
        assert_eq!(blocked.close_code(), None);
        let mut flushed = writer(false);
        send_close(&mut flushed, false);
        assert_eq!(flushed.close_code(), Some(1000));
    }

    #[test]
    fn messages_are_taken_until_a_close_frame_or_a_flush_forbids_it() {
        assert!(writer(false).takes_more());
        for (after_queue, takes) in [(true, true), (false, false)] {
            let mut asked = writer(false);
            asked.send_close(CloseFrame::new(1000, ""), after_queue);
            assert_eq!(asked.takes_more(), takes);
            assert_eq!(asked.close_follows_queue(), after_queue);
        }
        let mut flushing = writer(true);
        flushing.window.push_back("x".into());
        assert!(!flushing.has_unflushed_messages());
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(flushing.feed_window(cx).is_ready());
        assert!(flushing.has_unflushed_messages());
        assert!(flushing.poll_flush(cx).is_pending());
        assert!(!flushing.takes_more());
        assert!(!flushing.is_blocked());
        flushing.set_blocked(true);
        assert!(flushing.is_blocked() && flushing.is_flushing());
        flushing.set_blocked(false);
        assert!(!flushing.is_blocked() && flushing.is_flushing());
    }
}
