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

use super::client::{Broken, Client, Kept, Subject, Tested};

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
    for number in 0..2_000_u32 {
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
    wakes_the_last(&mut tested, |tested, cx| {
        tested.connection.as_mut().poll_next(cx).map(|next| format!("{next:?}"))
    })
    .await?;
    tested.reads_message("now").await
}

pub(super) async fn last_waker_of_writing(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/count").await?;
    tested.fill().await?;
    wakes_the_last(&mut tested, |tested, cx| {
        tested.connection.as_mut().poll_ready(cx).map(|ready| format!("{ready:?}"))
    })
    .await?;
    tested.send(Message::text("end")).await?;
    tested.verdict().await.map(drop)
}

/// Polls with two wakers, lets the server continue, and waits for the second waker.
async fn wakes_the_last<S: Subject>(
    tested: &mut Tested<'_, S>,
    mut poll: impl FnMut(&mut Tested<'_, S>, &mut Context<'_>) -> Poll<String>,
) -> Kept {
    let polled = poll_fn(|cx| {
        let [first, last] = [(); 2].map(|()| Recorder::new(cx.waker()));
        for recorder in [&first, &last] {
            let waker = Arc::clone(recorder).into();
            if let Poll::Ready(early) = poll(tested, &mut Context::from_waker(&waker)) {
                return Poll::Ready(Err(Broken::new(format!("{early} before the server acts"))));
            }
        }
        // A call without a reason, while the wakers were exchanged, does not count.
        last.woken.store(false, Ordering::Release);
        Poll::Ready(Ok(last))
    });
    let last = polled.await?;
    let mut observer = tested.observe().await?;
    observer.go().await?;
    // The recorder wakes this task.
    poll_fn(|_| if last.woken.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending })
        .await;
    Ok(())
}
