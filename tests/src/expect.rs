//! The next event of a session, which must be of a given kind.

use std::pin::pin;

use futures::{
    Stream, StreamExt,
    future::{Either, select},
};
use websocket_heartbeat::{Closed, Connecting, Event, Lost, Message, Open, Retry};

macro_rules! expect {
    ($($(#[$doc:meta])* $name:ident: $variant:ident($take:expr) -> $output:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        ///
        /// When the next event is another one.
        pub async fn $name(events: &mut (impl Stream<Item = Event> + Unpin)) -> $output {
            match events.next().await {
                Some(Event::$variant(event)) => $take(event),
                other => panic!("expected {}, got {other:?}", stringify!($variant)),
            }
        }
    )*};
}

expect! {
    /// An attempt begins.
    connecting: Connecting(std::convert::identity) -> Connecting;
    /// A connection is open.
    open: Open(|event: Box<_>| *event) -> Open;
    /// The server sent a message.
    message: Message(std::convert::identity) -> Message;
    /// An attempt failed or a connection ended.
    lost: Lost(|event: Box<_>| *event) -> Lost;
    /// The next attempt is scheduled.
    retry: Retry(|event: Box<_>| *event) -> Retry;
    /// The session has ended.
    closed: Closed(|event: Box<_>| *event) -> Closed;
}

/// An attempt that succeeds.
///
/// # Panics
///
/// When the next events are others.
pub async fn connected(events: &mut (impl Stream<Item = Event> + Unpin)) -> Open {
    let connecting = connecting(events).await;
    let open = open(events).await;
    assert_eq!((open.connection, open.attempt), (connecting.connection, connecting.attempt));
    open
}

/// Attempts until one succeeds, each with its events in order. Begins after a `Lost`.
///
/// # Panics
///
/// When the next events are others.
pub async fn reconnected(events: &mut (impl Stream<Item = Event> + Unpin)) -> Open {
    loop {
        let retry = retry(events).await;
        let connecting = connecting(events).await;
        assert_eq!(connecting.attempt, retry.attempt);
        match events.next().await {
            Some(Event::Open(open)) => {
                assert_eq!(open.connection, connecting.connection);
                assert!(open.outage.is_some_and(|outage| outage >= retry.delay), "{open:?}");
                return *open;
            }
            Some(Event::Lost(lost)) => {
                assert_eq!((lost.connection, lost.opened), (connecting.connection, false));
            }
            other => panic!("expected Open or Lost, got {other:?}"),
        }
    }
}

/// Waits for a future while the session has no event.
///
/// # Panics
///
/// When an event comes first.
pub async fn no_event_until<T>(
    events: &mut (impl Stream<Item = Event> + Unpin),
    something: impl Future<Output = T>,
) -> T {
    match select(pin!(something), events.next()).await {
        Either::Left((output, _)) => output,
        Either::Right((event, _)) => panic!("expected nothing, got {event:?}"),
    }
}
