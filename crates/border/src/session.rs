//! One session, and the table of all: [`Session`].

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_core::Stream;
use websocket_heartbeat::{CloseFrame, ConfigError, Handle, QueueError, Supervisor};

use crate::{
    connection::{Report, Shared},
    entry::Entry,
    options::Options,
    report::report,
    timer::{Alarm, BorderTimer},
    transport::BorderTransport,
};

pub(crate) struct Session {
    number: u32,
    supervisor: Supervisor<BorderTransport, BorderTimer>,
    handle: Handle,
    shared: Rc<Shared>,
    alarm: Rc<RefCell<Alarm>>,
    woken: Arc<Woken>,
    /// How many bytes of payload the outbox holds at most.
    bytes: f64,
}

/// Whether the task was woken since its last poll.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The sessions that have not ended, and the number of the last one. Numbers are never used again,
/// so that JavaScript cannot mistake one session for another.
#[derive(Default)]
struct Sessions {
    all: Vec<Box<Session>>,
    last: u32,
}

thread_local! {
    static SESSIONS: RefCell<Sessions> = RefCell::default();
}

/// Makes a session and returns its number. It does nothing before its first poll.
pub(crate) fn create(options: &Options) -> Result<u32, ConfigError> {
    SESSIONS.with_borrow_mut(|sessions| {
        let number = sessions.last + 1;
        sessions.all.push(Box::new(Session::new(number, options)?));
        sessions.last = number;
        Ok(number)
    })
}

/// Calls `change`, then polls the session. Returns `None` if there is no such session.
pub(crate) fn with<R>(number: u32, change: impl FnOnce(&Session) -> R) -> Option<R> {
    let result = SESSIONS.with_borrow(|sessions| {
        let mut all = sessions.all.iter();
        all.find(|session| session.number == number).map(|session| change(session))
    });
    poll(number);
    result
}

/// Polls the session, and removes it if it has ended.
#[inline(never)]
fn poll(number: u32) {
    SESSIONS.with_borrow_mut(|sessions| {
        let mut all = sessions.all.iter();
        let Some(index) = all.position(|session| session.number == number) else { return };
        if sessions.all[index].poll() == Next::End {
            drop(sessions.all.swap_remove(index));
        }
    });
}

#[derive(PartialEq, Eq)]
enum Next {
    Wait,
    End,
}

impl Session {
    fn new(number: u32, options: &Options) -> Result<Self, ConfigError> {
        let shared = Rc::<Shared>::default();
        let alarm = Rc::<RefCell<Alarm>>::default();
        let transport = BorderTransport::new(number, Rc::clone(&shared));
        let timer = BorderTimer::new(number, Rc::clone(&alarm));
        let supervisor = options.apply(Supervisor::builder(transport, timer)).build()?;
        let handle = supervisor.handle();
        let woken = Arc::default();
        Ok(Self { number, supervisor, handle, shared, alarm, woken, bytes: options.bytes() })
    }

    fn poll(&mut self) -> Next {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut cx = Context::from_waker(&waker);
        loop {
            self.woken.0.store(false, Ordering::Relaxed);
            match Pin::new(&mut self.supervisor).poll_next(&mut cx) {
                Poll::Ready(Some(event)) => report(self.number, &self.shared, &event),
                Poll::Ready(None) => return Next::End,
                Poll::Pending if self.woken.0.load(Ordering::Relaxed) => {}
                Poll::Pending => return Next::Wait,
            }
        }
    }

    /// Records a report of JavaScript on a connection. Late reports have no effect.
    #[inline(never)]
    pub(crate) fn record(&self, connection: u32, report: Report) {
        let mut reported = self.shared.reported.borrow_mut();
        if reported.number == connection {
            reported.record(report);
        }
    }

    pub(crate) fn alarm(&self) {
        self.alarm.borrow_mut().fired();
    }

    /// Queues an entry. The core counts messages; the bytes of payload are counted here.
    pub(crate) fn send(&self, entry: Entry) -> Sent {
        let held = self.shared.held.get() + f64::from(entry.size);
        if held > self.bytes {
            let alone = f64::from(entry.size) > self.bytes;
            return if alone { Sent::TooLarge } else { Sent::Full };
        }
        match self.handle.try_queue(entry.message()) {
            Ok(()) => {
                self.shared.held.set(held);
                Sent::Accepted
            }
            Err(QueueError::Offline(_)) => Sent::Offline,
            Err(QueueError::Full(_)) => Sent::Full,
            Err(_) => Sent::Closed,
        }
    }

    /// Returns whether there is such a command, and its code may be sent; 0 is no code.
    pub(crate) fn command(&self, command: u32, code: u32) -> bool {
        match (command, code) {
            (0, 0) => self.handle.close(),
            (0, code) => {
                let frame = u16::try_from(code).map(|code| CloseFrame::new(code, ""));
                return frame.is_ok_and(|frame| self.handle.close_with(frame).is_ok());
            }
            (1, _) => self.handle.abort(),
            (2, _) => self.handle.reconnect_now(),
            (3, _) => self.handle.probe_now(),
            (4, _) => self.handle.pause(),
            (5, _) => self.handle.resume(),
            _ => return false,
        }
        true
    }
}

/// The answer to an entry, in the order of `REFUSALS` in `npm/src/session.js`.
#[repr(u32)]
#[derive(Clone, Copy)]
pub(crate) enum Sent {
    Accepted,
    Closed,
    Full,
    Offline,
    TooLarge,
}
