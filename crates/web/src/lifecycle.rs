//! Reactions to the events of the page: [`Lifecycle`].

use std::rc::Rc;

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Event, EventTarget, PageTransitionEvent, VisibilityState};
use websocket_heartbeat::{Handle, Phase};

use crate::listener::Listener;

/// Checks a session when the page or its network comes back. Keep it as long as the session.
///
/// A browser delays the timers of a hidden page, stops those of a frozen page, and can close the
/// connections of both. Without this value, a session notices that at its next deadline.
///
/// | event | of | meaning |
/// |---|---|---|
/// | `visibilitychange`, to visible | document | the page was hidden |
/// | `resume` | document | the page was frozen |
/// | `pageshow`, of a kept page | global scope | the user has navigated back to the page |
/// | `online` | global scope | the system has a network again |
/// | `offline` | global scope | the system has lost its network |
///
/// At each of them an open connection is probed, as by [`Handle::probe_now`]: by the message of the
/// heartbeat, or, without one, by a short wait for [`Silent`](crate::Silent). At each of them but
/// `offline`, a session that waits for its next attempt begins that attempt now, as by
/// [`Handle::reconnect_now`]. In other phases nothing happens. A freeze needs no reaction, since a
/// frozen page does nothing until `resume`.
///
/// A worker has only `online` and `offline`. Elsewhere missing objects are ignored.
///
/// # Drop behaviour
///
/// Dropping it removes all listeners. The session goes on.
///
/// # Panics
///
/// Without JavaScript.
#[derive(Debug)]
#[must_use = "dropping it removes the listeners"]
pub struct Lifecycle {
    _listeners: Vec<Listener>,
}

impl Lifecycle {
    /// Begins to listen for the session of this handle.
    pub fn watch(handle: Handle) -> Self {
        let handle = Rc::new(handle);
        let listen = |target: &EventTarget, name, is_return: fn(&Event) -> bool| {
            let handle = Rc::clone(&handle);
            Listener::new(target, name, move |event| {
                if is_return(&event) {
                    returned(&handle);
                }
            })
        };
        let global = js_sys::global();
        let mut listeners = Vec::new();
        if let Some(global) = global.dyn_ref::<EventTarget>() {
            listeners.push(listen(global, "online", |_| true));
            listeners.push(listen(global, "pageshow", was_kept));
            let handle = Rc::clone(&handle);
            listeners.push(Listener::new(global, "offline", move |_| handle.probe_now()));
        }
        let document = Reflect::get(&global, &JsValue::from_str("document")).unwrap_or_default();
        if let Some(document) = document.dyn_ref::<Document>() {
            listeners.push(listen(document, "resume", |_| true));
            listeners.push(listen(document, "visibilitychange", is_visible));
        }
        Self { _listeners: listeners }
    }
}

fn returned(handle: &Handle) {
    match handle.status().phase {
        Phase::Open => handle.probe_now(),
        Phase::Waiting => handle.reconnect_now(),
        _ => {}
    }
}

fn was_kept(event: &Event) -> bool {
    event.dyn_ref().is_some_and(PageTransitionEvent::persisted)
}

fn is_visible(event: &Event) -> bool {
    let document = event.target().and_then(|target| target.dyn_into::<Document>().ok());
    document.is_some_and(|document| document.visibility_state() == VisibilityState::Visible)
}
