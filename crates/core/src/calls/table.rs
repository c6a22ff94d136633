//! The calls that wait for an answer, which callers and the layer share: [`Table`].
//!
//! Requests and results are values of the application, so none is dropped or read under the lock.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{
    error::{CallError, CallFailure, RequestFate},
    ids::Ids,
    settings::Answer,
};
use crate::{
    outbox::Receipt,
    sync::{AtomicBool, Deferred, Guarded, Polled, poll_registering, wake},
    time::Timestamp,
};

pub(super) type Outcome<R, A> = Result<A, CallError<R>>;

/// The waiting calls, and the results that their futures have not read.
pub(super) struct Table<R, A> {
    /// A call was added since the layer last looked.
    has_new: AtomicBool,
    state: Guarded<State<R, A>>,
}

struct State<R, A> {
    limit: usize,
    /// The ids of the waiting calls and of the outcomes.
    ids: Ids,
    /// The waiting calls, by id.
    calls: BTreeMap<u64, Entry<R>>,
    /// The outcomes that their futures have not read, by id.
    outcomes: BTreeMap<u64, Outcome<R, A>>,
    /// The calls to send on the current or next connection, by their place in the order. A map, so
    /// that the removal of one call does not search through all others.
    unsent: BTreeMap<i64, u64>,
    layer: Option<Arc<Waker>>,
    closed: bool,
}

/// A waiting call.
pub(super) struct Entry<R> {
    /// `None` while the message is made of it.
    request: Option<R>,
    idempotent: bool,
    timeout: Duration,
    /// The place in `unsent`. `None` if the request is sent, or its message is made.
    place: Option<i64>,
    /// `None` until the layer has seen the call.
    due: Option<Timestamp>,
    /// The fate on earlier connections.
    fate: RequestFate,
    /// The receipt on the current connection. `None` before the request is sent on it.
    pub(super) receipt: Option<Receipt>,
    waker: Option<Waker>,
}

/// The options of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) timeout: Duration,
    pub(super) idempotent: bool,
}

/// A call with the receipt of its request, which is to be judged.
pub(super) type Judged = (u64, Option<Receipt>);

/// Methods for callers.
impl<R, A> Table<R, A> {
    pub(super) fn new(limit: usize, max_id: u64) -> Self {
        let state = State {
            limit,
            ids: Ids::new(max_id),
            calls: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            unsent: BTreeMap::new(),
            layer: None,
            closed: false,
        };
        Self { has_new: AtomicBool::new(false), state: Guarded::new(state) }
    }

    pub(super) fn waiting(&self) -> usize {
        self.state.with(|state, _| state.calls.len())
    }

    /// Adds a call and returns its id.
    pub(super) fn add(&self, request: R, options: Options) -> Result<u64, CallError<R>> {
        let mut request = Some(request);
        match self.state.with(|state, _| state.add(&mut request, options)) {
            Ok(id) => {
                self.notify();
                Ok(id)
            }
            Err(reason) => {
                let request = request.expect("a refused request is not taken");
                Err(CallError { request, reason, fate: RequestFate::NotSent })
            }
        }
    }

    fn notify(&self) {
        if !self.has_new.swap(true, Ordering::AcqRel)
            && let Some(layer) = self.state.with(|state, _| state.layer.clone())
        {
            wake(&layer);
        }
    }

    pub(super) fn poll(&self, id: u64, cx: &Context<'_>) -> Poll<Outcome<R, A>> {
        poll_registering(cx.waker(), |caller| {
            self.state.with(|state, deferred| {
                if let Some(outcome) = state.outcomes.remove(&id) {
                    state.ids.free(id);
                    return Polled::Ready(outcome);
                }
                let call = state.calls.get_mut(&id).expect("a call waits until it has an outcome");
                caller.wait_in(&mut call.waker, deferred)
            })
        })
    }

    /// The future of that call was dropped. Returns its values, to be dropped outside of the lock.
    pub(super) fn forget(&self, id: u64) -> (Option<Entry<R>>, Option<Outcome<R, A>>) {
        self.state.with(|state, _| {
            state.ids.free(id);
            (state.remove(id), state.outcomes.remove(&id))
        })
    }
}

