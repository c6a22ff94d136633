//! The output of a shell command, within a time.

use std::{
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use blocking::unblock;
use futures::future::{Either, pending, select};

use super::error::{LARGEST, Problem};

/// The interval of the check whether a command has ended that has closed its output.
const CHECK: Duration = Duration::from_millis(5);

/// Runs a command, and returns its standard output if it ends with exit code 0 within the time.
///
/// Its standard error is that of `wsbeat`. It cannot read the messages on standard input.
///
/// # Cancel safety
///
/// Dropping the future kills the command, on Unix with the processes that it has started.
pub(super) async fn output(command: &str, time: Option<Duration>) -> Result<Vec<u8>, Problem> {
    let mut shell = shell(command);
    shell.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = shell.spawn().map_err(|error| Problem::Start(error.kind()))?;
    let stdout = child.stdout.take();
    let running = Running(Arc::new(Mutex::new(Some(child))));
    let waiter = Running(Arc::clone(&running.0));
    // The killed command is waited for also if this future is dropped.
    let end = unblock(move || {
        let mut text = Vec::new();
        let read = stdout.map(|pipe| pipe.take(LARGEST + 1).read_to_end(&mut text));
        if text.len() as u64 > LARGEST || matches!(read, Some(Err(_))) {
            waiter.kill();
        }
        (waiter.wait(), text)
    });
    let sleep = async {
        match time {
            Some(time) => drop(async_io::Timer::after(time).await),
            None => pending().await,
        }
    };
    let sleep = std::pin::pin!(sleep);
    match select(end, sleep).await {
        Either::Left(((_, text), _)) if text.len() as u64 > LARGEST => Err(Problem::TooLarge),
        Either::Left(((Some(status), text), _)) if status.success() => Ok(text),
        Either::Left(((status, _), _)) => {
            Err(Problem::Failed(status.and_then(|status| status.code())))
        }
        // The command is killed when `running` is dropped.
        Either::Right(((), _)) => Err(Problem::Late(time.unwrap_or_default())),
    }
}

/// A command. `None` after its end.
struct Running(Arc<Mutex<Option<Child>>>);

impl Running {
    /// Waits for the end. The lock is free while it waits, so that the command can be killed.
    fn wait(&self) -> Option<ExitStatus> {
        loop {
            let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match child.as_mut()?.try_wait() {
                Ok(None) => {}
                ended => {
                    *child = None;
                    return ended.ok().flatten();
                }
            }
            drop(child);
            #[allow(clippy::disallowed_methods, reason = "a pause on a thread that may block")]
            thread::sleep(CHECK);
        }
    }

    fn kill(&self) {
        // The process was not waited for, so no other process has its number.
        if let Some(child) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            kill(child);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    use std::os::unix::process::CommandExt;

    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).process_group(0);
    shell
}

#[cfg(unix)]
fn kill(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};

    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

#[cfg(not(unix))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.arg("/C").arg(command);
    shell
}

#[cfg(not(unix))]
fn kill(child: &mut Child) {
    let _ = child.kill();
}
