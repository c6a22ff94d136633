//! [`rules!`]: rules with their names and a time limit.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex,
        mpsc::{self, RecvTimeoutError},
    },
    task::Waker,
    thread,
    time::Duration,
};

/// The time limit of a rule. Each takes less than a second. The servers wait for ten seconds.
const LIMIT: Duration = Duration::from_secs(30);

/// Checks rules one after the other. Each is a function with the name of the rule.
macro_rules! rules {
    ($dial:expr, $($($rule:ident)::+),+ $(,)?) => {
        $($crate::conformance::rule::check(
            stringify!($($rule)::+),
            $($rule)::+($dial),
        ).await;)+
    };
}

pub(super) use rules;

/// Checks one rule. If it is broken, its name is printed before the panic.
///
/// # Panics
///
/// If the rule panics, or takes longer than [`LIMIT`].
pub(super) async fn check(name: &str, rule: impl Future<Output = ()>) {
    let _name = Name(name);
    let mut rule = pin!(rule);
    let alarm = Alarm::new();
    poll_fn(|cx| {
        assert!(!alarm.has_expired(cx.waker()), "the rule is not fulfilled after {LIMIT:?}");
        rule.as_mut().poll(cx)
    })
    .await;
}

/// The name of the rule that is being checked.
struct Name<'a>(&'a str);

impl Drop for Name<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("broken rule: {}", self.0.replace(' ', ""));
        }
    }
}

/// Wakes the task after [`LIMIT`], on any executor.
struct Alarm {
    state: Arc<Mutex<AlarmState>>,
    /// Its drop ends the thread.
    _end: mpsc::Sender<()>,
}

#[derive(Default)]
struct AlarmState {
    expired: bool,
    waker: Option<Waker>,
}

impl Alarm {
    fn new() -> Self {
        let (end, ended) = mpsc::channel();
        let state = Arc::<Mutex<AlarmState>>::default();
        let shared = state.clone();
        thread::spawn(move || {
            if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                let mut state = shared.lock().expect("no panic under this lock");
                state.expired = true;
                if let Some(waker) = state.waker.take() {
                    waker.wake();
                }
            }
        });
        Self { state, _end: end }
    }

    fn has_expired(&self, waker: &Waker) -> bool {
        let mut state = self.state.lock().expect("no panic under this lock");
        state.waker = Some(waker.clone());
        state.expired
    }
}
