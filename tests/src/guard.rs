//! One generous time limit for a test, which turns a hang into a failure and judges nothing else.

use std::{panic, sync::mpsc, thread, time::Duration};

/// How long a test may take before it counts as hanging.
pub const GUARD: Duration = Duration::from_secs(60);

/// Runs `body` on a thread of its own.
///
/// # Panics
///
/// When `body` does, and when it does not end within [`GUARD`]. In that case it goes on by itself,
/// since no thread can be stopped from outside.
pub fn guarded<T: Send + 'static>(name: &str, body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // Fails only where nobody waits any more.
            let _ = done.send(body());
        })
        .expect("a thread");
    match wait.recv_timeout(GUARD) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name}: no end after {GUARD:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(payload) => panic::resume_unwind(payload),
            Ok(()) => unreachable!("a body that returned has sent its value"),
        },
    }
}
