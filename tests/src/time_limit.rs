//! One generous time limit for a test. Its only purpose is that a test that hangs fails.

use std::{panic, sync::mpsc, thread, time::Duration};

/// A test that takes longer than this is considered to hang. The limit is far more than the slowest
/// test needs on a loaded machine.
pub const TIME_LIMIT: Duration = Duration::from_secs(120);

/// Runs `body` on a new thread and returns its result.
///
/// # Panics
///
/// When `body` panics, and when it does not end within [`TIME_LIMIT`]. After the time limit its
/// thread continues, since a thread cannot be stopped from outside.
pub fn with_time_limit<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, wait) = mpsc::channel();
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // Fails only after the time limit.
            let _ = done.send(body());
        })
        .expect("a thread");
    match wait.recv_timeout(TIME_LIMIT) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name}: no end after {TIME_LIMIT:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(payload) => panic::resume_unwind(payload),
            Ok(()) => unreachable!("a body that returned has sent its value"),
        },
    }
}
