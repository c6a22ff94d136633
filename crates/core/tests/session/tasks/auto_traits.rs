//! Which types are `Send`, which are not, and which are always `Unpin`. The compiler checks it.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    marker::PhantomPinned,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use futures::SinkExt;
use websocket_heartbeat::{
    Attempt, Driver, Established, Event, Fate, Handle, Inbox, Message, Preset, Receipt, Status,
    Supervisor, Timer, Timestamp, Transport, TransportError,
    future::StatusChanges,
    hooks::{self, Hooks},
    transport_fn,
};
use websocket_heartbeat_mock::{
    Clock, MockConnection, MockSleep, MockTimer, MockTransport, Script, mock, run,
};

fn is_send<T: Send>() {}
fn is_send_and_sync<T: Send + Sync>() {}
fn is_unpin<T: Unpin>() {}

/// Whether a type is `Send`, as a value. An inherent constant has priority if it applies.
macro_rules! sends {
    ($type:ty) => {{
        #[allow(dead_code, reason = "unused where the type is `Send`")]
        trait Otherwise {
            const SENDS: bool = false;
        }
        struct Probe<T: ?Sized>(std::marker::PhantomData<T>);
        impl<T: ?Sized> Otherwise for Probe<T> {}
        #[allow(dead_code, reason = "unused where the type is not `Send`")]
        impl<T: ?Sized + Send> Probe<T> {
            const SENDS: bool = true;
        }
        <Probe<$type>>::SENDS
    }};
}

/// A timer that is not `Send`, with sleeps that are not `Unpin`.
struct LocalTimer {
    inner: MockTimer,
    slept: Rc<Cell<u32>>,
}

struct LocalSleep {
    inner: RefCell<MockSleep>,
    slept: Rc<Cell<u32>>,
    _pinned: PhantomPinned,
}

impl Timer for LocalTimer {
    type Sleep = LocalSleep;

    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> LocalSleep {
        let inner = RefCell::new(self.inner.sleep_until(deadline));
        LocalSleep { inner, slept: Rc::clone(&self.slept), _pinned: PhantomPinned }
    }
}

impl Future for LocalSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.slept.set(self.slept.get() + 1);
        Pin::new(&mut *self.inner.borrow_mut()).poll(cx)
    }
}

/// A transport of which one part is `Send` and another part is not.
struct LocalConnect(MockTransport);

impl Transport for LocalConnect {
    type Connection = MockConnection;
    type Connect =
        Pin<Box<dyn Future<Output = Result<Established<MockConnection>, TransportError>>>>;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        Box::pin(self.0.connect(attempt))
    }
}

#[test]
fn a_supervisor_is_send_exactly_when_its_parts_are() {
    is_send::<Supervisor<MockTransport, MockTimer>>();
    is_send::<Driver<MockTransport, MockTimer>>();
    assert!(sends!(Supervisor<MockTransport, MockTimer>));
    assert!(!sends!(Supervisor<MockTransport, LocalTimer>), "the timer is not");
    assert!(!sends!(Supervisor<LocalConnect, MockTimer>), "the connect future is not");
    assert!(!sends!(Driver<LocalConnect, MockTimer>));
}

#[test]
fn supervisors_and_drivers_are_always_unpin() {
    is_unpin::<Supervisor<MockTransport, LocalTimer>>();
    is_unpin::<Supervisor<LocalConnect, MockTimer>>();
    is_unpin::<Driver<MockTransport, LocalTimer>>();
    is_unpin::<Inbox>();
    is_unpin::<Receipt>();
}

#[test]
fn handles_and_their_values_are_send_and_sync() {
    is_send_and_sync::<Handle>();
    is_send_and_sync::<Event>();
    is_send_and_sync::<Receipt>();
    is_send_and_sync::<TransportError>();
    is_send_and_sync::<Message>();
    is_send_and_sync::<Fate>();
    is_send_and_sync::<Status>();
    is_send_and_sync::<StatusChanges>();
    is_send_and_sync::<Inbox>();
}

/// Uses no callback.
struct Nothing;

impl Hooks for Nothing {}

#[test]
fn futures_of_handles_and_hooks_are_send() {
    fn check<F: Future + Send>(future: F) {
        drop(future);
    }
    let clock = Clock::new();
    let (transport, _remote) = mock(&clock);
    let supervisor = Supervisor::builder(transport, clock.timer()).build().unwrap();
    let handle = supervisor.handle();
    let mut sink = handle.clone();
    check(handle.queue("x"));
    check(handle.queue_with_receipt("x"));
    check(handle.send_confirmed("x"));
    check(handle.closed());
    check(SinkExt::send(&mut sink, Message::text("x")));
    check(hooks::run(supervisor, Nothing));
}

#[test]
fn parts_that_are_neither_send_nor_unpin_work() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().silent());
    let dialled = Rc::new(Cell::new(0));
    let slept = Rc::new(Cell::new(0));
    let transport = {
        let (dialled, transport) = (Rc::clone(&dialled), Rc::new(RefCell::new(transport)));
        // The async block is neither `Send` nor `Unpin`.
        transport_fn(move |attempt| {
            let (dialled, transport) = (Rc::clone(&dialled), Rc::clone(&transport));
            async move {
                dialled.set(dialled.get() + 1);
                let connect = transport.borrow_mut().connect(attempt);
                connect.await
            }
        })
    };
    let timer = LocalTimer { inner: clock.timer(), slept: Rc::clone(&slept) };
    let mut supervisor =
        Supervisor::builder(transport, timer).preset(Preset::Original).build().unwrap();
    run(&clock, async {
        while let Some(event) = supervisor.next().await {
            if matches!(event, Event::Open(ref open) if open.connection == 2) {
                break;
            }
        }
    });
    assert_eq!(dialled.get(), 2);
    assert!(slept.get() > 0);
    assert_eq!(remote.trace().times("dial"), [0, 27_000]);
}
