//! [`SessionState`]: the state that all tasks of a session share.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use websocket_heartbeat::{Event, Handle, Message, Receipt, Supervisor, Timer, Timestamp};
use websocket_heartbeat_mock::{Clock, MockTimer, MockTransport, Remote, Rng};

use crate::{plan::Plan, watch::Watchers};

pub(crate) type Session = Supervisor<MockTransport, MockTimer>;

/// The state that all tasks of a session share.
#[derive(Clone)]
pub(crate) struct SessionState {
    pub(crate) plan: Rc<Plan>,
    pub(crate) clock: Clock,
    pub(crate) remote: Remote,
    pub(crate) events: Rc<RefCell<Vec<(Timestamp, Event)>>>,
    pub(crate) sent: Rc<RefCell<Vec<Sent>>>,
    pub(crate) watchers: Watchers,
    /// The end has started: senders stop, and late readers start to read.
    pub(crate) over: Rc<Cell<bool>>,
}

/// An accepted message. Its payload starts with its index in the list.
pub(crate) struct Sent {
    pub(crate) receipt: Option<Receipt>,
}

impl SessionState {
    /// Sleeps for a pause of the plan. A stretched pause ends with the session.
    pub(crate) fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + use<> {
        let duration = duration * self.plan.stretch;
        let piece = self.plan.piece();
        // A clock without quirks for the tasks of the test.
        let until = self.clock.now().checked_add(duration).expect("a short time");
        let (clock, timer, over) = (self.clock.clone(), self.clock.timer(), Rc::clone(&self.over));
        async move {
            while clock.now() < until && !(over.get() && piece < Duration::MAX) {
                let next = clock.now().checked_add(piece).map_or(until, |next| next.min(until));
                timer.sleep_until(next).await;
            }
        }
    }

    /// When the event `Closed` was read, if the session has ended.
    pub(crate) fn closed_at(&self) -> Option<Timestamp> {
        let events = self.events.borrow();
        events.last().filter(|(_, event)| matches!(event, Event::Closed(_))).map(|(at, _)| *at)
    }

    pub(crate) fn report(&self, event: Event) {
        self.events.borrow_mut().push((self.clock.now(), event));
    }

    /// A message with the number of the next accepted message. No other message may be accepted
    /// before it, so each offer makes a new one.
    pub(crate) fn message(&self, size: usize) -> Message {
        let number = self.sent.borrow().len();
        let mut words = format!("{number};");
        while words.len() < size {
            words.push('.');
        }
        Message::text(words)
    }

    pub(crate) fn accepted(&self, receipt: Option<Receipt>) {
        self.sent.borrow_mut().push(Sent { receipt });
    }

    pub(crate) fn rng(&self, salt: u64) -> Rng {
        Rng::new(self.plan.seed.wrapping_mul(31).wrapping_add(salt))
    }
}

/// The number in a message of [`SessionState::message`].
pub(crate) fn number(message: &Message) -> Option<usize> {
    message.as_text()?.split_once(';')?.0.parse().ok()
}

/// The end of a session.
pub(crate) struct Ended {
    /// The time of the request to end.
    pub(crate) at: Timestamp,
}

pub(crate) fn status_bounds(state: &SessionState, handle: &Handle) {
    let status = handle.status();
    let bounds = state.plan.outbox;
    assert!(status.queued_messages <= bounds.count, "the outbox holds {status:?}");
    assert!(status.queued_bytes <= bounds.bytes, "the outbox holds {status:?}");
}
