//! [`run`]: a program in a process, with its time on the processor.
//!
//! Other processes may leave little time to this one. So only the time on the processor counts.

use std::{
    fs,
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Success,
    Failure,
    /// It reached its limit of time on the processor, or it waited for nothing.
    Stuck,
}

/// A process that uses no time on the processor for this long waits for nothing.
const IDLE: Duration = Duration::from_secs(30);

/// Runs a command to its end. Returns also its time on the processor.
pub fn run(command: &mut Command) -> Result<(End, Duration), String> {
    let error = |error: std::io::Error| format!("a test program: {error}");
    let mut child = command.spawn().map_err(error)?;
    let (mut used, mut since) = (Duration::ZERO, Instant::now());
    let mut pause = Duration::from_millis(1);
    loop {
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
        let (has_ended, time) = look(child.id())?;
        if has_ended {
            return Ok((end(child.wait().map_err(error)?), time));
        }
        if time > used {
            (used, since) = (time, Instant::now());
        } else if since.elapsed() > IDLE {
            child.kill().map_err(error)?;
            child.wait().map_err(error)?;
            return Ok((End::Stuck, time));
        }
    }
}

fn end(status: ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt;
    const SIGKILL: i32 = 9;
    const SIGXCPU: i32 = 24;
    match status.signal() {
        Some(SIGKILL | SIGXCPU) => End::Stuck,
        None if status.success() => End::Success,
        _ => End::Failure,
    }
}

/// Returns whether a process of ours has ended, and its time on the processor, by `/proc` of Linux.
fn look(id: u32) -> Result<(bool, Duration), String> {
    let path = format!("/proc/{id}/stat");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    // The name of the program, in parentheses, comes before the state.
    let fields: Vec<&str> =
        text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let [state, rest @ ..] = &fields[..] else { return Err(format!("{path}: {text}")) };
    // Fields 14 and 15, of which the state is field 3, in hundredths of a second.
    let ticks = rest.iter().skip(10).take(2).filter_map(|field| field.parse::<u64>().ok());
    Ok((*state == "Z", Duration::from_millis(10 * ticks.sum::<u64>())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (End, Duration) {
        run(Command::new("sh").args(["-c", script])).expect("there is a shell")
    }

    #[test]
    fn the_end_of_a_process_is_its_status() {
        assert_eq!(shell("exit 0").0, End::Success);
        assert_eq!(shell("exit 3").0, End::Failure);
        assert_eq!(shell("kill -ABRT $$").0, End::Failure);
    }

    #[test]
    fn a_process_that_uses_all_its_time_is_stuck() {
        let (end, time) = shell("ulimit -t 1; while :; do :; done");
        assert_eq!(end, End::Stuck);
        assert!(time >= Duration::from_millis(900), "{time:?}");
    }
}
