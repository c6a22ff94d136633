//! Commands of the user that run at events: `--on-open`, `--on-lost` and `--on-message`.
//!
//! One thread runs them, so that the session never waits. For each option, one command runs at a
//! time, in the order of the events. A bounded number of events waits; further ones are not run,
//! which is reported.

mod forward;
mod run;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

use futures::{
    StreamExt,
    channel::{
        mpsc::{Receiver, Sender, channel},
        oneshot,
    },
    future::{Either, join_all, select},
};
use websocket_heartbeat_smol::{Event, Lost, Message, Open, backend::printable};

use self::run::run;
use super::output::Output;
use crate::{duration::to_millis, utc::Utc, values};

#[derive(clap::Args)]
#[command(next_help_heading = "Commands")]
pub(crate) struct HookOptions {
    /// A shell command that runs after a connection opens
    ///
    /// It gets WSBEAT_EVENT (open), WSBEAT_TIME, WSBEAT_CONNECTION and WSBEAT_OUTAGE_MS in its
    /// environment. All commands write to standard error.
    #[arg(long, value_name = "COMMAND", value_parser = values::command)]
    on_open: Option<String>,
    /// A shell command that runs after an open connection is lost
    ///
    /// It gets WSBEAT_EVENT (lost), WSBEAT_TIME, WSBEAT_CONNECTION, WSBEAT_CAUSE, WSBEAT_CODE and
    /// WSBEAT_DETAIL.
    #[arg(long, value_name = "COMMAND", value_parser = values::command)]
    on_lost: Option<String>,
    /// A shell command that runs for each message of the server
    ///
    /// One runs at a time, with the message on its standard input. It gets WSBEAT_EVENT (message),
    /// WSBEAT_TIME, WSBEAT_CONNECTION and WSBEAT_KIND (text or binary). At most 64 messages wait; for
    /// others it does not run.
    #[arg(long, value_name = "COMMAND", value_parser = values::command)]
    on_message: Option<String>,
}

/// The events that wait for one command. A program that is much slower than the server will not
/// catch up with more of them.
const WAITING: usize = 64;

/// The bytes of messages that wait for the command. One more message may exceed it.
const WAITING_BYTES: usize = 16 << 20;

/// The time that commands have after the end of the session. It is longer than a command that
/// sends a notification takes, and shorter than the 10 s after which service managers kill.
const GRACE: Duration = Duration::from_secs(5);

/// The commands of a session.
pub(crate) struct Hooks {
    on_open: Option<Hook>,
    on_lost: Option<Hook>,
    on_message: Option<Hook>,
    /// Reports of the thread. It ends with the thread.
    notes: Receiver<String>,
    /// Ends the thread, with its commands.
    stop: Option<oneshot::Sender<()>>,
}

/// The command of one option.
struct Hook {
    option: &'static str,
    jobs: Sender<Job>,
    progress: Arc<Progress>,
    /// The number of events.
    events: u64,
    /// The number of events that found no room.
    dropped: u64,
}

#[derive(Default)]
struct Progress {
    waiting_bytes: AtomicUsize,
    /// The number of commands that have ended.
    ended: AtomicU64,
}

/// One run of a command.
struct Job {
    environment: Vec<(&'static str, String)>,
    /// For its standard input.
    input: Option<Message>,
}

impl Hooks {
    /// The commands write to `output`, or else to standard error.
    pub(crate) fn start(options: &HookOptions, output: Option<Output>) -> io::Result<Self> {
        let (notes, receiver) = channel(WAITING);
        let mut workers = Vec::new();
        let mut hook = |option, command: &Option<String>| {
            // A sender has a place of its own.
            let (jobs, receiver) = channel(WAITING - 1);
            let progress = Arc::new(Progress::default());
            let shared = Arc::clone(&progress);
            let (command, output) = (command.clone()?, output.clone());
            workers.push(work(option, command, output, receiver, shared, notes.clone()));
            Some(Hook { option, jobs, progress, events: 0, dropped: 0 })
        };
        let on_open = hook("--on-open", &options.on_open);
        let on_lost = hook("--on-lost", &options.on_lost);
        let on_message = hook("--on-message", &options.on_message);
        drop(notes);
        let (stop, stopped) = oneshot::channel();
        if !workers.is_empty() {
            let all = async move { drop(select(join_all(workers), stopped).await) };
            thread::Builder::new().name("commands".into()).spawn(|| async_io::block_on(all))?;
        }
        Ok(Self { on_open, on_lost, on_message, notes: receiver, stop: Some(stop) })
    }

    /// Runs the command of the event, if there is one. Returns a report if there is no room for
    /// the first time.
    pub(crate) fn event(&mut self, connection: u64, event: &Event) -> Option<String> {
        match event {
            Event::Open(open) => self.on_open.as_mut()?.queue(opened(open)),
            // An attempt that failed is no connection that was lost.
            Event::Lost(lost) if lost.opened => self.on_lost.as_mut()?.queue(lost_job(lost)),
            Event::Message(message) => {
                self.on_message.as_mut()?.queue(message_job(connection, message))
            }
            _ => None,
        }
    }

    /// The next report of a command.
    pub(crate) fn poll_note(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        match self.notes.poll_next_unpin(cx) {
            Poll::Ready(Some(note)) => Poll::Ready(note),
            _ => Poll::Pending,
        }
    }

