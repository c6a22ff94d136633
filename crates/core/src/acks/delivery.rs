//! Sends messages, takes acknowledgements and checks timeouts: [`Delivery`].

use std::{
    future::Future,
    hash::Hash,
    pin::Pin,
    sync::Arc,
    task::{Context, Waker},
};

use super::{
    ledger::{Entry, Ledger},
    receipt::AckFailure,
    settings::{Ack, AckSettings, Find},
    window::Window,
};
use crate::{
    event::Event,
    handle::Handle,
    message::Message,
    panics::{UserFunction, contain_in, drop_contained},
    time::{SteadyTimer, Timer, Timestamp},
};

/// The state of acknowledged delivery, without the stream of events.
pub(super) struct Delivery<K: Timer, Id> {
    handle: Handle,
    timer: SteadyTimer<K>,
    /// `None` after it has panicked.
    find: Option<Find<Id>>,
    ledger: Ledger<Id>,
    pub(super) window: Arc<Window<Id>>,
    /// The open connection, as the events report it.
    pub(super) connection: Option<u64>,
    /// There may be messages in the ledger that were not sent on the connection.
    to_send: bool,
    /// Ends no later than the earliest deadline.
    sleep: Option<Pin<Box<K::Sleep>>>,
    /// The waker that the window has.
    waker: Option<Waker>,
}

/// The sleep is in a box of its own.
impl<K: Timer, Id> Unpin for Delivery<K, Id> {}

impl<K: Timer, Id> Delivery<K, Id> {
    pub(super) fn new(handle: Handle, timer: K, settings: AckSettings<Id>) -> Self {
        let AckSettings { find, window, bytes, retries, .. } = settings;
        Self {
            handle,
            timer: SteadyTimer::new(timer),
            find: Some(find),
            ledger: Ledger::new(retries, window),
            window: Arc::new(Window::new(window, bytes)),
            connection: None,
            to_send: false,
            sleep: None,
            waker: None,
        }
    }

    /// The session has ended, or nothing will poll it any more.
    pub(super) fn end(&mut self) {
        self.connection = None;
        self.sleep = None;
        let incoming = self.window.close();
        let entries = self.ledger.remove_all().chain(incoming);
        self.window.resolve(entries.collect(), Some(AckFailure::SessionEnded));
    }
}

impl<K: Timer, Id: Clone + Eq + Hash> Delivery<K, Id> {
    /// Takes the acknowledgement in the message. Returns whether there is one.
    pub(super) fn handle_message(&mut self, message: &Message) -> bool {
        self.find_ack(message).map(|ack| self.acknowledge(ack)).is_some()
    }

    pub(super) fn handle_event(&mut self, event: &Event) {
        match event {
            Event::Open(open) => {
                self.disconnect();
                self.connection = Some(open.connection);
                self.to_send = true;
            }
            Event::Lost(_) => self.disconnect(),
            Event::Closed(_) => self.end(),
            _ => {}
        }
    }

    /// Sends all messages that were not sent on this connection.
    pub(super) fn send(&mut self, now: &mut Option<Timestamp>) {
        for entry in self.window.take_incoming() {
            self.ledger.insert(entry);
            self.to_send = true;
        }
        let Some(connection) = self.connection else { return };
        if !std::mem::take(&mut self.to_send) {
            return;
        }
        let unsent = self.ledger.unsent();
        if unsent.is_empty() {
            return;
        }
        // The outbox refuses the messages if the connection has ended. A later event reports the
        // end.
        if let Some(ticket) = self.queue_on(connection, &unsent) {
            let now = self.timer.now(now);
            self.ledger.record_sent(&unsent, ticket, now);
        }
    }

    /// Registers the task to be woken for new messages and at the next deadline. Returns whether
    /// there is already something to do.
    pub(super) fn park(&mut self, cx: &mut Context<'_>, now: &mut Option<Timestamp>) -> bool {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
            self.window.set_layer(cx.waker());
        }
        if self.window.has_incoming() {
            return true;
        }
        let Some(connection) = self.connection else { return false };
        if !self.poll_sleep(cx) {
            return false;
        }
        let resent = self.check_timeouts(connection, now);
        if self.poll_sleep(cx) {
            // The sleep ended early. The next poll reads the clock again.
            cx.waker().wake_by_ref();
        }
        resent
    }

    /// Finds the acknowledgement in the message by the user's function.
    fn find_ack(&mut self, message: &Message) -> Option<Ack<Id>> {
        let find = self.find.as_mut()?;
        contain_in(UserFunction::Acknowledgement, || find(message)).unwrap_or_else(|panic| {
            drop_contained(self.find.take());
            self.handle.end_by_panic(panic);
            None
        })
    }

    fn acknowledge(&mut self, ack: Ack<Id>) {
        let entries = match ack {
            Ack::One(id) => self.remove(&id).into_iter().collect(),
            Ack::Each(ids) => ids.iter().filter_map(|id| self.remove(id)).collect(),
            Ack::UpTo(id) => {
                let done = || self.ledger.number_of_done(self.window.hash(&id), &id);
                match self.number_of_sent(&id).or_else(done) {
                    Some(number) => self.ledger.remove_through(number),
                    None => return,
                }
            }
        };
        self.window.resolve(entries, None);
    }

    fn remove(&mut self, id: &Id) -> Option<Entry<Id>> {
        self.number_of_sent(id).and_then(|number| self.ledger.remove(number))
    }

    /// The number of the unacknowledged message with this id, if it was sent.
    fn number_of_sent(&self, id: &Id) -> Option<u64> {
        self.window.number(id).filter(|number| self.ledger.was_sent(*number))
    }

    fn give_up(&mut self, numbers: &[u64], reason: AckFailure) {
        let entries = numbers.iter().filter_map(|number| self.ledger.remove(*number));
        self.window.resolve(entries.collect(), Some(reason));
    }

    fn disconnect(&mut self) {
        if self.connection.take().is_some() {
            self.sleep = None;
            let spent = self.ledger.rewind();
            self.give_up(spent.as_slice(), AckFailure::Losses);
        }
    }

    fn queue_on(&self, connection: u64, numbers: &[u64]) -> Option<u64> {
        let messages = numbers.iter().map(|number| self.ledger.message(*number));
        self.handle.queue_on(connection, messages.collect())
    }

    /// Resends or gives up overdue messages. Returns whether one was sent again.
    fn check_timeouts(&mut self, connection: u64, now: &mut Option<Timestamp>) -> bool {
        let now = self.timer.now(now);
        let overdue = self.ledger.take_overdue(now, self.handle.first_unwritten());
        self.give_up(&overdue.spent, AckFailure::Timeout);
        if overdue.resend.is_empty() {
            return false;
        }
        let Some(ticket) = self.queue_on(connection, &overdue.resend) else { return false };
        self.ledger.record_resent(&overdue.resend, ticket, now);
        true
    }

    /// Returns whether the sleep for the earliest deadline has ended.
    fn poll_sleep(&mut self, cx: &mut Context<'_>) -> bool {
        if self.sleep.is_none() {
            let sleep = self.ledger.earliest().map(|at| self.timer.sleep_until(at));
            self.sleep = sleep.map(Box::pin);
        }
        let ended = self.sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready());
        if ended {
            self.sleep = None;
        }
        ended
    }
}