/// Methods for the layer.
impl<R, A> Table<R, A> {
    /// Whether there are new calls. One plain load.
    pub(super) fn has_new(&self) -> bool {
        self.has_new.load(Ordering::Relaxed)
    }

    /// Whether there were new calls since the last call of this method.
    pub(super) fn take_new(&self) -> bool {
        self.has_new() && self.has_new.swap(false, Ordering::AcqRel)
    }

    /// Sets the deadlines of the new calls, and returns the earliest of them.
    pub(super) fn stamp(&self, now: Timestamp) -> Option<Timestamp> {
        self.state.with(|state, _| {
            let mut earliest: Option<Timestamp> = None;
            for id in state.unsent.values().rev() {
                // New calls are at the end.
                let call = state.calls.get_mut(id).filter(|call| call.due.is_none());
                let Some(call) = call else { break };
                let due = now.checked_add(call.timeout).unwrap_or(now);
                call.due = Some(due);
                earliest = Some(earliest.map_or(due, |earliest| earliest.min(due)));
            }
            earliest
        })
    }

    pub(super) fn set_layer(&self, waker: &Waker) {
        let waker = Arc::new(waker.clone());
        self.state.with(|state, deferred| deferred.drop_later(state.layer.replace(waker)));
    }

    /// Takes the request of the next call to send. Calls without a deadline are left.
    pub(super) fn take_unsent(&self) -> Option<(u64, R)> {
        self.state.with(|state, _| {
            let (&place, &id) = state.unsent.first_key_value()?;
            let call = state.calls.get_mut(&id).expect("an unsent call waits");
            call.due?;
            state.unsent.remove(&place);
            call.place = None;
            Some((id, call.request.take().expect("the request is with the call")))
        })
    }

    /// Gives the request back to its call, after its message was made.
    pub(super) fn put_back(&self, id: u64, request: R) {
        let mut request = Some(request);
        self.state.with(|state, _| {
            if let Some(call) = state.calls.get_mut(&id) {
                call.request = request.take();
            }
        });
    }

    /// Puts calls at the front of those to send.
    pub(super) fn requeue(&self, ids: &[u64]) {
        self.state.with(|state, _| state.requeue(ids));
    }

    /// Requests were handed to the session. Returns the receipts of calls that wait no longer.
    pub(super) fn record_sent(&self, sent: impl Iterator<Item = (u64, Receipt)>) -> Vec<Receipt> {
        let sent: Vec<_> = sent.collect();
        self.state.with(|state, _| {
            let gone = sent.into_iter().filter_map(|(id, receipt)| {
                let Some(call) = state.calls.get_mut(&id) else { return Some(receipt) };
                call.receipt = Some(receipt);
                None
            });
            gone.collect()
        })
    }

