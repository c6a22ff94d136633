//! The halves of a `split` in two threads, and many tasks that wait for room. There are few unneeded
//! wakes. The models of core explore the orders of the threads.

use std::{
    collections::VecDeque,
    future::{Future, Pending, Ready, pending, ready},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use futures::{Sink, SinkExt, Stream, StreamExt};
use websocket_heartbeat::{
    Attempt, Connection, Established, Event, Frame, Message, OutboxSettings, Supervisor, Timer,
    Timestamp, Transport, TransportError,
};

use crate::harness::WakeCounter;

/// A server that returns each message at once.
struct Echoes;

#[derive(Default)]
struct EchoConnection {
    echoes: VecDeque<Message>,
    reader: Option<Waker>,
}

impl Transport for Echoes {
    type Connection = EchoConnection;
    type Connect = Ready<Result<Established<EchoConnection>, TransportError>>;

    fn connect(&mut self, _: Attempt) -> Self::Connect {
        ready(Ok(Established::new(EchoConnection::default())))
    }
}

impl Connection for EchoConnection {}

impl Stream for EchoConnection {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(message) = self.echoes.pop_front() {
            return Poll::Ready(Some(Ok(Frame::Message(message))));
        }
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Sink<Frame> for EchoConnection {
    type Error = TransportError;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        if let Frame::Message(message) = frame {
            self.echoes.push_back(message);
            self.reader.take().into_iter().for_each(Waker::wake);
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }
}

/// A timer whose time stands still.
struct Still;

impl Timer for Still {
    type Sleep = Pending<()>;

    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn sleep_until(&self, _: Timestamp) -> Pending<()> {
        pending()
    }
}

/// Unparks its thread, and counts the wakes.
struct Unpark {
    thread: Thread,
    wakes: AtomicUsize,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        self.thread.unpark();
    }
}

/// Runs a future on this thread. Returns its output and the number of wakes.
fn block_on<F: Future>(future: F) -> (F::Output, usize) {
    let unpark = Arc::new(Unpark { thread: thread::current(), wakes: AtomicUsize::new(0) });
    let waker = Waker::from(Arc::clone(&unpark));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return (output, unpark.wakes.load(Ordering::Relaxed));
        }
        thread::park();
    }
}

const MESSAGES: usize = 2_000;

/// A lost wake must fail, not hang.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn two_halves_in_two_threads_lose_nothing_and_wake_rarely() {
    let (done, is_done) = mpsc::channel();
    let session = Supervisor::builder(Echoes, Still).build().unwrap();
    let (mut sink, mut stream) = session.split();
    let wakes_of_reader = done.clone();
    thread::spawn(move || {
        let (sink, wakes) = block_on(async move {
            for number in 0..MESSAGES {
                sink.send(Message::text(number.to_string())).await.unwrap();
            }
            sink
        });
        done.send(wakes).unwrap();
        drop(sink);
    });
    thread::spawn(move || {
        let (stream, wakes) = block_on(async move {
            for number in 0..MESSAGES {
                let message = loop {
                    if let Event::Message(message) = stream.next().await.unwrap() {
                        break message;
                    }
                };
                assert_eq!(message.as_text(), Some(&*number.to_string()));
            }
            stream
        });
        wakes_of_reader.send(wakes).unwrap();
        drop(stream);
    });
    for _ in 0..2 {
        let wakes = is_done.recv_timeout(PATIENCE).expect("both halves end");
        // For each message: the connection wakes both halves, the sink half wakes the stream half,
        // and each of the two locks the other half out of the `split` once or twice.
        assert!(wakes <= 6 * MESSAGES, "{wakes}");
    }
}

#[test]
fn a_free_place_wakes_one_of_many_waiting_tasks() {
    let outbox = OutboxSettings::new().count(1);
    let mut session = Supervisor::builder(Echoes, Still).outbox(outbox).build().unwrap();
    let handle = session.handle();
    let driver = WakeCounter::new();
    let mut tasks: Vec<_> = (0..100)
        .map(|number| (Box::pin(handle.queue(number.to_string())), WakeCounter::new()))
        .collect();
    tasks.retain_mut(|(task, wakes)| wakes.poll(|cx| task.as_mut().poll(cx)).is_pending());
    assert_eq!(tasks.len(), 99);
    let (mut echoes, mut wakes_of_tasks) = (0, 0);
    while !tasks.is_empty() || echoes < 100 {
        let before = (tasks.len(), echoes);
        while let Poll::Ready(Some(event)) = driver.next(&mut session) {
            echoes += usize::from(matches!(event, Event::Message(_)));
        }
        tasks.retain_mut(|(task, wakes)| match wakes.take() {
            0 => true,
            count => {
                wakes_of_tasks += count;
                wakes.poll(|cx| task.as_mut().poll(cx)).is_pending()
            }
        });
        let idle = before == (tasks.len(), echoes) && driver.take() == 0;
        assert!(!idle, "each free place wakes a task");
    }
    assert_eq!(wakes_of_tasks, 99);
}
