//! Requests, results and their drops are code of the application. They may call the layer, which
//! would deadlock under a lock.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use websocket_heartbeat::calls::{Answer, CallSettings, Caller, Calls};
use websocket_heartbeat_mock::{Runner, Script};

use super::fixture::session;
use crate::harness::{ms, secs};

/// A request or a result that calls the layer when it is dropped.
struct Value {
    text: String,
    place: Place,
    drops: Arc<AtomicU64>,
}

type Place = &'static OnceLock<Caller<Value, Value>>;

impl Value {
    fn visit(&self) {
        if let Some(caller) = self.place.get() {
            let _ = caller.waiting();
            drop(caller.clone());
        }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.visit();
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn requests_and_results_are_dropped_outside_the_lock() {
    let place: Place = Box::leak(Box::default());
    let drops = Arc::<AtomicU64>::default();
    let (clock, _remote, supervisor) = session(|_| {
        Script::accept().end_after(secs(10)).latency(ms(100)).reply_with(|message| {
            let text = message.as_text()?;
            // Some requests are never answered.
            (!text.ends_with("never")).then(|| text.to_owned().into())
        })
    });
    let value = {
        let drops = Arc::clone(&drops);
        move |text: &str| Value { text: text.to_owned(), place, drops: Arc::clone(&drops) }
    };
    let result = value.clone();
    let settings = CallSettings::new(
        |id, request: &Value| {
            request.visit();
            format!("{id} {}", request.text).into()
        },
        move |message| {
            let (id, text) = message.as_text()?.split_once(' ')?;
            Some(Answer::new(id.parse().ok()?, result(text)))
        },
    );
    let handle = supervisor.handle();
    let settings = settings.limit(4).timeout(secs(3));
    let mut layer = Calls::new(supervisor, handle.clone(), clock.timer(), settings).unwrap();
    assert!(place.set(layer.caller()).is_ok());
    let caller = layer.caller();
    let mut runner = Runner::new(&clock);
    runner.spawn(async move { while layer.next().await.is_some() {} }).detach();
    let mut made = 0;
    for round in 0..8 {
        // Answered, timed out or lost, dropped, sent again, refused.
        for text in ["answered", "never", "dropped never", "again", "refused"] {
            made += 1;
            let call = caller.call(value(text));
            let call = if text == "again" { call.idempotent() } else { call };
            let task = runner.spawn(async move { drop(call.await) });
            runner.run_for(ms(20));
            if text.starts_with("dropped") {
                task.cancel();
            }
        }
        runner.run_for(ms(4_000 + round));
    }
    // One call is given up by the end of the session.
    let last = caller.call(value("never"));
    runner.spawn(async move { drop(last.await) }).detach();
    runner.run_for(ms(10));
    handle.abort();
    runner.run_for(ms(10));
    assert_eq!(caller.waiting(), 0);
    let drops = drops.load(Ordering::Relaxed);
    assert!(drops > made + 8, "{drops} requests and results were dropped");
}
