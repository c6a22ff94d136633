//! Type-erased transports, which can be replaced while a session runs: [`BoxTransport`].

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;

use super::{Attempt, Connection, Established, Transport};
use crate::{
    error::{ErrorKind, TransportError},
    sync::Guarded,
};

/// A type-erased connection.
pub type BoxConnection = Pin<Box<dyn Connection + Send>>;

/// The object-safe form of [`Transport`]. Every transport whose parts are `Send` implements it.
/// Implement it directly to write an attempt as an `async fn`:
///
/// ```
/// use websocket_heartbeat::{
///     Attempt, BoxTransport, ErrorKind, Established, TransportError,
///     backend::{BoxConnection, DynTransport},
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
    /// Makes one attempt, like [`Transport::connect`].
    ///
    /// # Errors
    ///
    /// If the attempt fails.
    async fn connect_boxed(
        &mut self,
        attempt: Attempt,
    ) -> Result<Established<BoxConnection>, TransportError>;

    /// Like [`Transport::can_ping`].
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

/// A type-erased transport, which can be replaced while a session runs.
///
/// Clones share the transport inside. Give one to the supervisor, keep another, and call
/// [`replace`](Self::replace) to change the transport of the next attempt. The current connection
/// stays; [`Handle::reconnect_now`](crate::Handle::reconnect_now) replaces it.
///
/// One transport serves one supervisor: while an attempt is under way, an attempt of another
/// supervisor with the same transport fails.
///
/// The transport inside must be `Send`. A supervisor also works with transports that are not
/// `Send`, but they cannot be boxed.
///
/// # Example
///
/// ```
/// use futures::StreamExt;
/// use websocket_heartbeat::{BoxTransport, Event, Supervisor};
///
/// # use websocket_heartbeat_mock::{Clock, Script, mock, run};
/// # let clock = Clock::new();
/// # let timer = clock.timer();
/// # let ((blue, blue_server), (green, green_server)) = (mock(&clock), mock(&clock));
/// # blue_server.script(|_| Script::accept());
/// # green_server.script(|_| Script::accept());
/// let transport = BoxTransport::new(blue);
/// let mut supervisor = Supervisor::builder(transport.clone(), timer).build()?;
/// let handle = supervisor.handle();
/// let mut green = Some(green);
/// # run(&clock, async {
/// while let Some(event) = supervisor.next().await {
///     if let Event::Open(_) = event {
///         match green.take() {
///             Some(green) => {
///                 transport.replace(green);
///                 handle.reconnect_now();
///             }
///             None => handle.close(),
///         }
///     }
/// }
/// # });
/// # assert_eq!((blue_server.dials().len(), green_server.dials().len()), (1, 1));
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct BoxTransport {
    place: Arc<Guarded<Place>>,
}

/// The transport, unless an attempt uses it.
struct Place {
    transport: Option<Box<dyn DynTransport>>,
    /// The number of replacements, so that an older transport is not put back.
    version: u64,
}

impl BoxTransport {
    /// Boxes a transport.
    pub fn new(transport: impl DynTransport + 'static) -> Self {
        let transport: Option<Box<dyn DynTransport>> = Some(Box::new(transport));
        Self { place: Arc::new(Guarded::new(Place { transport, version: 0 })) }
    }

    /// Sets the transport for all attempts that begin after this call.
    pub fn replace(&self, transport: impl DynTransport + 'static) {
        let transport: Box<dyn DynTransport> = Box::new(transport);
        let old = self.place.with(|place, _| {
            place.version += 1;
            place.transport.replace(transport)
        });
        // It is a value of the application, so it is dropped outside of the lock.
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
            let mut taken = Taken::out_of(place);
            match &mut taken.transport {
                Some(transport) => transport.connect_boxed(attempt).await,
                None => {
                    let words = "this boxed transport is connecting for another supervisor";
                    Err(TransportError::new(ErrorKind::Other, words))
                }
            }
        })
    }

    /// Calls the transport inside, outside of the lock. Returns `true` while another supervisor
    /// uses the transport.
    fn can_ping(&self) -> bool {
        let taken = Taken::out_of(Arc::clone(&self.place));
        taken.transport.as_ref().is_none_or(|transport| transport.can_ping())
    }
}

/// A transport in use. Dropping this puts it back, unless it was replaced in the meantime.
struct Taken {
    place: Arc<Guarded<Place>>,
    transport: Option<Box<dyn DynTransport>>,
    version: u64,
}

impl Taken {
    fn out_of(place: Arc<Guarded<Place>>) -> Self {
        let (transport, version) = place.with(|place, _| (place.transport.take(), place.version));
        Self { place, transport, version }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // A replaced transport is dropped after this, outside of the lock.
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
