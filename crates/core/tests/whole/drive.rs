//! The tasks of a session: driver, reader, senders and commands.

use std::{
    pin::Pin,
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
    plan::{DriverKind, End, Reader},
    world::{Ended, Scene, Session, status_bounds},
};

/// A session and its driving tasks.
pub(crate) struct Driven {
    /// The tasks that own the session.
    tasks: Vec<Task<()>>,
    /// Messages for the sink side. Dropping it closes the sink.
    feed: Option<mpsc::UnboundedSender<usize>>,
}

pub(crate) fn start(scene: &Scene, runner: &mut Runner, session: Session) -> Driven {
    match scene.plan.driver {
        DriverKind::Stream => {
            let tasks = vec![runner.spawn(read(scene.clone(), session))];
            Driven { tasks, feed: None }
        }
        DriverKind::Sink => {
            let (feed, items) = mpsc::unbounded();
            runner.spawn(feeder(scene.clone(), feed.clone())).detach();
            let tasks = vec![runner.spawn(forward_then_drain(scene.clone(), session, items))];
            Driven { tasks, feed: Some(feed) }
        }
        DriverKind::Split => {
            let (feed, items) = mpsc::unbounded();
            runner.spawn(feeder(scene.clone(), feed.clone())).detach();
            // The half of a split has its own slot, and a message in it is not accepted yet.
            let (sink, stream) = Noting { scene: scene.clone(), sink: session }.split();
            let sending = forward(sink, items);
            let tasks = vec![runner.spawn(sending), runner.spawn(read(scene.clone(), stream))];
            Driven { tasks, feed: Some(feed) }
        }
        DriverKind::Inbox { count, drop_oldest } => {
            let inbox = InboxSettings::new(count);
            let inbox = if drop_oldest { inbox.drop_oldest() } else { inbox };
            let (driver, inbox) = session.into_driver(inbox).expect("there is room");
            let driver: Driver<MockTransport, MockTimer> = driver;
            let tasks = vec![runner.spawn(driver), runner.spawn(read(scene.clone(), inbox))];
            Driven { tasks, feed: None }
        }
    }
}

impl Driven {
    /// Ends the session as the plan says.
    pub(crate) fn end(self, scene: &Scene, runner: &mut Runner, handle: &Handle) -> Ended {
        let at = scene.clock.now();
        scene.over.set(true);
        match scene.plan.end {
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
                scene.watchers.check();
                return Ended { at };
            }
        }
        // A sink is closed after everything is written, which needs a connection.
        runner.run_for(Duration::from_secs(600));
        handle.close();
        runner.run_for(scene.plan.close_timeout + Duration::from_secs(60));
        scene.watchers.check();
        assert!(self.tasks.iter().all(Task::is_done), "the session does not end");
        Ended { at }
    }
}

/// Reads events as fast as the plan says.
async fn read(scene: Scene, mut events: impl Stream<Item = Event> + Unpin) {
    let mut rng = scene.rng(1);
    if scene.plan.reader == Reader::Late {
        until_over(&scene).await;
    }
    while let Some(event) = events.next().await {
        scene.report(event);
        if let Reader::Slow(longest) = scene.plan.reader
            && !scene.over.get()
        {
            scene.sleep(rng.duration(Duration::ZERO..longest)).await;
        }
    }
}

async fn until_over(scene: &Scene) {
    while !scene.over.get() {
        scene.sleep(Duration::from_secs(1)).await;
    }
}

/// Records the messages that a sink accepts.
struct Noting<S> {
    scene: Scene,
    sink: S,
}

