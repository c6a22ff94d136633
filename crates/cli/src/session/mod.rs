//! A session that runs on a separate thread, so that heartbeats continue while output is blocked.

mod options;

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
    thread,
    time::Duration,
};

use futures::{
    FutureExt, Stream, StreamExt,
    channel::mpsc::{Receiver, Sender, channel},
};
use websocket_heartbeat_smol::{
    Driver, Event, Handle, Inbox, InboxSettings, SmolTimer, Supervisor, Transport,
    future::StatusChanges,
};

pub(crate) use self::options::{HeartbeatKind, SessionOptions};

/// The maximum number of unread messages. If it is reached, the server has to wait, and after a close
/// further messages are discarded: so there is room for the answers to many short lines. Each message
/// takes some hundred bytes in addition to its payload.
const INBOX: usize = 131_072;

/// The maximum size of all unread messages. One message of any size may exceed it.
const INBOX_BYTES: usize = 16 << 20;

/// The maximum number of heartbeats that wait to be printed: a quarter of an hour of the default
/// interval.
const HEARTBEATS: usize = 64;

/// A stream of the session's events and of its heartbeats, in their order.
pub(crate) struct Session {
    inbox: Inbox,
    /// Filled by the session's thread.
    heartbeats: Receiver<Heartbeat>,
    /// Heartbeats of a connection whose `Open` was not returned yet.
    early: VecDeque<Heartbeat>,
    /// The connection of the last `Open` that was returned.
    opened: u64,
    /// The `Closed` event. It is returned after all heartbeats.
    closed: Option<Event>,
}

/// An item of [`Session`].
pub(crate) enum SessionEvent {
    Event(Event),
    /// A heartbeat was sent on the connection with this number.
    Probe(u64),
    Heartbeat(AnsweredHeartbeat),
}

/// News of a heartbeat.
enum Heartbeat {
    Sent { connection: u64 },
    Answered(AnsweredHeartbeat),
}

impl Heartbeat {
    fn connection(&self) -> u64 {
        match self {
            Self::Sent { connection } => *connection,
            Self::Answered(answered) => answered.connection,
        }
    }
}

/// The heartbeats that [`Session`] returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heartbeats {
    Answered,
    SentAndAnswered,
}

/// A heartbeat was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnsweredHeartbeat {
    pub(crate) connection: u64,
    /// `None` if a later heartbeat was answered before this one was measured.
    pub(crate) round_trip: Option<Duration>,
}

impl Session {
    /// Starts the thread, which ends with the session.
    pub(crate) fn start<T>(
        supervisor: Supervisor<T, SmolTimer>,
        reported: Heartbeats,
    ) -> io::Result<(Self, Handle)>
    where
        T: Transport<Connection: Send, Connect: Send> + Send + 'static,
    {
        let handle = supervisor.handle();
        let inbox = InboxSettings::new(INBOX).bytes(INBOX_BYTES);
        let (driver, inbox) = supervisor.into_driver(inbox).map_err(io::Error::other)?;
        let (sender, heartbeats) = channel(HEARTBEATS);
        let changes = handle.status_changes();
        thread::Builder::new()
            .name("session".into())
            .spawn(move || async_io::block_on(drive(driver, changes, sender, reported)))?;
        let session = Self { inbox, heartbeats, early: VecDeque::new(), opened: 0, closed: None };
        Ok((session, handle))
    }
}

/// The error of a stream of events that ended without `Closed`.
pub(crate) fn thread_ended() -> io::Error {
    io::Error::other("the session thread ended unexpectedly; this is a bug in wsbeat")
}

/// Drives the session and reads each published status, so that no heartbeat is missed.
async fn drive<T: Transport>(
    driver: Driver<T, SmolTimer>,
    mut changes: StatusChanges,
    mut heartbeats: Sender<Heartbeat>,
    reported: Heartbeats,
) {
    let mut driver = pin!(driver);
    let (mut sent, mut answered) = (0, 0);
    poll_fn(|cx| {
        let done = driver.poll_unpin(cx);
        while let Poll::Ready(Some(status)) = changes.poll_next_unpin(cx) {
            let connection = status.connection;
            // The channel is full while output is blocked, and closed at the end of the program.
            let mut report = |heartbeat| drop(heartbeats.try_send(heartbeat));
            while sent < status.counters.probes_sent {
                sent += 1;
                if reported == Heartbeats::SentAndAnswered {
                    report(Heartbeat::Sent { connection });
                }
            }
            while answered < status.counters.probes_answered {
                answered += 1;
                let latest = answered == status.counters.probes_answered;
                let round_trip = status.round_trip.last.filter(|_| latest);
                report(Heartbeat::Answered(AnsweredHeartbeat { connection, round_trip }));
            }
        }
        done
    })
    .await;
}

impl Stream for Session {
    type Item = SessionEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SessionEvent>> {
        let this = self.get_mut();
        let all_heartbeats = loop {
            match this.heartbeats.poll_next_unpin(cx) {
                Poll::Ready(Some(heartbeat)) => this.early.push_back(heartbeat),
                Poll::Ready(None) => break true,
                Poll::Pending => break false,
            }
        };
        if this.early.front().is_some_and(|next| next.connection() <= this.opened) {
            return Poll::Ready(this.early.pop_front().map(|next| match next {
                Heartbeat::Sent { connection } => SessionEvent::Probe(connection),
                Heartbeat::Answered(answered) => SessionEvent::Heartbeat(answered),
            }));
        }
        if this.closed.is_none() {
            match this.inbox.poll_next_unpin(cx) {
                Poll::Ready(Some(Event::Closed(closed))) => {
                    this.closed = Some(Event::Closed(closed));
                }
                Poll::Ready(Some(event)) => {
                    if let Event::Open(open) = &event {
                        this.opened = open.connection;
                    }
                    return Poll::Ready(Some(SessionEvent::Event(event)));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
        if all_heartbeats {
            Poll::Ready(this.closed.take().map(SessionEvent::Event))
        } else {
            Poll::Pending
        }
    }
}