    /// Waits until all commands have ended, at most [`GRACE`], then ends the others. Returns the
    /// reports.
    pub(crate) async fn finish(mut self) -> Vec<String> {
        let hooks = [self.on_open.take(), self.on_lost.take(), self.on_message.take()];
        let ends: Vec<_> = hooks.into_iter().flatten().map(Hook::close).collect();
        let mut notes = Vec::new();
        let mut timeout = async_io::Timer::after(GRACE);
        loop {
            let note = match select(self.notes.next(), &mut timeout).await {
                Either::Left((note, _)) => note,
                Either::Right(_) => {
                    // The thread drops its commands, which ends them.
                    self.stop = None;
                    self.notes.next().await
                }
            };
            match note {
                Some(note) => notes.push(note),
                None => break,
            }
        }
        notes.extend(ends.into_iter().filter_map(End::report));
        notes
    }
}

/// The counts of a command whose queue is closed.
struct End {
    option: &'static str,
    events: u64,
    progress: Arc<Progress>,
}

impl End {
    fn report(self) -> Option<String> {
        let missed = self.events - self.progress.ended.load(SeqCst);
        (missed > 0).then(|| {
            format!(
                "the command of {} did not run, or not to its end, for {missed} of {} events",
                self.option, self.events
            )
        })
    }
}

impl Hook {
    fn queue(&mut self, job: Job) -> Option<String> {
        self.events += 1;
        let bytes = job.input.as_ref().map_or(0, Message::len);
        let waiting = self.progress.waiting_bytes.fetch_add(bytes, SeqCst);
        if waiting < WAITING_BYTES && self.jobs.try_send(job).is_ok() {
            return None;
        }
        self.progress.waiting_bytes.fetch_sub(bytes, SeqCst);
        self.dropped += 1;
        (self.dropped == 1).then(|| {
            format!(
                "the command of {} is slower than the events; it does not run for some of them",
                self.option
            )
        })
    }

    fn close(self) -> End {
        End { option: self.option, events: self.events, progress: self.progress }
    }
}

/// Runs the command for each job. Reports the first failure, and the number of failures at the end.
async fn work(
    option: &'static str,
    command: String,
    output: Option<Output>,
    mut jobs: Receiver<Job>,
    progress: Arc<Progress>,
    mut notes: Sender<String>,
) {
    let mut failures = 0_u64;
    while let Some(job) = jobs.next().await {
        let bytes = job.input.as_ref().map_or(0, Message::len);
        let result = run(&command, job, output.as_ref()).await;
        progress.waiting_bytes.fetch_sub(bytes, SeqCst);
        progress.ended.fetch_add(1, SeqCst);
        if let Err(error) = result {
            failures += 1;
            if failures == 1 {
                let _ = notes.try_send(format!("the command of {option} failed: {error}"));
            }
        }
    }
    if failures > 1 {
        let _ = notes.try_send(format!("the command of {option} failed {failures} times"));
    }
}

fn job(event: &str, connection: u64) -> Job {
    let environment = vec![
        ("WSBEAT_EVENT", event.to_owned()),
        ("WSBEAT_TIME", Utc::now().to_string()),
        ("WSBEAT_CONNECTION", connection.to_string()),
    ];
    Job { environment, input: None }
}

fn opened(open: &Open) -> Job {
    let mut job = job("open", open.connection);
    let outage = open.outage.map(|outage| to_millis(outage).to_string());
    job.environment.extend(outage.map(|outage| ("WSBEAT_OUTAGE_MS", outage)));
    job
}

fn lost_job(lost: &Lost) -> Job {
    let mut job = job("lost", lost.connection);
    let code = lost.cause.close_code().map(|code| code.to_string());
    job.environment.push(("WSBEAT_CAUSE", lost.cause.name().to_owned()));
    job.environment.extend(code.map(|code| ("WSBEAT_CODE", code)));
    // Text of a server, which may have a zero byte.
    let detail = lost.cause.detail();
    job.environment.push(("WSBEAT_DETAIL", printable(&detail).into_owned()));
    job
}

fn message_job(connection: u64, message: &Message) -> Job {
    let mut job = job("message", connection);
    let kind = if message.as_text().is_some() { "text" } else { "binary" };
    job.environment.push(("WSBEAT_KIND", kind.to_owned()));
    job.input = Some(message.clone());
    job
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of messages of this size that a command without progress accepts, of 100.
    fn accepted(bytes: usize) -> usize {
        let (jobs, mut receiver) = channel(WAITING - 1);
        let progress = Arc::default();
        let mut hook = Hook { option: "--on-message", jobs, progress, events: 0, dropped: 0 };
        let message = Message::binary(vec![0; bytes]);
        let notes = (0..100).filter_map(|_| hook.queue(message_job(1, &message))).count();
        assert_eq!(notes, 1, "the first one that is dropped is reported");
        drop(hook);
        std::iter::from_fn(|| receiver.try_recv().ok()).count()
    }

    #[test]
    fn the_messages_that_wait_are_bounded_by_number_and_by_bytes() {
        assert_eq!(accepted(1), WAITING);
        assert_eq!(accepted(WAITING_BYTES / 4), 4);
        assert_eq!(accepted(WAITING_BYTES * 2), 1);
    }
}
