//! The table with random callers and a random layer. A future that was not woken since its last poll
//! must still be pending, and at the end all are ready.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use proptest::prelude::*;

use super::{
    caller::{Call, Caller},
    error::{CallFailure, RequestFate},
    settings::Answer,
    table::{Options, Table},
};
use crate::{
    config::OutboxSettings, handle::Handle, outbox::Outbox, shared::Shared, sync::WakeCounter,
    time::Timestamp,
};

#[derive(Clone, Debug)]
enum Op {
    Call {
        timeout: u64,
        idempotent: bool,
    },
    Poll {
        which: usize,
        other_task: bool,
    },
    Drop {
        which: usize,
    },
    /// The layer looks for new calls, and stamps them.
    Stamp,
    /// The layer gives up calls whose deadline has passed.
    Expire {
        after: u64,
    },
    Fail {
        id: u64,
        reason: CallFailure,
    },
    /// The layer makes messages, and the connection refuses them.
    Refuse,
    /// All requests are written, the connection is lost, and an answer arrives on the next one.
    LoseAndAnswer {
        id: u64,
    },
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    let reason = prop_oneof![Just(CallFailure::Lost), Just(CallFailure::Timeout)];
    prop_oneof![
        60 => (0..9_u64, any::<bool>())
            .prop_map(|(timeout, idempotent)| Op::Call { timeout, idempotent }),
        50 => (0..6_usize, any::<bool>())
            .prop_map(|(which, other_task)| Op::Poll { which, other_task }),
        20 => (0..6_usize).prop_map(|which| Op::Drop { which }),
        30 => Just(Op::Stamp),
        20 => (0..4_u64).prop_map(|after| Op::Expire { after }),
        20 => (1..8_u64, reason).prop_map(|(id, reason)| Op::Fail { id, reason }),
        20 => Just(Op::Refuse),
        10 => (1..8_u64).prop_map(|id| Op::LoseAndAnswer { id }),
        1 => Just(Op::Close),
    ]
}

/// A pending call and its task.
struct Waiting {
    call: Call<String, String>,
    task: Arc<WakeCounter>,
}

impl Waiting {
    fn is_woken(&self) -> bool {
        self.task.is_woken()
    }

    fn is_ready(&mut self) -> bool {
        self.task.take();
        match Pin::new(&mut self.call).poll(&mut Context::from_waker(&self.task.waker())) {
            Poll::Ready(Err(error)) => {
                assert_eq!(error.request, "request", "the request is returned");
                true
            }
            Poll::Ready(Ok(_)) => true,
            Poll::Pending => false,
        }
    }
}

struct World {
    table: Arc<Table<String, String>>,
    caller: Caller<String, String>,
    calls: Vec<Waiting>,
    now: Timestamp,
    /// The time of the layer's sleep.
    earliest: Option<Timestamp>,
    limit: usize,
}

impl World {
    fn new(limit: usize, max_id: u64) -> Self {
        let table = Arc::new(Table::new(limit, max_id));
        let outbox = Outbox::new(OutboxSettings::new());
        let handle = Handle::new(Arc::new(Shared::new(outbox, Timestamp::EPOCH)));
        let caller = Caller::new(&table, &handle, Duration::from_secs(30));
        Self { table, caller, calls: Vec::new(), now: Timestamp::EPOCH, earliest: None, limit }
    }

    fn poll(&mut self, which: usize) {
        if self.calls.get_mut(which).is_some_and(Waiting::is_ready) {
            drop(self.calls.remove(which));
        }
    }

    fn stamp(&mut self) {
        if self.table.take_new()
            && let Some(due) = self.table.stamp(self.now)
        {
            self.earliest = Some(self.earliest.map_or(due, |earliest| earliest.min(due)));
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Call { timeout, idempotent } => {
                let call = self.caller.call("request".to_owned());
                let call = call.timeout(Duration::from_secs(timeout));
                let call = if idempotent { call.idempotent() } else { call };
                self.calls.push(Waiting { call, task: Arc::default() });
                self.poll(self.calls.len() - 1);
            }
            Op::Poll { which, other_task } => {
                if let Some(waiting) = self.calls.get_mut(which).filter(|_| other_task) {
                    waiting.task = Arc::default();
                }
                self.poll(which);
            }
            Op::Drop { which } if which < self.calls.len() => drop(self.calls.remove(which)),
            Op::Drop { .. } => {}
            Op::Stamp => self.stamp(),
            Op::Expire { after } => {
                self.now = self.now.checked_add(Duration::from_secs(after)).unwrap();
                self.expire();
            }
            Op::Fail { id, reason } => self.table.fail(&[(id, RequestFate::Unknown)], reason),
            Op::Refuse => {
                let ids = self.make_requests();
                self.table.requeue(&ids);
            }
            Op::LoseAndAnswer { id } => {
                let ids = self.make_requests().into_iter();
                let fates: Vec<_> = ids.map(|id| (id, RequestFate::Written)).collect();
                self.table.disconnect(&fates);
                let answer = Answer::new(id, "result".to_owned());
                let _: Option<Answer<String>> = self.table.answer(answer, |_, _| true);
            }
            Op::Close => self.close(),
        }
    }

