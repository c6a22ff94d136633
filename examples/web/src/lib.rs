//! A session for a page without a framework: JavaScript gets its events as texts, and sends.
//! On other targets this crate is empty.
#![cfg(target_family = "wasm")]

use std::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;
use websocket_heartbeat_web::{Event, Handle, Heartbeat, Lifecycle, connect};

#[wasm_bindgen]
extern "C" {
    /// Shows a line in the page.
    fn show(text: &str);
}

/// A session.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Session {
    handle: Handle,
}

#[wasm_bindgen]
impl Session {
    /// Starts a session, which shows its events in the page.
    ///
    /// # Errors
    ///
    /// If a setting is invalid.
    #[wasm_bindgen(constructor)]
    pub fn new(url: String) -> Result<Self, String> {
        let heartbeat = Heartbeat::idle(Duration::from_secs(20)).message("ping");
        let supervisor = connect(url).heartbeat(heartbeat).build();
        let mut supervisor = supervisor.map_err(|error| error.to_string())?;
        let handle = supervisor.handle();
        let lifecycle = Lifecycle::watch(handle.clone());
        spawn_local(async move {
            while let Some(event) = supervisor.next().await {
                match event {
                    Event::Message(message) => show(message.as_text().unwrap_or("binary")),
                    Event::Open(open) => show(&format!("connection {} is open", open.connection)),
                    Event::Lost(lost) => show(&format!("lost: {}", lost.cause)),
                    Event::Retry(retry) => show(&format!("next attempt in {:?}", retry.delay)),
                    Event::Closed(closed) => show(&format!("closed: {}", closed.reason)),
                    _ => {}
                }
            }
            drop(lifecycle);
        });
        Ok(Self { handle })
    }

    /// Sends a message, or stores it until there is a connection.
    ///
    /// # Errors
    ///
    /// If the outbox is full, or the session is closed.
    pub fn send(&self, text: String) -> Result<(), String> {
        self.handle.try_queue(text).map_err(|error| error.to_string())
    }

    /// Ends the session.
    pub fn close(&self) {
        self.handle.close();
    }
}
