//! The tasks of a session: driver, reader, senders and commands.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use futures::{
    FutureExt, Sink, SinkExt, Stream, StreamExt,
    channel::mpsc,
    future::{Either, poll_fn, select},
};
use websocket_heartbeat::{Driver, Event, Handle, InboxSettings, Message, SessionClosed};
use websocket_heartbeat_mock::{MockTimer, MockTransport, Rng, Runner, Task};

use crate::{
    plan::{DriverKind, End, Reader, Server},
    session_state::{Ended, Session, SessionState, status_bounds},
};

/// A session and its driving tasks.
pub(crate) struct Driven {
    /// The tasks that own the session.
    tasks: Vec<Task<()>>,
    /// Messages for the sink side. Dropping it closes the sink.
    feed: Option<mpsc::UnboundedSender<usize>>,
}

pub(crate) fn start(state: &SessionState, runner: &mut Runner, session: Session) -> Driven {
    match state.plan.driver {
        DriverKind::Stream => {
            let tasks = vec![runner.spawn(read(state.clone(), session))];
            Driven { tasks, feed: None }
        }
        DriverKind::Waits => {
            let tasks = vec![runner.spawn(wait_then_read(state.clone(), session))];
            Driven { tasks, feed: None }
        }
        DriverKind::Sink => {
            let (feed, items) = mpsc::unbounded();
            runner.spawn(feeder(state.clone(), feed.clone())).detach();
            let tasks = vec![runner.spawn(forward_then_drain(state.clone(), session, items))];
            Driven { tasks, feed: Some(feed) }
        }
        DriverKind::Split => {
            let (feed, items) = mpsc::unbounded();
            runner.spawn(feeder(state.clone(), feed.clone())).detach();
            // The half of a split has its own slot, and a message in it is not accepted yet.
            let (sink, stream) = RecordingSink { state: state.clone(), sink: session }.split();
            let sending = forward(sink, items);
            let tasks = vec![runner.spawn(sending), runner.spawn(read(state.clone(), stream))];
            Driven { tasks, feed: Some(feed) }
        }
        DriverKind::Inbox { count, drop_oldest } => {
            let inbox = InboxSettings::new(count);
            let inbox = if drop_oldest { inbox.drop_oldest() } else { inbox };
            let (driver, inbox) = session.into_driver(inbox).expect("there is room");
            let driver: Driver<MockTransport, MockTimer> = driver;
            let tasks = vec![runner.spawn(driver), runner.spawn(read(state.clone(), inbox))];
            Driven { tasks, feed: None }
        }
    }
}

impl Driven {
    /// Ends the session in the way of the plan.
    pub(crate) fn end(self, state: &SessionState, runner: &mut Runner, handle: &Handle) -> Ended {
        let at = state.clock.now();
        state.over.set(true);
        match state.plan.end {
            End::Close => match self.feed {
                // Closing the sink closes the session.
                Some(feed) => feed.close_channel(),
                None => handle.close(),
            },
            End::Abort => {
                handle.abort();
                if let Some(feed) = self.feed {
                    feed.close_channel();
                }
            }
            End::Drop => {
                self.tasks.into_iter().for_each(Task::cancel);
                runner.settle();
                state.watchers.check();
                return Ended { at };
            }
        }
        // A sink is closed after everything is written, which needs a connection.
        runner.run_for(Duration::from_secs(600));
        handle.close();
        runner.run_for(state.plan.close_timeout + Duration::from_secs(60));
        state.watchers.check();
        assert!(self.tasks.iter().all(Task::is_done), "the session does not end");
        Ended { at }
    }
}

/// Reads events at the speed of the plan.
async fn read(state: SessionState, mut events: impl Stream<Item = Event> + Unpin) {
    let mut rng = state.rng(1);
    if state.plan.reader == Reader::Late {
        until_over(&state).await;
    }
    while let Some(event) = events.next().await {
        state.report(event);
        if let Reader::Slow(longest) = state.plan.reader
            && !state.over.get()
        {
            state.sleep(rng.duration(Duration::ZERO..longest)).await;
        }
    }
}

