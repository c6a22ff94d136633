//! The backends behind one trait, so that a test is written once.

use websocket_heartbeat::{Builder, Established, Supervisor, Timer, Transport, TransportError};
use websocket_heartbeat_tungstenite::{Dialer, Network, Request};

/// A backend with its executor.
pub trait Backend: 'static {
    /// Its name.
    const NAME: &'static str;
    /// Its transport.
    type Transport: Transport + 'static;
    /// Its timer.
    type Timer: Timer + 'static;
    /// Its sockets.
    type Network: Network + Default + Sync + 'static;

    /// The backend's own `connect`.
    fn connect(request: Request) -> Builder<Self::Transport, Self::Timer>;

    /// The backend's own `dial`.
    fn dial(request: &Request) -> impl Future<Output = Dialed<Self>> {
        async move { Self::dial_by(&Dialer::new(), request).await }
    }

    /// The backend's own `dial`, with the settings of a dialer.
    fn dial_by(dialer: &Dialer, request: &Request) -> impl Future<Output = Dialed<Self>>;

    /// The backend's own timer.
    fn timer() -> Self::Timer;

    /// Runs a future on this thread.
    fn block_on<F: Future>(future: F) -> F::Output;
}

/// The result of a backend's `dial`.
pub type Dialed<B> =
    Result<Established<<<B as Backend>::Transport as Transport>::Connection>, TransportError>;

/// The supervisor of a backend.
pub type Supervised<B> = Supervisor<<B as Backend>::Transport, <B as Backend>::Timer>;

/// smol.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "a type of no values")]
pub enum Smol {}

impl Backend for Smol {
    const NAME: &'static str = "smol";
    type Transport = websocket_heartbeat_smol::SmolTransport;
    type Timer = websocket_heartbeat_smol::SmolTimer;
    type Network = websocket_heartbeat_smol::Smol;

    fn connect(request: Request) -> Builder<Self::Transport, Self::Timer> {
        websocket_heartbeat_smol::connect(request).expect("a request needs no conversion")
    }

    async fn dial_by(dialer: &Dialer, request: &Request) -> Dialed<Self> {
        websocket_heartbeat_smol::dial(request, dialer).await
    }

    fn timer() -> Self::Timer {
        websocket_heartbeat_smol::SmolTimer::new()
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        async_io::block_on(future)
    }
}

/// async-std.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "a type of no values")]
pub enum AsyncStd {}

impl Backend for AsyncStd {
    const NAME: &'static str = "async-std";
    type Transport = websocket_heartbeat_async_std::AsyncStdTransport;
    type Timer = websocket_heartbeat_async_std::AsyncStdTimer;
    type Network = websocket_heartbeat_async_std::AsyncStd;

    fn connect(request: Request) -> Builder<Self::Transport, Self::Timer> {
        websocket_heartbeat_async_std::connect(request).expect("a request needs no conversion")
    }

    async fn dial_by(dialer: &Dialer, request: &Request) -> Dialed<Self> {
        websocket_heartbeat_async_std::dial(request, dialer).await
    }

    fn timer() -> Self::Timer {
        websocket_heartbeat_async_std::AsyncStdTimer::new()
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        async_std::task::block_on(future)
    }
}

/// tokio, one thread.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "a type of no values")]
pub enum Tokio {}

impl Backend for Tokio {
    const NAME: &'static str = "tokio";
    type Transport = websocket_heartbeat_tokio::TokioTransport;
    type Timer = websocket_heartbeat_tokio::TokioTimer;
    type Network = websocket_heartbeat_tokio::Tokio;

    fn connect(request: Request) -> Builder<Self::Transport, Self::Timer> {
        websocket_heartbeat_tokio::connect(request).expect("a request needs no conversion")
    }

    async fn dial_by(dialer: &Dialer, request: &Request) -> Dialed<Self> {
        websocket_heartbeat_tokio::dial(request, dialer).await
    }

    fn timer() -> Self::Timer {
        websocket_heartbeat_tokio::TokioTimer::new()
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(future)
    }
}
