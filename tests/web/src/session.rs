//! A session that a scenario observes: [`Session`].

use std::time::Duration;

use wasm_bindgen_futures::spawn_local;
use websocket_heartbeat_web::{
    Builder, Closed, Constant, Event, Handle, Inbox, Lost, Message, Open, Preset, Request,
    WebTimer, WebTransport, connect,
};

/// A session in a task of its own.
pub(crate) struct Session {
    pub(crate) handle: Handle,
    inbox: Inbox,
}

/// Settings with short delays and the preset `Original`, whose heartbeat is judged at once.
pub(crate) fn original(request: impl Into<Request>) -> Builder<WebTransport, WebTimer> {
    connect(request).preset(Preset::Original).backoff(Constant::new(Duration::from_millis(10)))
}

impl Session {
    pub(crate) fn start(settings: Builder<WebTransport, WebTimer>) -> Result<Self, String> {
        let supervisor = settings.build().map_err(|error| error.to_string())?;
        let (driver, inbox) = supervisor.into_driver(1024).map_err(|error| error.to_string())?;
        let handle = driver.handle();
        spawn_local(driver);
        Ok(Self { handle, inbox })
    }

    /// Starts a session and waits until its connection is open.
    pub(crate) async fn open(settings: Builder<WebTransport, WebTimer>) -> Result<Self, String> {
        let mut session = Self::start(settings)?;
        session.opened().await?;
        Ok(session)
    }

    /// Reads events until `choose` takes one.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        choose: impl Fn(Event) -> Option<T>,
    ) -> Result<T, String> {
        let mut seen = Vec::new();
        while let Some(event) = self.inbox.next().await {
            seen.push(format!("{event:?}"));
            if let Some(chosen) = choose(event) {
                return Ok(chosen);
            }
        }
        Err(format!("the session ended before {what}, after {seen:?}"))
    }

    pub(crate) async fn opened(&mut self) -> Result<Box<Open>, String> {
        let open = |event| if let Event::Open(open) = event { Some(open) } else { None };
        self.until("a connection was open", open).await
    }

    pub(crate) async fn lost(&mut self) -> Result<Box<Lost>, String> {
        let lost = |event| if let Event::Lost(lost) = event { Some(lost) } else { None };
        self.until("a loss", lost).await
    }

    pub(crate) async fn message(&mut self) -> Result<Message, String> {
        let message =
            |event| if let Event::Message(message) = event { Some(message) } else { None };
        self.until("a message", message).await
    }

    pub(crate) async fn closed(&mut self) -> Result<Box<Closed>, String> {
        let closed = |event| if let Event::Closed(closed) = event { Some(closed) } else { None };
        self.until("its end was reported", closed).await
    }

    pub(crate) fn send(&self, message: impl Into<Message>) -> Result<(), String> {
        self.handle.try_queue(message.into()).map_err(|error| error.to_string())
    }

    /// Sends a message and waits until it comes back.
    pub(crate) async fn echo(&mut self, message: impl Into<Message>) -> Result<(), String> {
        let message = message.into();
        self.send(message.clone())?;
        let comes_back = |event| match event {
            Event::Message(back) if back == message => Some(()),
            _ => None,
        };
        self.until("the message came back", comes_back).await
    }
}