/// Waits by the methods of the supervisor, each for a limited time, and reads in between.
async fn wait_then_read(state: SessionState, mut session: Session) {
    let mut rng = state.rng(5);
    while !state.over.get() {
        let patience = pin!(state.sleep(rng.duration(Duration::ZERO..Duration::from_secs(10))));
        // Its number would not be that of the next message that is accepted.
        let message = Message::binary(vec![0; size(&state, &mut rng)]);
        match rng.below(6) {
            0 => {
                let queuing = pin!(session.queue(message));
                if let Either::Left((Ok(()), _)) = select(queuing, patience).await {
                    state.accepted(None);
                }
            }
            // If its future is dropped, the message may be accepted or not.
            1 if state.plan.end != End::Drop => {
                if session.send_confirmed(message).await.is_ok() {
                    state.accepted(None);
                }
            }
            2 => drop(select(pin!(session.opened()), patience).await),
            3 => session.drive_until(patience).await,
            _ => {
                let mut patience = patience;
                while let Either::Left((Some(event), _)) =
                    select(session.next(), patience.as_mut()).await
                {
                    state.report(event);
                }
            }
        }
    }
    read(state, session).await;
}

async fn until_over(state: &SessionState) {
    while !state.over.get() {
        state.sleep(Duration::from_secs(1)).await;
    }
}

/// Records the messages that a sink accepts.
struct RecordingSink<S> {
    state: SessionState,
    sink: S,
}

impl<S: Sink<Message, Error = SessionClosed> + Unpin> Sink<usize> for RecordingSink<S> {
    type Error = SessionClosed;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.sink.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, size: usize) -> Result<(), Self::Error> {
        let message = self.state.message(size);
        let sent = self.sink.start_send_unpin(message);
        if sent.is_ok() {
            self.state.accepted(None);
        }
        sent
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.sink.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.sink.poll_close_unpin(cx)
    }
}

impl<S: Stream + Unpin> Stream for RecordingSink<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.sink.poll_next_unpin(cx)
    }
}

async fn forward(
    sink: impl Sink<usize, Error = SessionClosed> + Unpin,
    items: mpsc::UnboundedReceiver<usize>,
) {
    // The error means the end of the session, which the events report.
    let _ = items.map(Ok).forward(sink).await;
}

async fn forward_then_drain(
    state: SessionState,
    session: Session,
    items: mpsc::UnboundedReceiver<usize>,
) {
    let mut session = RecordingSink { state: state.clone(), sink: session };
    forward(&mut session, items).await;
    while let Some(event) = session.next().await {
        state.report(event);
    }
}

/// Gives the sink side a message from time to time.
async fn feeder(state: SessionState, feed: mpsc::UnboundedSender<usize>) {
    let mut rng = state.rng(2);
    while !state.over.get() {
        state.sleep(rng.duration(Duration::ZERO..Duration::from_secs(3))).await;
        for _ in 0..rng.below(4) {
            let _ = feed.unbounded_send(size(&state, &mut rng));
        }
    }
}

fn size(state: &SessionState, rng: &mut Rng) -> usize {
    let bytes = state.plan.outbox.bytes.min(2_000) as u64;
    match rng.below(10) {
        0 => bytes as usize,
        1 if state.plan.outbox.bytes < 2_000 => 2 * bytes as usize,
        _ => 8 + rng.below(bytes / 2 + 1) as usize,
    }
}

/// A sender with its own handle.
pub(crate) async fn sender(state: SessionState, handle: Handle, salt: u64) {
    let mut rng = state.rng(100 + salt);
    let mut sink = handle.clone();
    while !state.over.get() {
        state.sleep(rng.duration(Duration::ZERO..Duration::from_secs(4))).await;
        let patience = state.sleep(rng.duration(Duration::ZERO..Duration::from_secs(20)));
        match rng.below(7) {
            0 => {
                if handle.try_queue(state.message(size(&state, &mut rng))).is_ok() {
                    state.accepted(None);
                }
            }
            1 | 2 => queue(&state, &handle, &mut rng, false, patience).await,
            3 => queue(&state, &handle, &mut rng, true, patience).await,
            4 => sink = feed(&state, sink, &mut rng, patience).await,
            5 => sink = flush(&state, sink, patience).await,
            _ => sink = handle.clone(),
        }
    }
}

