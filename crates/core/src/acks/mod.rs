//! Acknowledged delivery: a layer over a session, for servers that acknowledge messages.

mod error;
mod ledger;
mod receipt;
mod sender;
mod settings;
#[cfg(test)]
mod tests;
mod window;

use std::{
    fmt,
    hash::Hash,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_core::{FusedStream, Stream};

use self::{ledger::Ledger, settings::Find, window::Gate};
use crate::{
    error::ConfigError,
    event::Event,
    handle::Handle,
    message::Message,
    panics::{UserFunction, contain_in, drop_contained},
    time::{Timer, Timestamp},
};

pub use self::{
    error::AckQueueError,
    receipt::{AckFailure, AckReceipt, Unacknowledged},
    sender::{AckQueuing, AckSender},
    settings::{Ack, AckSettings},
};

/// Acknowledgements that one poll passes over at most before other tasks get their turn.
const ACKS_PER_POLL: u32 = 256;

/// A session whose messages the server acknowledges: a `Stream` of the session's [`Event`]s, and a
/// [`sender`](Self::sender) whose receipts resolve when the server has said that it has the
/// message.
///
/// It wraps a [`Supervisor`](crate::Supervisor), or the [`Inbox`](crate::Inbox) of one that is
/// driven elsewhere, or any other stream of all the events of one session. [`Handle`]s work beside
/// it as ever; what is queued through them is not the layer's affair.
///
/// ```
/// use websocket_heartbeat::{Ack, Acknowledged, AckSettings, Event, Supervisor, Timer, Transport};
/// use futures::StreamExt;
///
/// # async fn deliver<T: Transport, K: Timer + Clone>(
/// #     supervisor: Supervisor<T, K>,
/// #     timer: K,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// // The server answers {"id":7,..} with "ack 7".
/// let acks = AckSettings::new(|message| {
///     let id = message.as_text()?.strip_prefix("ack ")?.parse::<u64>().ok()?;
///     Some(Ack::One(id))
/// });
/// let handle = supervisor.handle();
/// let mut session = Acknowledged::new(supervisor, handle.clone(), timer, acks)?;
/// let sender = session.sender();
///
/// let producer = async move {
///     let receipt = sender.queue(7, r#"{"id":7,"text":"hello"}"#).await?;
///     receipt.await?;
///     handle.close();
///     Ok::<_, Box<dyn std::error::Error>>(())
/// };
/// let consumer = async move {
///     while let Some(event) = session.next().await {
///         if let Event::Message(message) = event {
///             println!("{:?}", message.as_text());
///         }
///     }
/// };
/// let (produced, ()) = futures::join!(producer, consumer);
/// produced?;
/// # Ok(())
/// # }
/// ```
///
/// # At least once
///
/// A receipt that is `Ok` says that the server had the message. A message whose acknowledgement
/// did not come is sent again: after each [`Open`](Event::Open), since the server may have missed
/// it with the connection, and on an open connection after the [timeout](AckSettings::timeout). Whenever
/// it was the acknowledgement that got lost the server sees the message twice. So the server
///
/// - must max_missed duplicates: by remembering ids, in a window as long as the client's, or because
///   doing the thing twice does no harm;
/// - must acknowledge a duplicate as well, or it is sent until it is given up.
///
/// An id must not be used again for another message in the same session while an acknowledgement
/// of the first may be under way. Acknowledgements of unknown ids, and of messages that were never
/// sent, are ignored; it does not matter on which connection they come.
///
/// # Order
///
/// Messages go out in the order in which the window accepted them, and after a reconnect all that
/// are unacknowledged go out in that order, before any newer one: the server sees the first copies
/// in order, however many connections it takes. Copies by timeout come behind newer messages.
/// What the application queues through a [`Handle`] in answer to an `Open`, before it polls again,
/// goes out before them; otherwise there is no order towards such messages.
///
/// # Window
///
/// Accepted are at most [so many](AckSettings::window) unacknowledged messages and
/// [bytes](AckSettings::bytes), also while offline. Beyond, [`AckSender::queue`] waits, in order of
/// arrival. Copies on their way count in the supervisor's outbox, and leave it with their
/// connection, so that it never holds two copies of a message.
///
/// # Giving up
///
/// A receipt is resolved exactly once: by the acknowledgement, or with [`Unacknowledged`], which
/// gives the message back and says why. With the session everything unacknowledged ends, the
/// receipts before the event [`Closed`](Event::Closed). [`Handle::close`] does not wait for
/// acknowledgements: await the receipts first.
///
/// Nothing is written to disk. What is unacknowledged when the process dies is lost, unless the
/// application keeps messages until their receipts are `Ok` and queues them again.
///
/// # Who polls
///
/// Messages are sent, acknowledgements taken and timeouts judged when this stream is polled, also
/// where a driver of its own keeps the heart beating. Timeouts are judged only when there is
/// nothing more to read: an acknowledgement that waits behind unread messages is in time.
/// Acknowledgements that an inbox [dropped](crate::Inbox::drop_oldest) are missed like any lost
/// one.
///
/// # Drop behaviour
///
/// Dropping it drops the session, and resolves all receipts with
/// [`AckFailure::SessionEnded`].
///
/// # Cancel safety
///
/// No event and no acknowledgement is lost when its `next` is dropped.
///
/// # Panics
///
/// A panic of the function given to [`AckSettings::new`] is contained. The message is given to the
/// application, the function is called no more, and the session ends with
/// [`CloseReason::Panicked`](crate::CloseReason::Panicked), unless panics abort.
#[must_use = "streams do nothing unless polled"]
pub struct Acknowledged<S, K: Timer, Id> {
    inner: S,
    handle: Handle,
    timer: K,
    /// `None` once it has panicked.
    find: Option<Find<Id>>,
    show: bool,
    ledger: Ledger<Id>,
    gate: Arc<Gate<Id>>,
    /// The connection that is open, as far as the events tell.
    connection: Option<u64>,
    /// There may be something to give to it.
    to_send: bool,
    now: Timestamp,
    /// Set no later than to the earliest deadline.
    alarm: Option<Pin<Box<K::Sleep>>>,
    /// What stands in the gate.
    waker: Option<Waker>,
}

/// Everything that must not move is in a box of its own.
impl<S: Unpin, K: Timer, Id> Unpin for Acknowledged<S, K, Id> {}

impl<S, K: Timer, Id> Acknowledged<S, K, Id> {
    /// A layer over the events of the session that `handle` belongs to. The timer may be any: its
    /// moments are compared with none but its own.
    ///
    /// # Errors
    ///
    /// Names the setting that makes no sense, its value and the rule that it breaks.
    pub fn new(
        events: S,
        handle: Handle,
        timer: K,
        settings: AckSettings<Id>,
    ) -> Result<Self, ConfigError> {
        settings.check()?;
        let AckSettings { find, window, bytes, patience, show } = settings;
        Ok(Self {
            inner: events,
            handle,
            timer,
            find: Some(find),
            show,
            ledger: Ledger::new(patience, window),
            gate: Arc::new(Gate::new(window, bytes)),
            connection: None,
            to_send: false,
            now: Timestamp::EPOCH,
            alarm: None,
            waker: None,
        })
    }

    /// The sending side, for any number of tasks and threads.
    pub fn sender(&self) -> AckSender<Id> {
        AckSender::new(&self.gate)
    }

    /// A handle to command with, and to send what needs no acknowledgement.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// What it wraps.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// What it wraps, to change its settings. Events that are taken from it directly are missed
    /// here.
    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The session has ended, or nobody will drive it any more.
    fn end(&mut self) {
        self.connection = None;
        self.alarm = None;
        let incoming = self.gate.close().into_iter().map(|(_, entry)| entry);
        let entries = self.ledger.remove_all().chain(incoming);
        self.gate.fail(entries.collect(), AckFailure::SessionEnded);
    }
}

impl<S, K: Timer, Id: Clone + Eq + Hash> Acknowledged<S, K, Id> {
    fn acknowledge(&mut self, ack: Ack<Id>) {
        let entries = match ack {
            Ack::One(id) => self.remove(&id).into_iter().collect(),
            Ack::Each(ids) => ids.iter().filter_map(|id| self.remove(id)).collect(),
            Ack::UpTo(id) => {
                let done = || self.ledger.number_of_done(self.gate.hash(&id), &id);
                match self.number_of_sent(&id).or_else(done) {
                    Some(number) => self.ledger.remove_through(number),
                    None => return,
                }
            }
        };
        self.gate.acknowledge(entries);
    }

    fn remove(&mut self, id: &Id) -> Option<ledger::Entry<Id>> {
        self.number_of_sent(id).and_then(|number| self.ledger.remove(number))
    }

    /// The number of the unacknowledged message with this id, if it was sent.
    fn number_of_sent(&self, id: &Id) -> Option<u64> {
        self.gate.number(id).filter(|number| self.ledger.was_sent(*number))
    }

    /// What the message acknowledges, by the user's function.
    fn find_ack(&mut self, message: &Message) -> Option<Ack<Id>> {
        let find = self.find.as_mut()?;
        contain_in(UserFunction::Acknowledgement, || find(message)).unwrap_or_else(|panic| {
            drop_contained(self.find.take());
            self.handle.end_by_panic(panic);
            None
        })
    }

    fn give_up(&mut self, numbers: &[u64], reason: AckFailure) {
        let entries = numbers.iter().filter_map(|number| self.ledger.remove(*number));
        self.gate.fail(entries.collect(), reason);
    }

    fn note(&mut self, event: &Event) {
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

    fn disconnect(&mut self) {
        if self.connection.take().is_some() {
            self.alarm = None;
            let spent = self.ledger.rewind();
            self.give_up(spent.as_slice(), AckFailure::Losses);
        }
    }

    /// Gives the connection what it was not given yet.
    fn send(&mut self, look: &mut Look) {
        for (number, entry) in self.gate.take_incoming() {
            self.ledger.insert(number, entry);
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
        // Refused if the connection is gone, of which the events will tell.
        if let Some(ticket) = self.queue_on(connection, &unsent) {
            let now = self.look(look);
            self.ledger.note_sent(&unsent, ticket, now);
        }
    }

    fn queue_on(&self, connection: u64, numbers: &[u64]) -> Option<u64> {
        let messages = numbers.iter().map(|number| self.ledger.message(*number));
        self.handle.queue_on(connection, messages.collect())
    }

    /// There is nothing to read. Sees to it that the task is woken when there is something to do;
    /// whether there is something already.
    fn park(&mut self, cx: &mut Context<'_>, look: &mut Look) -> bool {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
            self.gate.set_layer(cx.waker());
        }
        if self.gate.has_work() {
            return true;
        }
        let Some(connection) = self.connection else { return false };
        if !self.alarm_went_off(cx) {
            return false;
        }
        let resent = self.judge(connection, look);
        if self.alarm_went_off(cx) {
            // A sleep that ends early. The next poll has a look at the clock of its own.
            cx.waker().wake_by_ref();
        }
        resent
    }

    /// Judges what was not acknowledged in time; whether anything was sent again.
    fn judge(&mut self, connection: u64, look: &mut Look) -> bool {
        let now = self.look(look);
        let judged = self.ledger.judge(now, self.handle.first_unwritten());
        self.give_up(&judged.spent, AckFailure::Timeout);
        if judged.resend.is_empty() {
            return false;
        }
        let Some(ticket) = self.queue_on(connection, &judged.resend) else { return false };
        self.ledger.note_resent(&judged.resend, ticket, now);
        true
    }

    fn alarm_went_off(&mut self, cx: &mut Context<'_>) -> bool {
        if self.alarm.is_none() {
            let sleep = self.ledger.earliest().map(|at| self.timer.sleep_until(at));
            self.alarm = sleep.map(Box::pin);
        }
        let off = self.alarm.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready());
        if off {
            self.alarm = None;
        }
        off
    }

    /// The moment of this poll.
    fn look(&mut self, look: &mut Look) -> Timestamp {
        if let Look::NotYet = *look {
            *look = Look::Done;
            self.now = self.now.max(self.timer.now());
        }
        self.now
    }
}

/// Whether this poll has read the clock.
enum Look {
    NotYet,
    Done,
}

impl<S, K, Id> Stream for Acknowledged<S, K, Id>
where
    S: Stream<Item = Event> + Unpin,
    K: Timer,
    Id: Clone + Eq + Hash,
{
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        let mut look = Look::NotYet;
        let mut parked = false;
        for _ in 0..ACKS_PER_POLL {
            if this.to_send || this.gate.has_work() {
                this.send(&mut look);
            }
            match Pin::new(&mut this.inner).poll_next(cx) {
                Poll::Ready(Some(Event::Message(message))) => {
                    let ack = this.find_ack(&message);
                    let hidden = ack.is_some() && !this.show;
                    if let Some(ack) = ack {
                        this.acknowledge(ack);
                    }
                    if !hidden {
                        return Poll::Ready(Some(Event::Message(message)));
                    }
                }
                Poll::Ready(Some(event)) => {
                    this.note(&event);
                    return Poll::Ready(Some(event));
                }
                Poll::Ready(None) => {
                    this.end();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    if !this.park(cx, &mut look) {
                        return Poll::Pending;
                    }
                    // What is sent now is written in this poll; a third time is another turn.
                    if std::mem::replace(&mut parked, true) {
                        break;
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Terminated when what it wraps is.
impl<S, K, Id> FusedStream for Acknowledged<S, K, Id>
where
    S: FusedStream<Item = Event> + Unpin,
    K: Timer,
    Id: Clone + Eq + Hash,
{
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}

impl<S, K: Timer, Id> Drop for Acknowledged<S, K, Id> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<S: fmt::Debug, K: Timer, Id> fmt::Debug for Acknowledged<S, K, Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acknowledged")
            .field("inner", &self.inner)
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
