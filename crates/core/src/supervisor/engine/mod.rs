//! The engine: moves what the machine decides.
//!
//! One private `poll`, a list of named steps with a bound on the work done in one call. On the
//! way of a message through it there is no clock, no timer, no lock and no allocation; all that is
//! done when it parks, and every 256 frames.
//!
//! Invariants kept here, each with a test of the same name; the numbers are the machine's.
//!
//! 2: One sleep. Replaced when it fires, when an earlier deadline appears and when a probe is
//! answered; never because a message arrived.
//!
//! 3: The clock decides, not the sleep. Deadlines are compared on every park and at least every
//! 256 frames; in between the last reading serves.
//!
//! 4: Read before you judge. Before a deadline is judged the connection is read until it has
//! nothing more, or gave 256 frames; a finished attempt is taken before its deadline is judged.
//! A `Pending` after which the waker was called within the same poll is not "nothing more". After
//! 256 frames the verdict is put off to the next poll: once, and twice where proof of life was
//! among them. Proof of life ends it.
//!
//! A message that is still coming in counts as life as well, where any frame does: the pong stands
//! behind it. And a probe that has not left yet, or has just left, is owed no answer: the bytes
//! that left since the last look put its deadline off (`left.rs`).
//!
//! 14: Read before you bury. After a failed write the connection is read in the same way before it
//! is dropped; the peer's close code outranks the write error.
//!
//! Besides these: no flood keeps a poll busy. A turn handles some 1,024 frames, or takes some
//! 10 ms, then publishes the status and lets other tasks run (`turn.rs`). And what is queued is
//! handed to the connection before more is read, so that the answers to what was read leave
//! before a frame that ends the connection is seen.

mod actions;
mod deadlines;
mod left;
mod park;
mod read;
mod turn;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_core::Stream;

use self::{
    left::Left,
    park::Alarm,
    turn::{Readable, Turn},
};
use super::{contained::Contained, link::Line, reporter::Desk, writer::Writer};
use crate::{
    config::{Policies, Settings},
    event::Event,
    machine::{Intake, Machine},
    message::{CloseFrame, Frame, Message},
    outbox::Outbox,
    shared::{Bell, Shared},
    supervisor::policies::Kept,
    time::{Timer, Timestamp},
    transport::Transport,
};

/// Frames between two looks at the clock, and frames read before a verdict or a burial: enough to
/// make the clock's 20 ns vanish beside them, few enough to be done in some ten microseconds.
const FRAMES_PER_LOOK: u32 = 256;

/// A message counts as one frame more for each 4 KiB of it, since large ones take their time.
const FRAME_SHIFT: u32 = 12;

/// Rounds of one poll after which the task yields, so that no peer keeps it busy for ever.
const ROUNDS_PER_POLL: u32 = 64;

/// Whether a step changed something that the steps before it must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Moved,
    Still,
}

pub(crate) struct Engine<T: Transport, K: Timer> {
    transport: T,
    timer: K,
    machine: Machine,
    line: Line<T>,
    /// A connection that the peer closed, while it writes its reply.
    leaving: Option<Pin<Box<Contained<T::Connection>>>>,
    alarm: Alarm<K>,
    /// The only waker that the sleep ever sees.
    bell: Waker,
    now: Timestamp,
    clock: Clock,
    /// Frames since the clock was looked at.
    frames: u32,
    heard: Heard,
    turn: Turn,
    readable: Readable,
    /// Bytes that had come in when a probe was written, or a verdict was due; 0 where the connection
    /// cannot tell.
    arrived: u64,
    left: Left,
    writer: Writer,
    /// There may be messages to hand over.
    has_queue: bool,
    probe: ProbeOut,
    /// The connection that there is can send pings. Asked when it is dialled: by the time of a
    /// probe the transport may be set on another kind.
    can_ping: bool,
    policies: Kept,
    goodbye: Option<Box<CloseFrame>>,
    desk: Desk,
    shared: Arc<Shared>,
    started: bool,
}

/// Whether the next look needs the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Behind,
    /// It was read in this poll, after so many frames. Unless one more is read, the next look
    /// follows in the same poll.
    Fresh {
        frames: u32,
    },
}

/// What was heard since the clock was read.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    any: bool,
    life: bool,
    answer: bool,
}

/// The probe that waits for its answer.
#[derive(Clone, Copy, Debug, Default)]
struct ProbeOut {
    /// Probes made in this session.
    number: u64,
    /// When the last was written, while no answer to it was heard.
    sent: Option<Timestamp>,
    /// The answer to the last was heard.
    answered: bool,
    /// It is a message, else a ping.
    by_message: bool,
}

impl<T: Transport, K: Timer> Engine<T, K> {
    pub(in crate::supervisor) fn new(
        transport: T,
        timer: K,
        settings: Settings,
        policies: Policies,
    ) -> Self {
        let rules = settings.rules(&policies.heartbeat);
        let now = timer.now();
        let shared = Arc::new(Shared::new(Outbox::new(settings.outbox), now));
        Self {
            transport,
            timer,
            machine: Machine::new(rules),
            line: Line::None,
            leaving: None,
            alarm: Alarm::default(),
            bell: Bell::waker(&shared),
            now,
            clock: Clock::Behind,
            frames: 0,
            heard: Heard::default(),
            turn: Turn::BEGIN,
            readable: Readable::Maybe,
            arrived: 0,
            left: Left::default(),
            writer: Writer::default(),
            has_queue: false,
            probe: ProbeOut::default(),
            can_ping: false,
            policies: Kept::new(policies, settings.max_age),
            goodbye: None,
            desk: Desk::new(),
            shared,
            started: false,
        }
    }