/// Queues a message, and waits for room for a limited time.
async fn queue(
    state: &SessionState,
    handle: &Handle,
    rng: &mut Rng,
    with_receipt: bool,
    patience: impl Future<Output = ()>,
) {
    let (handle, own) = (handle.clone(), state.clone());
    let size = size(state, rng);
    // Another message may have received its number before it is accepted, so this message has no
    // number.
    let message = Message::binary(vec![0; size]);
    let queuing = async move {
        if with_receipt {
            if let Ok(receipt) = handle.queue_with_receipt(message).await {
                own.accepted(Some(receipt));
            }
        } else if handle.queue(message).await.is_ok() {
            own.accepted(None);
        }
    };
    let watched = state.watchers.watch("room for a message", queuing);
    futures::pin_mut!(patience);
    select(watched, patience).await;
}

/// Feeds a message to a sink, or gives up while it is not ready. Sometimes leaves it ready.
async fn feed(
    state: &SessionState,
    mut sink: Handle,
    rng: &mut Rng,
    patience: impl Future<Output = ()>,
) -> Handle {
    let fresh = sink.clone();
    let ready = async move {
        let ready = poll_fn(|cx| sink.poll_ready_unpin(cx)).await;
        (sink, ready)
    };
    let watched = state.watchers.watch("a ready sink", ready);
    futures::pin_mut!(patience);
    match select(watched, patience).await {
        Either::Left(((mut sink, Ok(())), _)) => {
            if !rng.once_in(5) {
                let message = state.message(size(state, rng));
                if sink.start_send_unpin(message).is_ok() {
                    state.accepted(None);
                }
            }
            sink
        }
        Either::Left(((sink, Err(_)), _)) => sink,
        // The sink is dropped with its wait.
        Either::Right(_) => fresh,
    }
}

async fn flush(
    state: &SessionState,
    mut sink: Handle,
    patience: impl Future<Output = ()>,
) -> Handle {
    let fresh = sink.clone();
    let flushing = async move {
        let _ = poll_fn(|cx| sink.poll_flush_unpin(cx)).await;
        sink
    };
    let watched = state.watchers.watch("a flush", flushing);
    futures::pin_mut!(patience);
    match select(watched, patience).await {
        Either::Left((sink, _)) => sink,
        Either::Right(_) => fresh,
    }
}

/// Checks the bounds and the waiting tasks.
pub(crate) async fn observer(state: SessionState, handle: Handle) {
    let mut rng = state.rng(3);
    while !state.over.get() {
        state.sleep(rng.duration(Duration::from_millis(1)..Duration::from_secs(2))).await;
        state.watchers.check();
        status_bounds(&state, &handle);
        if rng.once_in(3)
            && spurious(&state)
            && let Some(peer) = state.remote.last_peer()
        {
            peer.wake_spuriously();
        }
    }
}

fn spurious(state: &SessionState) -> bool {
    match state.plan.server {
        Server::Healthy(quirks) | Server::Dying { quirks, .. } => quirks.spurious_wakes,
        Server::Chaos => true,
    }
}

/// Commands at random times.
pub(crate) async fn commander(state: SessionState, handle: Handle) {
    let mut rng = state.rng(4);
    while !state.over.get() {
        state.sleep(rng.duration(Duration::from_millis(1)..Duration::from_secs(40))).await;
        match rng.below(4) {
            0 => {
                handle.pause();
                state.sleep(rng.duration(Duration::from_millis(1)..Duration::from_secs(60))).await;
                handle.resume();
            }
            1 => handle.reconnect_now(),
            2 => handle.probe_now(),
            _ => {
                handle.pause();
                handle.resume();
            }
        }
    }
}

/// Whether a future is ready at its first poll.
pub(crate) fn now<T>(future: impl Future<Output = T> + Unpin) -> Option<T> {
    future.now_or_never()
}
