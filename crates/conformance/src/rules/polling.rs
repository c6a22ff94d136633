//! Polls and wakers.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_core::Stream;
use futures_sink::Sink;
use websocket_heartbeat::{Frame, Message, Timer};

use super::client::{Broken, Client, Kept, Subject, Tested, ensure};

/// Longer than a poll on a busy machine, and shorter than a flood that is read in one poll.
const LONG: Duration = Duration::from_secs(5);

pub(super) async fn bounded(client: &Client<'_, impl Subject>) -> Kept {
    let timer = client.subject.timer();
    let mut tested = client.connect("/pings").await?;
    loop {
        let frame = poll_fn(|cx| {
            let before = timer.now();
            let next = tested.connection.as_mut().poll_next(cx);
            let took = timer.now().saturating_since(before);
            next.map(|next| (next, took)).map(|(next, took)| match next {
                _ if took >= LONG => Err(Broken::new(format!("one poll takes {took:?}"))),
                Some(frame) => Ok(frame?),
                None => Err(Broken::new("the connection ends during a flood of pings")),
            })
        });
        match frame.await? {
            Frame::Message(message) if message == Message::text("done") => return Ok(()),
            Frame::Ping(_) => {}
            other => return Err(Broken::new(format!("{other:?} is read instead of a ping"))),
        }
    }
}

pub(super) async fn more(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/numbers").await?;
    for number in 0..10_000_u32 {
        tested.reads_message(number.to_string()).await?;
    }
    Ok(())
}

/// A waker that records its calls, and wakes the task.
struct Recorder {
    woken: AtomicBool,
    task: Waker,
}

impl Recorder {
    fn new(task: &Waker) -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(false), task: task.clone() })
    }
}

impl Wake for Recorder {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

pub(super) async fn last_waker(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/text-on-go").await?;
    wakes_the_last(&mut tested, |tested, cx| poll_read(tested, cx)).await
}

pub(super) async fn any_method(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/text-on-go").await?;
    wakes_the_last(&mut tested, |tested, cx| match tested.connection.as_mut().poll_flush(cx) {
        Poll::Ready(flushed) => Ok(flushed?),
        Poll::Pending => Err(Broken::new("a flush of nothing is pending")),
    })
    .await?;
    let mut tested = client.connect("/text-on-go").await?;
    wakes_the_last(&mut tested, |tested, cx| match tested.connection.as_mut().poll_ready(cx) {
        Poll::Ready(ready) => Ok(ready?),
        Poll::Pending => Err(Broken::new("an idle connection accepts nothing")),
    })
    .await
}

fn poll_read<S: Subject>(tested: &mut Tested<'_, S>, cx: &mut Context<'_>) -> Kept {
    let polled = tested.connection.as_mut().poll_next(cx);
    ensure!(polled.is_pending(), "{polled:?} is read before the server has sent anything");
    Ok(())
}

/// Reads with a first waker, polls with a second one, and lets the server send a message.
async fn wakes_the_last<S: Subject>(
    tested: &mut Tested<'_, S>,
    poll: impl Fn(&mut Tested<'_, S>, &mut Context<'_>) -> Kept,
) -> Kept {
    let polled = poll_fn(|cx| {
        let [first, last] = [(); 2].map(|()| Recorder::new(cx.waker()));
        let read = poll_read(tested, &mut Context::from_waker(&first.into()));
        let waker = Arc::clone(&last).into();
        let polled = read.and_then(|()| poll(tested, &mut Context::from_waker(&waker)));
        // A call without a reason, while the wakers were exchanged, does not count.
        last.woken.store(false, Ordering::Release);
        Poll::Ready(polled.map(|()| last))
    });
    let last = polled.await?;
    let mut observer = tested.observe().await?;
    observer.go().await?;
    poll_fn(|cx| {
        // The recorder wakes this task, and the observer has used it before.
        let _ = cx;
        if last.woken.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    drop(observer);
    tested.reads_message("now").await
}