impl<S: Sink<Message, Error = SessionClosed> + Unpin> Sink<usize> for Noting<S> {
    type Error = SessionClosed;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.sink.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, size: usize) -> Result<(), Self::Error> {
        let message = self.scene.message(size);
        let sent = self.sink.start_send_unpin(message);
        if sent.is_ok() {
            self.scene.accepted(None);
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

impl<S: Stream + Unpin> Stream for Noting<S> {
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

async fn forward_then_drain(scene: Scene, session: Session, items: mpsc::UnboundedReceiver<usize>) {
    let mut session = Noting { scene: scene.clone(), sink: session };
    forward(&mut session, items).await;
    while let Some(event) = session.next().await {
        scene.report(event);
    }
}

/// Gives the sink side a message from time to time.
async fn feeder(scene: Scene, feed: mpsc::UnboundedSender<usize>) {
    let mut rng = scene.rng(2);
    while !scene.over.get() {
        scene.sleep(rng.duration(Duration::ZERO..Duration::from_secs(3))).await;
        for _ in 0..rng.below(4) {
            let _ = feed.unbounded_send(size(&scene, &mut rng));
        }
    }
}

fn size(scene: &Scene, rng: &mut Rng) -> usize {
    let bytes = scene.plan.outbox.bytes.min(2_000) as u64;
    match rng.below(10) {
        0 => bytes as usize,
        1 if scene.plan.outbox.bytes < 2_000 => 2 * bytes as usize,
        _ => 8 + rng.below(bytes / 2 + 1) as usize,
    }
}

/// A sender with its own handle.
pub(crate) async fn sender(scene: Scene, handle: Handle, salt: u64) {
    let mut rng = scene.rng(100 + salt);
    let mut sink = handle.clone();
    while !scene.over.get() {
        scene.sleep(rng.duration(Duration::ZERO..Duration::from_secs(4))).await;
        let patience = scene.sleep(rng.duration(Duration::ZERO..Duration::from_secs(20)));
        match rng.below(7) {
            0 => {
                if handle.try_queue(scene.message(size(&scene, &mut rng))).is_ok() {
                    scene.accepted(None);
                }
            }
            1 | 2 => queue(&scene, &handle, &mut rng, false, patience).await,
            3 => queue(&scene, &handle, &mut rng, true, patience).await,
            4 => sink = feed(&scene, sink, &mut rng, patience).await,
            5 => sink = flush(&scene, sink, patience).await,
            _ => sink = handle.clone(),
        }
    }
}

/// Queues a message, and waits for room for a limited time.
async fn queue(
    scene: &Scene,
    handle: &Handle,
    rng: &mut Rng,
    with_receipt: bool,
    patience: impl Future<Output = ()>,
) {
    let (handle, own) = (handle.clone(), scene.clone());
    let size = size(scene, rng);
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
    let watched = scene.watchers.watch("room for a message", queuing);
    futures::pin_mut!(patience);
    select(watched, patience).await;
}

/// Feeds a message to a sink, or gives up while it is not ready. Sometimes leaves it ready.
async fn feed(
    scene: &Scene,
    mut sink: Handle,
    rng: &mut Rng,
    patience: impl Future<Output = ()>,
) -> Handle {
    let fresh = sink.clone();
    let ready = async move {
        let ready = poll_fn(|cx| sink.poll_ready_unpin(cx)).await;
        (sink, ready)
    };
    let watched = scene.watchers.watch("a ready sink", ready);
    futures::pin_mut!(patience);
    match select(watched, patience).await {
        Either::Left(((mut sink, Ok(())), _)) => {
            if !rng.once_in(5) {
                let message = scene.message(size(scene, rng));
                if sink.start_send_unpin(message).is_ok() {
                    scene.accepted(None);
                }
            }
            sink
        }
        Either::Left(((sink, Err(_)), _)) => sink,
        // The sink is dropped with its wait.
        Either::Right(_) => fresh,
    }
}

async fn flush(scene: &Scene, mut sink: Handle, patience: impl Future<Output = ()>) -> Handle {
    let fresh = sink.clone();
    let flushing = async move {
        let _ = poll_fn(|cx| sink.poll_flush_unpin(cx)).await;
        sink
    };
    let watched = scene.watchers.watch("a flush", flushing);
    futures::pin_mut!(patience);
    match select(watched, patience).await {
        Either::Left((sink, _)) => sink,
        Either::Right(_) => fresh,
    }
}

/// Checks the bounds and the waiting tasks.
pub(crate) async fn observer(scene: Scene, handle: Handle) {
    let mut rng = scene.rng(3);
    while !scene.over.get() {
        scene.sleep(rng.duration(Duration::from_millis(1)..Duration::from_secs(2))).await;
        scene.watchers.check();
        status_bounds(&scene, &handle);
        if rng.once_in(3)
            && spurious(&scene)
            && let Some(peer) = scene.remote.last_peer()
        {
            peer.wake_for_no_reason();
        }
    }
}

fn spurious(scene: &Scene) -> bool {
    use crate::plan::Server;
    match scene.plan.server {
        Server::Healthy(quirks) | Server::Dying { quirks, .. } => quirks.spurious_wakes,
        Server::Chaos => true,
    }
}

/// Commands at random times.
pub(crate) async fn commander(scene: Scene, handle: Handle) {
    let mut rng = scene.rng(4);
    while !scene.over.get() {
        scene.sleep(rng.duration(Duration::from_millis(1)..Duration::from_secs(40))).await;
        match rng.below(4) {
            0 => {
                handle.pause();
                scene.sleep(rng.duration(Duration::from_millis(1)..Duration::from_secs(60))).await;
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
