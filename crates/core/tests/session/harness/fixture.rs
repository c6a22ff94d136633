//! [`Fixture`]: a clock, a mock and an executor, and a builder on them.

use std::pin::pin;

use futures::{Stream, StreamExt};
use websocket_heartbeat::{Builder, Constant, Event, Heartbeat, Preset, Supervisor};
use websocket_heartbeat_mock::{Clock, MockTimer, MockTransport, Remote, Runner, Script, mock};

use super::{event_log::EventLog, time::secs};

pub(crate) type MockSupervisor = Supervisor<MockTransport, MockTimer>;
pub(crate) type MockBuilder = Builder<MockTransport, MockTimer>;

/// A clock, a mock and an executor, for a test that builds and drives its session itself.
pub(crate) struct Fixture {
    pub(crate) clock: Clock,
    pub(crate) remote: Remote,
    pub(crate) runner: Runner,
}

impl Fixture {
    /// A fixture, and the builder of a session on it: pings after 15 s of silence, 10 s for the
    /// answer, 1 s between attempts, and messages kept while offline.
    pub(crate) fn new(script: impl FnMut(u64) -> Script + Send + 'static) -> (Self, MockBuilder) {
        let (fixture, builder) = Self::manual();
        fixture.remote.script(script);
        (fixture, builder)
    }

    /// Like [`new`](Self::new), but the test answers each dial itself.
    pub(crate) fn manual() -> (Self, MockBuilder) {
        let clock = Clock::new();
        let (transport, remote) = mock(&clock);
        let builder = Supervisor::builder(transport, clock.timer())
            .preset(Preset::Resilient)
            .heartbeat(Heartbeat::idle(secs(15)).timeout(secs(10)).ping())
            .backoff(Constant::new(secs(1)));
        let runner = Runner::new(&clock);
        (Self { clock, remote, runner }, builder)
    }

    /// Reads a stream to its end in a task of its own. The test may have read its first events.
    pub(crate) fn read(&mut self, stream: impl Stream<Item = Event> + 'static) -> EventLog {
        let log = EventLog::midway(&self.clock);
        let events = log.clone();
        let reading = async move {
            let mut stream = pin!(stream);
            while let Some(event) = stream.next().await {
                events.push(event);
            }
        };
        self.runner.spawn(reading).detach();
        log
    }
}
