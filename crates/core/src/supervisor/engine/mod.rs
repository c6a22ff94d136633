//! The engine carries out the decisions of the machine.
//!
//! One private `poll` is a list of named steps, with a bound on the work in one call. A message
//! passes through it without a clock, a timer, a lock or an allocation. These are used when the
//! engine parks, and every 256 frames.
//!
//! Each file calls only files on lower levels. From bottom to top the levels are: `report`; `ending`, `write` and `read`; `actions`, `commands`, `deadlines` and `park`; `poll`.
//!
//! The engine keeps these invariants. Each has a test of the same name, and the numbers are those
//! of the list in the machine.
//!
//! 2: One sleep. It is replaced when it fires, when an earlier deadline appears and when a probe is
//! answered, and never because a message arrived.
//!
//! 3: The clock decides, not the sleep. Deadlines are compared on every park and at least every 256
//! frames. In the meantime the last reading of the clock is used.
//!
//! 4: Read before you judge. Before a deadline is judged, the connection is read until it has
//! nothing more or has returned 256 frames. A finished attempt is taken before its deadline is
//! judged. If a poll returns `Pending` and the waker was called during the poll, the connection may
//! have more. After 256 frames the verdict is put off to the next poll: once, and twice if proof of
//! life was among the frames. Proof of life cancels the verdict.
//!
//! A partially received message counts as proof of life if any frame does: the pong is queued
//! behind it. The peer owes no answer to a probe that its system has not acknowledged: bytes that
//! were acknowledged since the last look put the deadline off (`byte_counts.rs`).
//!
//! 14: Read before you report a failed write. After a failed write the connection is read in the
//! same way before it is dropped. The peer's close code outranks the write error.
//!
//! In addition, no flood of frames keeps a poll busy. A turn handles about 1,024 frames or takes
//! about 10 ms, then publishes the status and lets other tasks run (`turn.rs`). Queued messages are
//! handed to the connection before more is read, so that answers to earlier messages are written
//! before a frame that ends the connection is read.

mod actions;
mod clock;
mod commands;
mod deadlines;
mod ending;
mod inbound;
mod park;
mod read;
mod report;
mod turn;
mod write;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use self::{clock::Clock, inbound::Inbound, park::DeadlineSleep, turn::Turn};
use super::{
    contained::Contained, link::Link, policies::Resolved, probes::Probes, redial::Redial,
    reporter::Reporter, telemetry::Telemetry,
};
use crate::{
    event::Event,
    machine::{Intake, Machine},
    message::{Frame, Message},
    outbox::Outbox,
    shared::{Shared, TimerWaker},
    time::{Timer, Timestamp},
    transport::Transport,
};

/// The number of frames between two readings of the clock, and the number of frames read before a
/// verdict or before a failed write is reported. The 20 ns of a reading are negligible for this
/// number of frames, and the frames take only about ten microseconds.
const FRAMES_PER_LOOK: u32 = 256;

/// A message counts as one more frame for each 4 KiB of its length, since large messages take
/// longer.
const FRAME_SHIFT: u32 = 12;

/// The number of rounds in one poll after which the task yields, so that no peer keeps it busy
/// forever.
const ROUNDS_PER_POLL: u32 = 64;

/// The result of a step: whether it changed something for the steps before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Still,
    Moved,
}

pub(super) struct Engine<T: Transport, K: Timer> {
    pub(super) transport: T,
    clock: Clock<K>,
    sleep: DeadlineSleep<K>,
    pub(super) machine: Machine,
    link: Link<T>,
    /// A connection that the peer has closed and that still writes its reply.
    draining: Option<Contained<T::Connection>>,
    inbound: Inbound,
    pub(super) queued: Queued,
    probes: Probes,
    redial: Redial,
    reporter: Reporter,
    telemetry: Telemetry,
    pub(super) shared: Arc<Shared>,
}

/// The state of the outbox as the driver knows it without the lock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Queued {
    /// There may be messages to hand over, or tasks with a time limit that wait for room.
    pub(super) any: bool,
    /// No message and no such limit expires before this time; `None` is never.
    expiry: Option<Timestamp>,
}

