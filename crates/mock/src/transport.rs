//! [`MockTransport`]: a `Transport` that a [`Remote`] controls.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use websocket_heartbeat::{Attempt, Established, Transport, TransportError};

use crate::{
    network::MockConnection,
    server::{Dial, Peer, Remote},
    time::Clock,
    trace::Step,
};

/// Creates a transport without a network, and the [`Remote`] that controls it.
///
/// ```
/// use websocket_heartbeat_mock::{mock, Clock, Script};
///
/// let clock = Clock::new();
/// let (transport, remote) = mock(&clock);
/// remote.script(|_dial| Script::accept().echo());
/// # let _ = transport;
/// ```
pub fn mock(clock: &Clock) -> (MockTransport, Remote) {
    let remote = Remote::new(clock);
    (MockTransport { remote: remote.clone(), can_ping: true }, remote)
}

/// The client's side of a [`mock`]: a [`Transport`] whose dials are answered by scripts or by the
/// test.
pub struct MockTransport {
    remote: Remote,
    can_ping: bool,
}

impl MockTransport {
    /// A transport that cannot send pings, as in a browser.
    #[must_use]
    pub fn without_pings(mut self) -> Self {
        self.can_ping = false;
        self
    }
}

impl Transport for MockTransport {
    type Connection = MockConnection;
    type Connect = MockConnect;

    fn connect(&mut self, attempt: Attempt) -> MockConnect {
        let remote = self.remote.clone();
        MockConnect { remote, can_ping: self.can_ping, stage: Stage::New(attempt) }
    }

    fn can_ping(&self) -> bool {
        self.can_ping
    }
}

impl fmt::Debug for MockTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockTransport").field("can_ping", &self.can_ping).finish_non_exhaustive()
    }
}

/// One attempt of a [`MockTransport`]. The dial starts at the first poll.
#[must_use = "futures do nothing unless polled"]
pub struct MockConnect {
    remote: Remote,
    can_ping: bool,
    stage: Stage,
}

enum Stage {
    New(Attempt),
    Dialing(Dial),
    Done,
}

impl Future for MockConnect {
    type Output = Result<Established<MockConnection>, TransportError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let dial = match std::mem::replace(&mut this.stage, Stage::Done) {
            Stage::New(attempt) => this.remote.dial(attempt),
            Stage::Dialing(dial) => dial,
            Stage::Done => panic!("a connect future was polled after it had finished"),
        };
        let Poll::Ready(outcome) = dial.poll_outcome(cx.waker()) else {
            this.stage = Stage::Dialing(dial);
            return Poll::Pending;
        };
        let number = dial.attempt().connection;
        this.remote.gauge().change(|counts| counts.dialing -= 1);
        let link = match outcome {
            Ok(link) => link,
            Err(error) => {
                this.remote.trace().add(number, Step::Refused(error.clone()));
                return Poll::Ready(Err(error));
            }
        };
        link.record(Step::Open);
        let (subprotocol, headers) = {
            let state = link.lock();
            (state.options.subprotocol.clone(), state.options.headers.clone())
        };
        let peer = Peer::new(&link);
        let connection = MockConnection::new(link, this.remote.gauge().clone(), this.can_ping);
        this.remote.opened(peer);
        Poll::Ready(Ok(Established::new(connection).subprotocol(subprotocol).headers(headers)))
    }
}

impl Drop for MockConnect {
    fn drop(&mut self) {
        if let Stage::Dialing(dial) = &self.stage {
            self.remote.gauge().change(|counts| counts.dialing -= 1);
            dial.abandon();
        }
    }
}

impl fmt::Debug for MockConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockConnect").finish_non_exhaustive()
    }
}
