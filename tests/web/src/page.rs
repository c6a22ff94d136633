//! The page and its server, as scenarios use them: [`Server`], [`devtools`], [`event`].

use std::time::Duration;

use futures::channel::oneshot;
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::EventTarget;
use websocket_heartbeat_web::{Timer, WebTimer};

use crate::scenarios::Outcome;

/// The WebSocket server `tests/servers/node_ws.js`.
pub(crate) struct Server {
    address: String,
}

impl Server {
    pub(crate) fn new(address: String) -> Self {
        Self { address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Waits until the server reports the end of a connection to this path. Returns its close code
    /// and reason.
    pub(crate) async fn closed(&self, path: &str) -> Result<(u16, String), String> {
        let code = format!("fetch('/closed{path}').then(answer => answer.text())");
        let answer = evaluate(&code).await.map_err(shown)?.as_string().unwrap_or_default();
        let (code, reason) = answer.split_once(' ').ok_or("no close code")?;
        Ok((code.parse().map_err(|_| "no number")?, reason.to_owned()))
    }
}

/// Runs JavaScript. Returns its value, or that of its promise.
pub(crate) async fn evaluate(code: &str) -> Result<JsValue, JsValue> {
    let value = js_sys::eval(code)?;
    match value.dyn_into::<js_sys::Promise>() {
        Ok(promise) => JsFuture::from(promise).await,
        Err(value) => Ok(value),
    }
}

pub(crate) fn shown(thrown: JsValue) -> String {
    format!("{thrown:?}")
}

pub(crate) fn document() -> EventTarget {
    global("document")
}

pub(crate) fn window() -> EventTarget {
    global("window")
}

fn global(name: &str) -> EventTarget {
    js_sys::Reflect::get(&js_sys::global(), &name.into()).unwrap_or_default().unchecked_into()
}

/// Waits for events with these names, in any order, after `act`.
pub(crate) async fn events(expected: &[(&EventTarget, &str)], act: impl FnOnce()) -> Outcome {
    let mut waiting = Vec::new();
    for (target, name) in expected {
        let (sender, receiver) = oneshot::channel();
        let callback = Closure::once(move || {
            let _ = sender.send(());
        });
        target
            .add_event_listener_with_callback(name, callback.as_ref().unchecked_ref())
            .map_err(shown)?;
        waiting.push((receiver, callback));
    }
    act();
    for (receiver, _callback) in &mut waiting {
        receiver.await.map_err(|_| "the event was lost")?;
    }
    Ok(())
}

pub(crate) async fn sleep(time: Duration) {
    let timer = WebTimer::new();
    timer.sleep_until(timer.now().checked_add(time).expect("a short time")).await;
}

#[wasm_bindgen]
extern "C" {
    /// Asks the runner for a command of the DevTools. It works in pages only.
    pub(crate) fn devtools(command: &str);
}
