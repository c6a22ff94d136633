//! A session that lives on a thread of its own, so that the heart beats while output is stuck.

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
    Driver, Event, Handle, Inbox, SmolTimer, SmolTransport, StatusChanges, Supervisor,
};

/// Unread messages; beyond them the server has to wait.
const INBOX: usize = 1_024;

/// The reading side of a session: its events, and its answered heartbeats in their places.
pub(crate) struct Session {
    inbox: Inbox,
    /// At most one per heartbeat interval, so it needs no bound.
    heartbeats: Receiver<Heartbeat>,
    /// Heartbeats of a connection whose opening was not told yet.
    early: VecDeque<Heartbeat>,
    opened: u64,
    /// Told once all heartbeats are.
    last: Option<Event>,
}

/// What happens in a session.
pub(crate) enum News {
    Event(Event),
    Heartbeat(Heartbeat),
}

/// Answered heartbeats that wait to be printed: a quarter of an hour of the default's.
const HEARTBEATS: usize = 64;

/// A heartbeat was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    pub(crate) connection: u64,
    /// `None` if it could not be told from a later one's.
    pub(crate) round_trip: Option<Duration>,
}

impl Session {
    /// Begins. The thread ends with the session.
    pub(crate) fn start(
        supervisor: Supervisor<SmolTransport, SmolTimer>,
    ) -> io::Result<(Self, Handle)> {
        let handle = supervisor.handle();
        let (driver, inbox) =
            supervisor.into_driver(Inbox::new(INBOX)).map_err(io::Error::other)?;
        let (sender, heartbeats) = channel(HEARTBEATS);
        let changes = handle.status_changes();
        thread::Builder::new()
            .name("session".into())
            .spawn(move || async_io::block_on(drive(driver, changes, sender)))?;
        let session = Self { inbox, heartbeats, early: VecDeque::new(), opened: 0, last: None };
        Ok((session, handle))
    }
}

/// Drives the session, and looks at its status after each step so that no heartbeat is missed.
async fn drive(
    driver: Driver<SmolTransport, SmolTimer>,
    mut changes: StatusChanges,
    mut heartbeats: Sender<Heartbeat>,
) {
    let mut driver = pin!(driver);
    let mut told = 0;
    poll_fn(|cx| {
        let done = driver.poll_unpin(cx);
        while let Poll::Ready(Some(status)) = changes.poll_next_unpin(cx) {
            while told < status.counters.probes_answered {
                told += 1;
                let last = told == status.counters.probes_answered;
                let round_trip = status.round_trip.last.filter(|_| last);
                let connection = status.connection;
                // While output is stuck the newest go untold, and at the end there is nobody.
                let _ = heartbeats.try_send(Heartbeat { connection, round_trip });
            }
        }
        done
    })
    .await;
}

impl Stream for Session {
    type Item = News;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<News>> {
        let this = self.get_mut();
        let silent = loop {
            match this.heartbeats.poll_next_unpin(cx) {
                Poll::Ready(Some(heartbeat)) => this.early.push_back(heartbeat),
                Poll::Ready(None) => break true,
                Poll::Pending => break false,
            }
        };
        if this.early.front().is_some_and(|next| next.connection <= this.opened) {
            return Poll::Ready(this.early.pop_front().map(News::Heartbeat));
        }
        if this.last.is_none() {
            match this.inbox.poll_next_unpin(cx) {
                Poll::Ready(Some(Event::Closed(closed))) => {
                    this.last = Some(Event::Closed(closed));
                }
                Poll::Ready(Some(event)) => {
                    if let Event::Open(open) = &event {
                        this.opened = open.connection;
                    }
                    return Poll::Ready(Some(News::Event(event)));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
        if silent { Poll::Ready(this.last.take().map(News::Event)) } else { Poll::Pending }
    }
}
