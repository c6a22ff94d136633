//! The clock of JavaScript: [`WebTimer`].

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use websocket_heartbeat::{Timer, Timestamp};

use crate::{alarm::Alarm, waker_slot::WakerSlot};

/// A [`Timer`] over `performance.now` and `setTimeout`.
///
/// It works in pages and in workers. Browsers make timers of hidden pages slow, see the
/// [crate documentation](crate). Whether the clock continues while the machine is suspended depends
/// on browser and system. [`Lifecycle`](crate::Lifecycle) checks the connection after a suspend.
///
/// Random times get their seed from `crypto.getRandomValues`, or from `Math.random` where there is
/// no `crypto`.
///
/// # Panics
///
/// Without JavaScript, all functions panic.
#[derive(Clone, Debug)]
pub struct WebTimer {
    /// The milliseconds of the clock at the epoch of the timestamps.
    epoch: f64,
}

impl WebTimer {
    /// Makes a timer whose epoch is now.
    pub fn new() -> Self {
        Self { epoch: millis() }
    }
}

impl Default for WebTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for WebTimer {
    type Sleep = WebSleep;

    fn now(&self) -> Timestamp {
        let micros = (millis() - self.epoch) * 1_000.0;
        Timestamp::from_epoch(Duration::from_micros(micros as u64))
    }

    fn sleep_until(&self, deadline: Timestamp) -> WebSleep {
        WebSleep { timer: self.clone(), deadline, slot: WakerSlot::default(), alarm: None }
    }

    fn entropy(&self) -> u64 {
        let mut bytes = [0; 8];
        match get_random_values(&mut bytes) {
            Ok(_) => u64::from_ne_bytes(bytes),
            Err(_) => js_sys::Math::random().to_bits(),
        }
    }
}

/// A sleep of [`WebTimer`]. Dropping it cancels it.
#[derive(Debug)]
pub struct WebSleep {
    timer: WebTimer,
    deadline: Timestamp,
    slot: WakerSlot,
    alarm: Option<Alarm>,
}

impl Future for WebSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let remaining = self.deadline.saturating_since(self.timer.now());
        if remaining.is_zero() {
            self.alarm = None;
            return Poll::Ready(());
        }
        self.slot.register(cx.waker());
        self.alarm = Some(Alarm::new(remaining, &self.slot));
        Poll::Pending
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn millis() -> f64;

    // It throws if there is no `crypto`, or if the memory is shared between threads.
    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]) -> Result<JsValue, JsValue>;
}