    fn make_requests(&self) -> Vec<u64> {
        let mut ids = Vec::new();
        while let Some((id, request)) = self.table.take_unsent() {
            self.table.put_back(id, request);
            ids.push(id);
        }
        ids
    }

    fn expire(&mut self) {
        if self.earliest.is_some_and(|earliest| earliest <= self.now) {
            let (overdue, earliest) = self.table.take_overdue(self.now);
            self.earliest = earliest;
            let fates: Vec<_> =
                overdue.into_iter().map(|(id, _)| (id, RequestFate::NotSent)).collect();
            self.table.fail(&fates, CallFailure::Timeout);
        }
    }

    fn close(&self) {
        let fates: Vec<_> =
            self.table.close().into_iter().map(|(id, _)| (id, RequestFate::NotSent)).collect();
        self.table.fail(&fates, CallFailure::SessionEnded);
    }

    fn check(&mut self) {
        for (index, waiting) in self.calls.iter_mut().enumerate() {
            let ready = !waiting.is_woken() && waiting.is_ready();
            assert!(!ready, "call {index} was not woken");
        }
        assert!(self.caller.waiting() <= self.limit);
        let pending = self.calls.iter().filter(|waiting| !waiting.is_woken()).count();
        assert_eq!(self.caller.waiting(), pending, "each waiting call has a future");
    }

    /// All calls end by time alone.
    fn finish(&mut self) {
        self.stamp();
        self.now = self.now.checked_add(Duration::from_secs(9)).unwrap();
        self.expire();
        self.check();
        for which in (0..self.calls.len()).rev() {
            self.poll(which);
        }
        assert!(self.calls.is_empty(), "all calls are ready");
        assert!(self.table.is_empty(), "nothing is left in the table");
    }
}

/// This many cases, or `PROPTEST_CASES` if that is larger.
fn at_least(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(cases), ..config }
}

proptest! {
    #![proptest_config(at_least(2_000))]

    #[test]
    fn a_call_that_is_not_woken_is_pending_and_each_ends_in_time(
        limit in 1..5_usize,
        max_id in 1..9_u64,
        ops in prop::collection::vec(op(), 0..80),
    ) {
        let mut world = World::new(limit, max_id);
        for op in ops {
            world.apply(op);
            world.check();
        }
        world.finish();
    }
}

#[test]
fn ids_are_not_given_twice_at_a_time() {
    let table = Table::<_, ()>::new(4, 3);
    let options = Options { timeout: Duration::from_secs(1), idempotent: false };
    let add = || table.add("request", options).map_err(|error| error.reason);
    assert_eq!([add(), add(), add()], [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(add(), Err(CallFailure::Full), "no id is free");
    drop(table.forget(2));
    assert_eq!(add(), Ok(2));
    // An outcome that was not read keeps its id.
    table.fail(&[(1, RequestFate::NotSent)], CallFailure::Timeout);
    assert_eq!(add(), Err(CallFailure::Full));
    drop(table.forget(1));
    assert_eq!(add(), Ok(1));
}

#[test]
fn an_answer_to_a_request_that_was_not_sent_is_given_back() {
    let table = Table::new(4, 9);
    let options = Options { timeout: Duration::from_secs(1), idempotent: true };
    let id = table.add("request", options).unwrap();
    let answered = || table.answer(Answer::new(id, ()), |_, _| true).is_none();
    assert!(!answered(), "no connection had it");
    table.disconnect(&[(id, RequestFate::NotSent)]);
    assert!(!answered(), "it was queued, and not handed over");
    table.disconnect(&[(id, RequestFate::Unknown)]);
    assert!(answered());
    assert!(!answered(), "there is one answer");
}

/// It may be added by another thread, after the layer has looked for new calls.
#[test]
fn a_request_is_not_sent_before_its_call_has_a_deadline() {
    let table = Table::<_, ()>::new(4, 9);
    let options = Options { timeout: Duration::from_secs(5), idempotent: false };
    table.add("request", options).unwrap();
    assert_eq!(table.take_unsent(), None);
    assert_eq!(table.stamp(Timestamp::EPOCH), Some(Timestamp::from_epoch(options.timeout)));
    assert_eq!(table.take_unsent(), Some((1, "request")));
}

/// Requests and results need not be `Sync`.
#[test]
fn callers_and_calls_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    type Value = std::cell::Cell<u32>;
    is_send::<Caller<Value, Value>>();
    is_sync::<Caller<Value, Value>>();
    is_send::<Call<Value, Value>>();
}
