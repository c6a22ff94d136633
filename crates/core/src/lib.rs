//! The WebSocket client that never silently dies.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backlog;
mod backoff;
mod before_open;
mod boxed;
mod budget;
mod builder;
mod endpoints;
mod error;
mod event;
mod handle;
mod headers;
mod heartbeat;
pub mod hooks;
mod inbox;
mod limits;
mod machine;
mod message;
mod outbox;
mod preset;
mod queue;
mod receipt;
mod shared;
mod status;
mod supervisor;
mod text;
mod time;
mod transport;
mod verdict;
mod wakers;

pub use bytes::Bytes;

#[cfg(feature = "futures-timer")]
pub use self::time::FuturesTimer;
pub use self::{
    backoff::{Backoff, Constant, Exponential, ExponentialDelays},
    before_open::{BeforeOpen, Opening, RawConnection, before_open},
    boxed::{BoxConnection, BoxTransport, DynTransport},
    budget::DialBudget,
    builder::Builder,
    endpoints::Endpoints,
    error::{ConfigError, ErrorKind, HttpAnswer, QueueError, SessionClosed, TransportError},
    event::{
        CloseReason, Closed, Connecting, DropReason, Event, Fate, Lost, LostCause, Open, Retry,
    },
    handle::{Handle, Outgoing, Queuing, StatusChanges},
    headers::Headers,
    heartbeat::{Heartbeat, Life},
    inbox::{Driver, Inbox},
    limits::{Attempts, ConnectTimeout},
    message::{CloseFrame, Frame, Message},
    outbox::{Offline, Outbox, WhenFull},
    preset::Preset,
    receipt::Receipt,
    status::{Counters, Losses, Phase, RoundTrip, Status},
    supervisor::Supervisor,
    text::Text,
    time::{Timer, Timestamp},
    transport::{Attempt, Connection, Established, Transport, TransportFn, transport_fn},
    verdict::{Failure, Verdict},
};
