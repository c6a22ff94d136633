//! One call of `setTimeout`: [`Alarm`].

use std::time::Duration;

use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};

use crate::waker_slot::WakerSlot;

/// Wakes a task after some time. Dropping it cancels the call.
#[derive(Debug)]
pub(crate) struct Alarm {
    id: JsValue,
    _callback: Closure<dyn FnMut()>,
}

impl Alarm {
    /// The longest time is 24.8 days. A longer one would overflow in the browser and end at once,
    /// so the task is woken early.
    pub(crate) fn new(after: Duration, slot: &WakerSlot) -> Self {
        let slot = slot.clone();
        let callback = Closure::<dyn FnMut()>::new(move || slot.wake());
        let millis = i32::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
        let id = set_timeout(callback.as_ref().unchecked_ref(), millis);
        Self { id, _callback: callback }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        clear_timeout(&self.id);
    }
}

// The functions of the global scope, because a worker has no `window`.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, millis: i32) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue);
}
