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
//! 4: Read before you judge. Before a deadline is judged the connection was read until it had
//! nothing more, or 256 frames; a finished attempt is taken before its deadline is judged.
//!
//! A message that is still coming in counts as life as well, where any frame does: the pong stands
//! behind it.
//!
//! 14: Read before you bury. After a failed write the connection is read until it has nothing
//! more, ends, or gave 256 frames; the peer's close code outranks the write error.

mod act;
mod attend;
mod park;
mod read;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use self::park::Alarm;
use super::{contained::Contained, line::Line, news::Desk, writer::Writer};
use crate::{
    CloseFrame, Event, Message, Timer, Timestamp, Transport,
    builder::{Kept, Policies, Settings},
    machine::Machine,
    queue::Queue,
    shared::Shared,
    wakers::Bell,
};

/// Frames between two looks at the clock, and frames read before a verdict or a burial: enough to
/// make the clock's 20 ns vanish beside them, few enough to be done in some ten microseconds.
const FRAMES_PER_LOOK: u32 = 256;

/// Rounds of one poll after which the task yields, so that no peer keeps it busy for ever.
const ROUNDS_PER_POLL: u32 = 64;

/// Whether inbound messages have a place to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Yes,
    No,
}

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
    /// Frames since the clock was read.
    frames: u32,
    heard: Heard,
    reading: Reading,
    /// Nothing was left to do at the end of the last poll, which read or did not.
    at_rest: Option<Reading>,
    /// The connection had nothing to read when last asked, and has not stirred since.
    quiet: bool,
    /// It is being read because a verdict is due.
    read_first: bool,
    /// Bytes that had come in when a probe was written, or a verdict was due.
    arrived: Option<u64>,
    writer: Writer,
    /// Frames that may still be read before a failed write is reported.
    burial: u32,
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
        let shared = Arc::new(Shared::new(Queue::new(settings.outbox), now));
        Self {
            transport,
            timer,
            machine: Machine::new(rules),
            line: Line::None,
            leaving: None,
            alarm: Alarm::default(),
            bell: Bell::waker(&shared),
            now,
            frames: 0,
            heard: Heard::default(),
            reading: Reading::Yes,
            at_rest: None,
            quiet: false,
            read_first: false,
            arrived: None,
            writer: Writer::default(),
            burial: 0,
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

    /// Does what there is to do, until there is something to tell or nothing to do.
    pub(in crate::supervisor) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        reading: Reading,
    ) -> Poll<Option<Event>> {
        // Most polls of a task that does other things as well are not for us.
        if self.at_rest == Some(reading) && !self.has_queue && !self.shared.is_calling() {
            return Poll::Pending;
        }
        self.at_rest = None;
        for _ in 0..ROUNDS_PER_POLL {
            if let Some(event) = self.desk.pop() {
                return Poll::Ready(Some(event));
            }
            if self.shared.has_work() && self.take_work(cx) == Step::Moved {
                continue;
            }
            if self.frames >= FRAMES_PER_LOOK {
                self.attend(cx);
                continue;
            }
            match self.read(cx, reading) {
                Read::Message(message) => return Poll::Ready(Some(Event::Message(message))),
                Read::Moved => continue,
                Read::Nothing => {}
            }
            if self.attend(cx) == Step::Moved {
                continue;
            }
            if self.machine.is_closed() {
                return Poll::Ready(None);
            }
            if self.park() == Step::Still {
                self.at_rest = Some(reading);
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What came of reading.
enum Read {
    Message(Message),
    /// Something else happened.
    Moved,
    /// Nothing is there, or nothing may be read.
    Nothing,
}