    /// Resolves the call of an answer. Gives the answer back if no call has its id whose request was
    /// handed to a connection. The function returns this for a receipt on the current connection.
    pub(super) fn answer(
        &self,
        answer: Answer<A>,
        is_handed_over: impl FnOnce(&Receipt, &mut Deferred<'_>) -> bool,
    ) -> Option<Answer<A>> {
        let Answer { id, result } = answer;
        let mut result = Some(result);
        // The request is dropped outside of the lock.
        let call = self.state.with(|state, deferred| {
            let call = state.calls.get(&id)?;
            // An earlier connection has taken it, or the current one.
            let is_handed_over = call.fate > RequestFate::NotSent
                || call.receipt.as_ref().is_some_and(|receipt| is_handed_over(receipt, deferred));
            if !is_handed_over {
                return None;
            }
            let mut call = state.remove(id)?;
            state.outcomes.extend(result.take().map(|result| (id, Ok(result))));
            call.waker.take().into_iter().for_each(|waker| deferred.wake(waker));
            Some(call)
        });
        drop(call);
        result.map(|result| Answer { id, result })
    }

    /// Takes the receipts on the current connection, in the order of sending.
    pub(super) fn take_receipts(&self) -> Vec<(u64, Receipt)> {
        let mut sent: Vec<_> = self.state.with(|state, _| {
            let calls = state.calls.iter_mut();
            calls.filter_map(|(id, call)| Some((*id, call.receipt.take()?))).collect()
        });
        sent.sort_by_key(|(_, receipt)| receipt.number());
        sent
    }

    /// The connection is lost, and these are the fates of the requests on it. Calls whose request
    /// may be sent again stay.
    pub(super) fn disconnect(&self, fates: &[(u64, RequestFate)]) {
        self.state.with(|state, deferred| {
            let mut again = Vec::new();
            for (id, fate) in fates {
                let Some(call) = state.calls.get_mut(id) else { continue };
                call.fate = call.fate.max(*fate);
                if call.idempotent || *fate == RequestFate::NotSent {
                    again.push(*id);
                } else {
                    state.fail(*id, CallFailure::Lost, deferred);
                }
            }
            state.requeue(&again);
        });
    }

    /// The calls whose deadline has passed, and the earliest deadline of the others.
    pub(super) fn take_overdue(&self, now: Timestamp) -> (Vec<Judged>, Option<Timestamp>) {
        self.state.with(|state, _| {
            let (mut overdue, mut earliest) = (Vec::new(), None);
            for (id, call) in &mut state.calls {
                match call.due {
                    Some(due) if due <= now => overdue.push((*id, call.receipt.take())),
                    Some(due) => earliest = Some(earliest.map_or(due, |other| due.min(other))),
                    None => {}
                }
            }
            (overdue, earliest)
        })
    }

    /// Accepts no calls from now on, and returns all that wait.
    pub(super) fn close(&self) -> Vec<Judged> {
        self.state.with(|state, _| {
            state.closed = true;
            let calls = state.calls.iter_mut();
            calls.map(|(id, call)| (*id, call.receipt.take())).collect()
        })
    }

    /// Gives calls up. `fates` are those on the current connection.
    pub(super) fn fail(&self, fates: &[(u64, RequestFate)], reason: CallFailure) {
        self.state.with(|state, deferred| {
            for (id, fate) in fates {
                let Some(call) = state.calls.get_mut(id) else { continue };
                call.fate = call.fate.max(*fate);
                state.fail(*id, reason, deferred);
            }
        });
    }
}

impl<R, A> State<R, A> {
    fn add(&mut self, request: &mut Option<R>, options: Options) -> Result<u64, CallFailure> {
        if self.closed {
            return Err(CallFailure::SessionEnded);
        }
        if self.calls.len() >= self.limit {
            return Err(CallFailure::Full);
        }
        let id = self.ids.give().ok_or(CallFailure::Full)?;
        let Options { timeout, idempotent } = options;
        let place = self.unsent.last_key_value().map_or(0, |(place, _)| place + 1);
        let entry = Entry {
            request: request.take(),
            idempotent,
            timeout,
            place: Some(place),
            due: None,
            fate: RequestFate::NotSent,
            receipt: None,
            waker: None,
        };
        self.calls.insert(id, entry);
        self.unsent.insert(place, id);
        Ok(id)
    }

    fn requeue(&mut self, ids: &[u64]) {
        for id in ids.iter().rev() {
            let Some(call) = self.calls.get_mut(id) else { continue };
            let place = self.unsent.first_key_value().map_or(0, |(place, _)| place - 1);
            call.place = Some(place);
            self.unsent.insert(place, *id);
        }
    }

    /// Removes a waiting call.
    fn remove(&mut self, id: u64) -> Option<Entry<R>> {
        let call = self.calls.remove(&id)?;
        if let Some(place) = call.place {
            self.unsent.remove(&place);
        }
        Some(call)
    }

    fn fail(&mut self, id: u64, reason: CallFailure, deferred: &mut Deferred<'_>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        // No value of the application is left in the entry.
        let (request, waker) = (mem::take(&mut call.request), mem::take(&mut call.waker));
        let fate = call.fate;
        self.remove(id);
        let request = request.expect("a message is not made while a call is given up");
        self.outcomes.insert(id, Err(CallError { request, reason, fate }));
        waker.into_iter().for_each(|waker| deferred.wake(waker));
    }
}

#[cfg(test)]
impl<R, A> Table<R, A> {
    pub(super) fn is_empty(&self) -> bool {
        self.state.with(|state, _| {
            let calls = state.calls.is_empty() && state.unsent.is_empty();
            calls && state.outcomes.is_empty() && state.ids.is_unused()
        })
    }
}
