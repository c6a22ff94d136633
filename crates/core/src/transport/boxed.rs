//! Transports behind one pointer, to be swapped between attempts: [`BoxTransport`].

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;

use super::{Attempt, Connection, Established, Transport};
use crate::{
    error::{ErrorKind, TransportError},
    sync::Guarded,
};

/// A connection behind one pointer.
pub type BoxConnection = Pin<Box<dyn Connection + Send>>;

/// The object-safe form of [`Transport`]. Every transport whose parts are `Send` has it; implement
/// it by hand to write the connecting as an `async fn`.
///
/// ```
/// use websocket_heartbeat::{
///     Attempt, BoxConnection, BoxTransport, DynTransport, ErrorKind, Established, TransportError,
/// };
///
/// struct AirplaneMode;
///
/// #[async_trait::async_trait]
/// impl DynTransport for AirplaneMode {
///     async fn connect_boxed(
///         &mut self,
///         _: Attempt,
///     ) -> Result<Established<BoxConnection>, TransportError> {
///         Err(TransportError::new(ErrorKind::Unreachable, "airplane mode"))
///     }
/// }
///
/// let transport = BoxTransport::new(AirplaneMode);
/// ```
#[async_trait]
pub trait DynTransport: Send {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Says why it could not.
    async fn connect_boxed(
        &mut self,
        attempt: Attempt,
    ) -> Result<Established<BoxConnection>, TransportError>;

    /// As [`Transport::can_ping`].
    fn can_ping(&self) -> bool {
        true
    }
}

#[async_trait]
impl<T> DynTransport for T
where
    T: Transport<Connection: Send + 'static, Connect: Send> + Send,
{
    async fn connect_boxed(
        &mut self,
        attempt: Attempt,
    ) -> Result<Established<BoxConnection>, TransportError> {
        let connect = self.connect(attempt);
        Ok(connect.await?.map(|connection| Box::pin(connection) as BoxConnection))
    }

    fn can_ping(&self) -> bool {
        Transport::can_ping(self)
    }
}

/// A transport behind one pointer, which can be swapped for another while a session runs.
///
/// Clones share what is inside: keep one, give the other to the supervisor, and
/// [`replace`](Self::replace) what the next attempt will use. The connection that there is stays;
/// [`Handle::reconnect_now`](crate::Handle::reconnect_now) replaces it.
///
/// It is for transports that are `Send`; one that is not can be used as it is.
#[derive(Clone)]
pub struct BoxTransport {
    place: Arc<Guarded<Place>>,
}

struct Place {
    /// `None` while an attempt is under way with it.
    transport: Option<Box<dyn DynTransport>>,
    can_ping: bool,
    /// How often it was replaced: an older one does not come back.
    version: u64,
}

impl BoxTransport {
    /// Boxes a transport.
    pub fn new(transport: impl DynTransport + 'static) -> Self {
        let can_ping = transport.can_ping();
        let transport: Option<Box<dyn DynTransport>> = Some(Box::new(transport));
        Self { place: Arc::new(Guarded::new(Place { transport, can_ping, version: 0 })) }
    }

    /// Lets the next attempt, and those after it, use this transport instead.
    pub fn replace(&self, transport: impl DynTransport + 'static) {
        let can_ping = transport.can_ping();
        let transport: Box<dyn DynTransport> = Box::new(transport);
        let old = self.place.with(|place, _| {
            place.can_ping = can_ping;
            place.version += 1;
            place.transport.replace(transport)
        });
        // The application's, so it is dropped outside of the lock.
        drop(old);
    }
}

impl Transport for BoxTransport {
    type Connection = BoxConnection;
    type Connect =
        Pin<Box<dyn Future<Output = Result<Established<BoxConnection>, TransportError>> + Send>>;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        let place = Arc::clone(&self.place);
        Box::pin(async move {
            let mut taken = Taken::from(place);
            match &mut taken.transport {
                Some(transport) => transport.connect_boxed(attempt).await,
                None => {
                    let words = "this boxed transport is connecting for another supervisor";
                    Err(TransportError::new(ErrorKind::Other, words))
                }
            }
        })
    }

    fn can_ping(&self) -> bool {
        self.place.with(|place, _| place.can_ping)
    }
}

/// A transport at work. It goes back to its place when the attempt is over or abandoned, unless
/// another has come there.
struct Taken {
    place: Arc<Guarded<Place>>,
    transport: Option<Box<dyn DynTransport>>,
    version: u64,
}

impl Taken {
    fn from(place: Arc<Guarded<Place>>) -> Self {
        let (transport, version) = place.with(|place, _| (place.transport.take(), place.version));
        Self { place, transport, version }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // One that does not go back is dropped after this, outside of the lock.
        self.place.with(|place, _| {
            if place.version == self.version && place.transport.is_none() {
                place.transport = self.transport.take();
            }
        });
    }
}

impl fmt::Debug for BoxTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxTransport").finish_non_exhaustive()
    }
}
