//! One session, from its first attempt to its accounts.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::{
    FutureExt, Sink, SinkExt, Stream, StreamExt,
    channel::{mpsc, oneshot},
    future::{Either, join, select},
};
use websocket_heartbeat::{
    Builder, Event, InboxSettings, Message, SessionClosed, Supervisor, Timer, Transport,
};

use crate::{
    helpers::{commands, feeder, sender},
    ledger::{Acceptance, Ledger, Tally},
    plan::{Drive, End, Plan},
    population::World,
};

/// A session, or a task of it, that needs longer to end hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// The state that the tasks of a session share.
pub(crate) struct Shared {
    pub(crate) world: Arc<World>,
    pub(crate) number: u64,
    pub(crate) plan: Plan,
    pub(crate) ledger: Ledger,
    over: AtomicBool,
}

impl Shared {
    /// Whether the session is being ended.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Sleeps this long, and only a little longer than the session lasts.
    pub(crate) async fn pause(&self, mut time: Duration) {
        while !time.is_zero() && !self.is_over() {
            let part = time.min(Duration::from_millis(200));
            self.world.sleep(part).await;
            time -= part;
        }
    }
}

/// Runs the session with this number, and returns its counts.
pub(crate) async fn run<T: Transport, K: Timer>(
    world: &Arc<World>,
    number: u64,
    builder: Builder<T, K>,
) -> Tally {
    let plan = Plan::draw(world.seed, number);
    let session = plan.apply(builder, &world.budget).build().expect("plans are valid");
    let handle = session.handle();
    let shared = Arc::new(Shared {
        world: Arc::clone(world),
        number,
        ledger: Ledger::new(number),
        over: AtomicBool::new(false),
        plan,
    });
    let plan = &shared.plan;
    let mut tasks = Vec::new();
    for index in 0..plan.senders {
        let sending = sender(Arc::clone(&shared), index, handle.clone());
        tasks.push(world.spawn(number, sending));
    }
    if plan.commands {
        tasks.push(world.spawn(number, commands(Arc::clone(&shared), handle.clone())));
    }
    let end = async {
        select(world.sleep(plan.life), pin!(world.ended())).await;
        shared.over.store(true, Ordering::Relaxed);
        match plan.end {
            End::Close => handle.close(),
            End::Abort => handle.abort(),
            End::DropInbox if !matches!(plan.drive, Drive::Inbox { .. }) => handle.close(),
            End::Drop | End::DropInbox => {}
        }
    };
    let whole = match plan.drive {
        Drive::Stream => drive(world, plan, end, read(&shared, session)).await,
        Drive::Split => {
            let (feed, fed) = mpsc::channel(4);
            tasks.push(world.spawn(number, feeder(Arc::clone(&shared), feed)));
            // The half of a split has its own slot, and a message in it is not accepted yet.
            let (sink, stream) = Recording { shared: &shared, session }.split();
            // The error is that of an ended session.
            let sending = fed.map(Ok).forward(sink).map(drop);
            let both = async {
                let (_, whole) = join(sending, read(&shared, stream)).await;
                whole
            };
            drive(world, plan, end, both).await
        }
        Drive::Inbox { count, drop_oldest } => {
            let settings = InboxSettings::new(count);
            let settings = if drop_oldest { settings.drop_oldest() } else { settings };
            let (driver, inbox) = session.into_driver(settings).expect("there is room");
            let (done, was_read) = oneshot::channel();
            let reader = Arc::clone(&shared);
            tasks.push(world.spawn(number, async move {
                let reading = read(&reader, inbox);
                let whole = match reader.plan.end {
                    End::DropInbox => {
                        let end = reader.pause(Duration::MAX);
                        matches!(select(pin!(reading), pin!(end)).await, Either::Left((true, _)))
                    }
                    _ => reading.await,
                };
                let _ = done.send(whole);
            }));
            let driven = drive(world, plan, end, driver.map(|()| true)).await;
            // The driver is dropped now. So the inbox ends, and its reader.
            driven
                & limited(world, "the reader of the inbox", was_read).await.expect("it has ended")
        }
    };
    for task in tasks {
        limited(world, "a task of a session that has ended", task).await.expect("it has ended");
    }
    let counters = handle.status().counters;
    drop(handle);
    let seen = world.remote.settle(number).await;
    let Ok(Shared { plan, ledger, .. }) = Arc::try_unwrap(shared) else {
        panic!("a task of the session still exists");
    };
    ledger.settle(&plan, whole, counters, seen)
}

/// Drives up to the end of the plan. Returns the result of `driving`, or false if it was dropped.
async fn drive(
    world: &World,
    plan: &Plan,
    end: impl Future<Output = ()>,
    driving: impl Future<Output = bool>,
) -> bool {
    match select(pin!(end), pin!(driving)).await {
        Either::Left(((), driving)) => {
            if plan.end == End::Drop {
                return false;
            }
            limited(world, "a session that is being ended", driving).await
        }
        // The session has ended by itself.
        Either::Right((whole, _)) => whole,
    }
}

async fn limited<F: Future>(world: &World, what: &str, future: F) -> F::Output {
    match select(pin!(future), world.sleep(LIMIT)).await {
        Either::Left((output, _)) => output,
        Either::Right(_) => panic!("{what} does not end within {LIMIT:?}"),
    }
}

/// Reads all events. Returns whether the last one is `Closed`.
async fn read(shared: &Shared, mut events: impl Stream<Item = Event> + Unpin) -> bool {
    let mut whole = false;
    while let Some(event) = events.next().await {
        whole = matches!(event, Event::Closed(_));
        shared.ledger.read(event);
        if !shared.plan.reader.is_zero() {
            shared.pause(shared.plan.reader).await;
        }
    }
    shared.over.store(true, Ordering::Relaxed);
    whole
}

/// Records the messages that a supervisor accepts.
struct Recording<'a, T: Transport, K: Timer> {
    shared: &'a Shared,
    session: Supervisor<T, K>,
}

impl<T: Transport, K: Timer> Sink<(u32, Message)> for Recording<'_, T, K> {
    type Error = SessionClosed;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.session.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, item: (u32, Message)) -> Result<(), Self::Error> {
        let (number, message) = item;
        self.session.start_send_unpin(message)?;
        self.shared.ledger.accepted(number, Acceptance::Plain);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.session.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.session.poll_close_unpin(cx)
    }
}

impl<T: Transport, K: Timer> Stream for Recording<'_, T, K> {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.session.poll_next_unpin(cx)
    }
}
