//! The delays of a process on a loaded machine.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

/// Measures the longest delay of a sleeping thread in this process, until it is dropped. On a loaded
/// machine each measured time may be longer by this delay.
#[derive(Debug)]
pub struct Stalls {
    longest: Arc<AtomicU64>,
}

impl Stalls {
    /// Begins to measure, on a new thread.
    pub fn measure() -> Self {
        let longest = Arc::new(AtomicU64::new(0));
        let seen = Arc::downgrade(&longest);
        thread::spawn(move || nap(&seen));
        Self { longest }
    }

    /// The longest delay so far.
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }
}

fn nap(seen: &Weak<AtomicU64>) {
    const NAP: Duration = Duration::from_millis(2);
    let (_never, nap) = mpsc::channel::<()>();
    loop {
        let start = Instant::now();
        assert_eq!(nap.recv_timeout(NAP), Err(RecvTimeoutError::Timeout));
        let late = start.elapsed().saturating_sub(NAP);
        let Some(seen) = seen.upgrade() else { return };
        seen.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
    }
}
