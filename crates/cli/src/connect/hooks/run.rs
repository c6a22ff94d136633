//! One run of a command.

use std::{ffi::OsStr, io, pin::pin, process::Stdio};

use async_process::{Child, Command};
use futures::{AsyncWriteExt, future::Either, future::select};

use super::{Job, forward::Forward};
use crate::connect::output::Output;

/// Runs the command by the shell until it ends. If the future is dropped before, the command is
/// killed, on Unix with all its descendants. It writes to `output`, or else to standard error.
pub(super) async fn run(command: &str, job: Job, output: Option<&Output>) -> Result<(), String> {
    let mut shell = shell(command);
    // Variables with our prefix may be meant for this program only.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
        shell.env_remove(name);
    }
    let stdin = if job.input.is_some() { Stdio::piped() } else { Stdio::null() };
    // Standard output has the messages only.
    let cannot_start = |error: io::Error| format!("it cannot start: {error}");
    let forward = output.cloned().map(Forward::start).transpose().map_err(cannot_start)?;
    let (forward, writer) = forward.unzip();
    let output = || match &writer {
        Some(writer) => writer.try_clone().map(Stdio::from).map_err(cannot_start),
        None => Ok(io::stderr().into()),
    };
    shell.envs(job.environment).stdin(stdin).stdout(output()?).stderr(output()?);
    let child = shell.spawn().map_err(cannot_start)?;
    // It has copies of the output.
    drop((shell, writer));
    let mut running = Running { child, ended: false };
    let mut pipe = running.child.stdin.take();
    let write = pin!(async move {
        if let (Some(pipe), Some(message)) = (&mut pipe, &job.input) {
            // A command need not read its input.
            let _ = pipe.write_all(message.as_bytes()).await;
        }
        drop(pipe);
    });
    let status = match select(pin!(running.child.status()), write).await {
        Either::Left((status, _)) => status,
        Either::Right(((), status)) => status.await,
    };
    running.ended = true;
    if let Some(forward) = forward {
        forward.finish().await;
    }
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn is_ours(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("WSBEAT_"))
}

struct Running {
    child: Child,
    ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            #[cfg(unix)]
            kill_group(&self.child);
            let _ = self.child.kill();
        }
    }
}

#[cfg(unix)]
fn kill_group(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It fails if all of them have ended.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// The command is in a process group of its own, so that a ctrl-c that closes the session does not
/// interrupt it.
#[cfg(unix)]
fn shell(command: &str) -> Command {
    use std::os::unix::process::CommandExt;
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(command).process_group(0);
    shell.into()
}

#[cfg(windows)]
fn shell(command: &str) -> Command {
    use std::os::windows::process::CommandExt;
    let mut shell = std::process::Command::new("cmd");
    shell.arg("/C").raw_arg(command);
    shell.into()
}