impl<T: Transport, K: Timer> Engine<T, K> {
    pub(super) fn new(transport: T, timer: K, settings: Resolved) -> Self {
        let Resolved { rules, outbox, probes, redial, name } = settings;
        let clock = Clock::new(timer);
        let shared = Arc::new(Shared::new(Outbox::new(outbox), clock.now()).named(name));
        Self {
            transport,
            clock,
            sleep: DeadlineSleep::new(TimerWaker::waker(&shared)),
            machine: Machine::new(rules),
            link: Link::None,
            draining: None,
            inbound: Inbound::BEGIN,
            queued: Queued::default(),
            probes,
            redial,
            reporter: Reporter::default(),
            telemetry: Telemetry::default(),
            shared,
        }
    }

    pub(super) fn timer(&self) -> &K {
        &self.clock.timer
    }

    /// Works until there is an event to return, there is nothing to do, or the turn is over.
    ///
    /// The whole path of a message is in this function, and everything else is a call with a small
    /// result: a function that returns a message returns it through memory.
    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, intake: Intake) -> Poll<Option<Event>> {
        if matches!(self.inbound.turn, Turn::Rest) {
            // If a task also does other work, most of its polls have nothing for the session.
            let as_before = intake.is_full() == self.machine.intake().is_full();
            if as_before && !self.queued.any && !self.shared.is_calling() {
                return Poll::Pending;
            }
            self.inbound.turn = Turn::BEGIN;
        }
        if intake != self.machine.intake() {
            self.change_intake(intake);
        }
        if self.inbound.readable.is_first() {
            // Much time may have passed since the last poll, and only the time of this poll is
            // limited.
            self.clock.read();
        }
        for _ in 0..ROUNDS_PER_POLL {
            if let Some(event) = self.reporter.pop() {
                return Poll::Ready(Some(event));
            }
            if self.shared.has_work() && self.take_work(cx) == Step::Moved {
                continue;
            }
            if self.inbound.frames >= FRAMES_PER_LOOK {
                self.attend(cx);
                if self.inbound.turn.is_over() {
                    break;
                }
                continue;
            }
            let mut reading = self.begin_reading(cx);
            while matches!(reading, Reading::On)
                && let Link::Open(open) = &mut self.link
            {
                reading = match open.connection.poll_next(cx) {
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
                    Poll::Ready(Some(Ok(Frame::Ping(_)))) => self.hear_control(false),
                    Poll::Ready(Some(Ok(Frame::Pong(payload)))) => self.hear_pong(payload),
                    Poll::Ready(Some(Ok(Frame::Close(frame)))) => self.hear_close(frame, cx),
                    Poll::Ready(Some(Err(error))) => self.hear_end(Some(error), cx),
                    Poll::Ready(None) => self.hear_end(None, cx),
                    Poll::Pending => self.hear_nothing(),
                };
            }
            match reading {
                Reading::AttemptOver => {
                    // The event `Open` comes before the first message.
                    self.carry_out(cx);
                    continue;
                }
                Reading::Over(Step::Moved) => continue,
                Reading::Over(Step::Still) | Reading::On => {}
            }
            if self.rest(cx) == Step::Still {
                return if self.machine.is_closed() { Poll::Ready(None) } else { Poll::Pending };
            }
            if self.inbound.turn.is_over() {
                break;
            }
        }
        self.end_turn(cx);
        Poll::Pending
    }

    /// There is nothing to read: does everything else, and parks.
    #[inline(never)]
    fn rest(&mut self, cx: &mut Context<'_>) -> Step {
        if self.attend(cx) == Step::Moved {
            return Step::Moved;
        }
        if self.machine.is_closed() {
            return Step::Still;
        }
        if self.park() == Step::Still {
            self.inbound.turn = Turn::Rest;
            return Step::Still;
        }
        Step::Moved
    }

    /// Lets other tasks run, and wakes this task.
    #[inline(never)]
    fn end_turn(&mut self, cx: &Context<'_>) {
        self.inbound.turn = Turn::BEGIN;
        self.publish();
        cx.waker().wake_by_ref();
    }

    /// Records whether inbound messages are read from now on.
    #[inline(never)]
    fn change_intake(&mut self, intake: Intake) {
        if intake.is_full() != self.machine.intake().is_full() {
            self.clock.read();
        }
        self.machine.handle_intake(self.clock.now(), intake);
    }
}

/// The state of reading in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Poll the connection again.
    On,
    /// The attempt has ended.
    AttemptOver,
    /// Reading is over in this round. `Moved`: something else happened, or there may be more to
    /// read. `Still`: there is nothing to read, or nothing may be read.
    Over(Step),
}
