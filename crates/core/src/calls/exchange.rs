//! Sends requests, takes answers and checks timeouts: [`Exchange`].

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{
    error::{CallFailure, RequestFate},
    settings::{Answer, CallSettings, FindAnswer, LONGEST, MakeRequest},
    table::{Judged, Table},
};
use crate::{
    event::{Event, Fate},
    handle::Handle,
    message::Message,
    outbox::Receipt,
    panics::{UserFunction, contain_in, drop_contained},
    time::{SteadyTimer, Timer, Timestamp},
};

/// The state of the layer, without the stream of events.
pub(super) struct Exchange<K: Timer, R, A> {
    pub(super) handle: Handle,
    timer: SteadyTimer<K>,
    /// `None` after one of them has panicked.
    protocol: Option<(MakeRequest<R>, FindAnswer<A>)>,
    pub(super) table: Arc<Table<R, A>>,
    pub(super) timeout: Duration,
    /// The connection that takes requests, as far as the events report it.
    pub(super) connection: Option<u64>,
    /// There may be calls to send on the connection.
    to_send: bool,
    /// No call has an earlier deadline.
    earliest: Option<Timestamp>,
    /// The sleep that ends at this time.
    sleep: Option<(Timestamp, Pin<Box<K::Sleep>>)>,
    /// The waker that the table has.
    waker: Option<Waker>,
}

/// The sleep is in a box of its own.
impl<K: Timer, R, A> Unpin for Exchange<K, R, A> {}

impl<K: Timer, R, A> Exchange<K, R, A> {
    pub(super) fn new(handle: Handle, timer: K, settings: CallSettings<R, A>) -> Self {
        let CallSettings { make_request, find_answer, limit, max_id, timeout } = settings;
        Self {
            handle,
            timer: SteadyTimer::new(timer),
            protocol: Some((make_request, find_answer)),
            table: Arc::new(Table::new(limit, max_id)),
            timeout: timeout.min(LONGEST),
            connection: None,
            to_send: false,
            earliest: None,
            sleep: None,
            waker: None,
        }
    }

    /// The session has ended, or nothing will poll it any more.
    pub(super) fn end(&mut self) {
        self.connection = None;
        self.sleep = None;
        self.earliest = None;
        let calls = self.table.close();
        self.fail(calls, CallFailure::SessionEnded);
    }

    /// Finds the answer in the message by the user's function.
    pub(super) fn find_answer(&mut self, message: &Message) -> Option<Answer<A>> {
        let (_, find) = self.protocol.as_mut()?;
        contain_in(UserFunction::Answer, || find(message)).unwrap_or_else(|panic| {
            drop_contained(self.protocol.take());
            self.handle.end_by_panic(panic);
            None
        })
    }

    /// Resolves the call of an answer, or gives the answer back.
    ///
    /// An answer cannot come before its request. Without this check, a server that guesses ids could
    /// answer a request that it will not see.
    pub(super) fn answer(&self, answer: Answer<A>) -> Option<Answer<A>> {
        self.table.answer(answer, |receipt, deferred| self.handle.is_handed_over(receipt, deferred))
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

    /// Sends all requests that were not sent on this connection.
    pub(super) fn send(&mut self, now: &mut Option<Timestamp>) {
        if self.table.take_new() {
            self.to_send = true;
            let now = self.timer.now(now);
            if let Some(due) = self.table.stamp(now) {
                self.earliest = Some(self.earliest.map_or(due, |earliest| earliest.min(due)));
            }
        }
        let Some(connection) = self.connection else { return };
        if !std::mem::take(&mut self.to_send) {
            return;
        }
        let (ids, messages) = self.make_requests();
        if ids.is_empty() {
            return;
        }
        match self.handle.queue_on_with_receipts(connection, messages) {
            Some(receipts) => {
                let gone = self.table.record_sent(ids.into_iter().zip(receipts));
                // Their callers were dropped while the messages were made.
                for receipt in &gone {
                    self.handle.withdraw(receipt);
                }
            }
            None => {
                // The connection has ended, or the session is being closed. An event reports it.
                self.connection = None;
                self.table.requeue(&ids);
            }
        }
    }

    /// Registers the task to be woken for new calls and at the next deadline. Returns whether there
    /// is already a new call.
    pub(super) fn park(&mut self, cx: &mut Context<'_>, now: &mut Option<Timestamp>) -> bool {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
            self.table.set_layer(cx.waker());
        }
        if self.table.has_new() {
            return true;
        }
        if self.poll_sleep(cx) {
            self.check_timeouts(now);
            if self.poll_sleep(cx) {
                // The sleep ended early. The next poll reads the clock again.
                cx.waker().wake_by_ref();
            }
        }
        false
    }

    /// Gives overdue calls up.
    pub(super) fn check_timeouts(&mut self, now: &mut Option<Timestamp>) {
        if self.earliest.is_none() {
            return;
        }
        let now = self.timer.now(now);
        let (overdue, earliest) = self.table.take_overdue(now);
        self.earliest = earliest;
        self.fail(overdue, CallFailure::Timeout);
    }

    /// Makes the messages of the calls to send.
    fn make_requests(&mut self) -> (Vec<u64>, Vec<Message>) {
        let (mut ids, mut messages) = (Vec::new(), Vec::new());
        while let Some((make, _)) = &mut self.protocol
            && let Some((id, request)) = self.table.take_unsent()
        {
            let made = contain_in(UserFunction::Request, || make(id, &request));
            self.table.put_back(id, request);
            ids.push(id);
            match made {
                Ok(message) => messages.push(message),
                Err(panic) => {
                    // The session ends, so no message of this batch is accepted.
                    drop_contained(self.protocol.take());
                    self.handle.end_by_panic(panic);
                }
            }
        }
        (ids, messages)
    }

    fn disconnect(&mut self) {
        self.connection = None;
        let receipts = self.table.take_receipts();
        if !receipts.is_empty() {
            let fates = receipts.into_iter().map(|(id, receipt)| (id, self.fate(Some(receipt))));
            self.table.disconnect(&fates.collect::<Vec<_>>());
        }
    }

    fn fail(&self, calls: Vec<Judged>, reason: CallFailure) {
        if !calls.is_empty() {
            let fates = calls.into_iter().map(|(id, receipt)| (id, self.fate(receipt)));
            self.table.fail(&fates.collect::<Vec<_>>(), reason);
        }
    }

    /// The fate of a request on its connection. If it is still in the outbox, it is removed, unless
    /// the connection has it.
    fn fate(&self, receipt: Option<Receipt>) -> RequestFate {
        let Some(mut receipt) = receipt else { return RequestFate::NotSent };
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut receipt).poll(&mut cx) {
            Poll::Ready(Fate::Written { .. }) => RequestFate::Written,
            Poll::Ready(Fate::Dropped { .. }) => RequestFate::NotSent,
            Poll::Pending if self.handle.withdraw(&receipt) => RequestFate::NotSent,
            Poll::Ready(Fate::Unknown { .. }) | Poll::Pending => RequestFate::Unknown,
        }
    }

    /// Returns whether the sleep for the earliest deadline has ended.
    fn poll_sleep(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(earliest) = self.earliest else { return false };
        // A sleep that ends before the deadline is kept, so that not each call makes a new one.
        if self.sleep.as_ref().is_none_or(|(at, _)| *at > earliest) {
            self.sleep = Some((earliest, Box::pin(self.timer.sleep_until(earliest))));
        }
        let ended =
            self.sleep.as_mut().is_some_and(|(_, sleep)| sleep.as_mut().poll(cx).is_ready());
        if ended {
            self.sleep = None;
        }
        ended
    }
}