    pub(in crate::supervisor) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(in crate::supervisor) fn connection(&self) -> u64 {
        self.machine.connection()
    }

    pub(in crate::supervisor) fn transport(&self) -> &T {
        &self.transport
    }

    pub(in crate::supervisor) fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// There may be messages to hand over, which the next poll will see. Nobody is woken, and the
    /// wake of a handle's next command is not swallowed.
    pub(in crate::supervisor) fn note_queue(&mut self) {
        self.has_queue = true;
    }

    /// Whether there is a connection to write to.
    pub(in crate::supervisor) fn may_write(&self) -> bool {
        self.machine.may_write()
    }

    pub(in crate::supervisor) fn is_closed(&self) -> bool {
        self.machine.is_closed()
    }

    /// Does what there is to do, until there is something to tell or nothing to do, or the turn is
    /// over.
    ///
    /// The path of a message stands here, in one piece, and everything else is a call with a small
    /// result: a function that returns a message returns it through memory.
    #[inline]
    pub(in crate::supervisor) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        intake: Intake,
    ) -> Poll<Option<Event>> {
        if matches!(self.turn, Turn::Rest) {
            // Most polls of a task that does other things as well are not for us.
            let as_before = intake.is_full() == self.machine.intake().is_full();
            if as_before && !self.has_queue && !self.shared.is_calling() {
                return Poll::Pending;
            }
            self.turn = Turn::BEGIN;
        }
        if intake != self.machine.intake() {
            self.change_intake(intake);
        }
        if self.readable.is_first() {
            // The application may have taken its time since the last poll, and it is this poll that
            // must not take long.
            self.tell_time();
        }
        for _ in 0..ROUNDS_PER_POLL {
            if let Some(event) = self.desk.pop() {
                return Poll::Ready(Some(event));
            }
            if self.shared.has_work() && self.take_work(cx) == Step::Moved {
                continue;
            }
            if self.frames >= FRAMES_PER_LOOK {
                self.attend(cx);
                if self.turn.is_over() {
                    break;
                }
                continue;
            }
            let mut reading = self.begin_reading(cx);
            while matches!(reading, Reading::On)
                && let Line::Open(connection) = &mut self.line
            {
                reading = match connection.as_mut().poll_next(cx) {
                    Poll::Ready(Some(Ok(Frame::Message(message)))) => {
                        if self.hear_plainly(message.len()) {
                            return Poll::Ready(Some(Event::Message(message)));
                        }
                        #[allow(
                            clippy::needless_match,
                            reason = "a copy, so that above no address is taken"
                        )]
                        let message = match message {
                            Message::Text(text) => Message::Text(text),
                            Message::Binary(bytes) => Message::Binary(bytes),
                        };
                        if let Some(message) = self.look_into(message) {
                            return Poll::Ready(Some(Event::Message(message)));
                        }
                        self.read_on()
                    }
                    Poll::Ready(Some(Ok(Frame::Ping(_)))) => self.hear_ping(),
                    Poll::Ready(Some(Ok(Frame::Pong(payload)))) => self.hear_pong(payload),
                    Poll::Ready(Some(Ok(Frame::Close(frame)))) => self.hear_close(frame, cx),
                    Poll::Ready(Some(Err(error))) => self.hear_end(Some(error), cx),
                    Poll::Ready(None) => self.hear_end(None, cx),
                    Poll::Pending => self.hear_nothing(),
                };
            }
            if matches!(reading, Reading::Over(Step::Moved)) {
                continue;
            }
            if self.rest(cx) == Step::Still {
                return if self.machine.is_closed() { Poll::Ready(None) } else { Poll::Pending };
            }
            if self.turn.is_over() {
                break;
            }
        }
        self.end_turn(cx);
        Poll::Pending
    }

    /// Nothing is to be read: does what else there is to do, and parks.
    #[inline(never)]
    fn rest(&mut self, cx: &mut Context<'_>) -> Step {
        if self.attend(cx) == Step::Moved {
            return Step::Moved;
        }
        if self.machine.is_closed() {
            return Step::Still;
        }
        if self.park() == Step::Still {
            self.turn = Turn::Rest;
            return Step::Still;
        }
        Step::Moved
    }

    /// Lets other tasks have their turn, and comes back.
    #[inline(never)]
    fn end_turn(&mut self, cx: &Context<'_>) {
        self.turn = Turn::BEGIN;
        if self.desk.is_stale(&self.machine) {
            self.publish();
        }
        cx.waker().wake_by_ref();
    }

    /// Notes what happens to inbound messages from now on.
    #[inline(never)]
    fn change_intake(&mut self, intake: Intake) {
        if intake.is_full() != self.machine.intake().is_full() {
            self.tell_time();
        }
        self.machine.handle_intake(self.now, intake);
    }
}

/// How reading stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// The connection is to be polled, once more.
    On,
    /// It is over in this round. Moved: something else happened, or there may be more. Still:
    /// nothing is there, or nothing may be read.
    Over(Step),
}
