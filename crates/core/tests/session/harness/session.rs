//! [`Session`]: a supervisor over the mock, read by a task.

use websocket_heartbeat::{Event, Handle, Message, Preset, Supervisor, Transport};
use websocket_heartbeat_mock::{Clock, MockTimer, Peer, Remote, Runner, Script, mock};

use super::{
    event_log::EventLog,
    fixture::MockBuilder,
    time::{in_millis, ms},
};

/// A supervisor over the mock, and a task that reads all of its events.
pub(crate) struct Session {
    pub(crate) clock: Clock,
    pub(crate) remote: Remote,
    pub(crate) runner: Runner,
    pub(crate) handle: Handle,
    log: EventLog,
}

impl Session {
    /// A session with `Preset::Original`, changed by `set`, whose dials `script` answers.
    pub(crate) fn new(
        script: impl FnMut(u64) -> Script + Send + 'static,
        set: impl FnOnce(MockBuilder) -> MockBuilder,
    ) -> Self {
        let clock = Clock::new();
        let (transport, remote) = mock(&clock);
        remote.script(script);
        let builder = Supervisor::builder(transport, clock.timer()).preset(Preset::Original);
        Self::over(&clock, remote, set(builder).build().expect("the settings are valid"))
    }

    /// A session with `Preset::Original`.
    pub(crate) fn original(script: impl FnMut(u64) -> Script + Send + 'static) -> Self {
        Self::new(script, |builder| builder)
    }

    /// A session over any supervisor.
    pub(crate) fn over<T: Transport + 'static>(
        clock: &Clock,
        remote: Remote,
        mut supervisor: Supervisor<T, MockTimer>,
    ) -> Self {
        let handle = supervisor.handle();
        let mut runner = Runner::new(clock);
        let log = EventLog::new(clock);
        let events = log.clone();
        runner
            .spawn(async move {
                while let Some(event) = supervisor.next().await {
                    events.push(event);
                }
            })
            .detach();
        Self { clock: clock.clone(), remote, runner, handle, log }
    }

    pub(crate) fn now(&self) -> u64 {
        in_millis(self.clock.now().since_epoch())
    }

    /// Runs up to and including this time.
    #[track_caller]
    pub(crate) fn run_to(&mut self, millis: u64) {
        let left = millis.checked_sub(self.now()).expect("time runs forward");
        self.runner.run_for(ms(left));
    }

    pub(crate) fn peer(&self) -> Peer {
        self.remote.last_peer().expect("a connection was opened")
    }

    /// All events, with their times in milliseconds.
    pub(crate) fn timed_events(&self) -> Vec<(u64, Event)> {
        self.log.timed_events()
    }

    /// All events in words, with their times in milliseconds.
    pub(crate) fn timed_words(&self) -> Vec<(u64, String)> {
        self.log.timed_words()
    }

    /// The times of the events whose words start with `beginning`.
    pub(crate) fn times(&self, beginning: &str) -> Vec<u64> {
        let events = self.timed_words().into_iter();
        events.filter(|(_, words)| words.starts_with(beginning)).map(|(at, _)| at).collect()
    }

    /// The last event in words, with its time.
    pub(crate) fn last(&self) -> (u64, String) {
        self.timed_words().pop().unwrap_or_default()
    }

    pub(crate) fn dials(&self) -> Vec<u64> {
        self.remote.dials().iter().map(|at| in_millis(at.since_epoch())).collect()
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        let events = self.log.events().into_iter();
        events
            .filter_map(|event| if let Event::Message(m) = event { Some(m) } else { None })
            .collect()
    }

    #[track_caller]
    pub(crate) fn assert_events(&self, expected: &[(u64, &str)]) {
        self.log.assert(expected);
    }
}
