//! The steps of the demo. Each step waits for the events that it shows.

use std::{error::Error, io, net::Ipv4Addr, time::Duration};

use futures::StreamExt;
use websocket_heartbeat_smol::{
    CloseReason, Event, Exponential, Handle, Heartbeat, Lost, LostCause, Preset, Receipt, Request,
    SmolTimer, SmolTransport, Supervisor, Timer,
};

use super::summary::Summary;
use crate::{
    duration::show,
    record::{Record, Timeline},
    serve::{Behaviour, Command, ServerControl},
    session::{Heartbeats, Session, SessionEvent},
    standard::Standard,
    terminal,
};

/// Short, so that the demo takes only seconds.
const PING_TIMEOUT: Duration = Duration::from_millis(1_000);
const PONG_TIMEOUT: Duration = Duration::from_millis(700);
const BACKOFF: (Duration, Duration) = (Duration::from_millis(400), Duration::from_secs(2));
/// The number of refused attempts before the server restarts.
const REFUSALS: u32 = 3;

type StoryError = Box<dyn Error>;

struct Story {
    server: ServerControl,
    session: Session,
    handle: Handle,
    timer: SmolTimer,
    timeline: Timeline<Standard>,
    summary: Summary,
    receipts: Vec<Receipt>,
    readings: u32,
}

/// Runs all steps. An error means that an unexpected event ended the story.
pub(super) async fn run(timer: SmolTimer) -> Result<(), StoryError> {
    let mut story = Story::start(timer)?;
    story.connection_opens().await?;
    story.server_goes_silent().await?;
    story.server_restarts().await?;
    story.close().await
}

impl Story {
    fn start(timer: SmolTimer) -> Result<Self, StoryError> {
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let server = ServerControl::start(address, Behaviour::default())?;
        let request = Request::new(&format!("ws://{}/demo", server.address))?;
        let supervisor = Supervisor::builder(SmolTransport::new(request), timer.clone())
            .preset(Preset::Resilient)
            .heartbeat(Heartbeat::idle(PING_TIMEOUT).timeout(PONG_TIMEOUT).ping())
            .backoff(Exponential::new().base(BACKOFF.0).cap(BACKOFF.1).jitter(0.2))
            .stable_after(PING_TIMEOUT / 2)
            .build()?;
        let (session, handle) = Session::start(supervisor, Heartbeats::Answered)?;
        let mut timeline = Timeline::new(
            Standard::Output,
            terminal::colours(Standard::Output.is_terminal()),
            terminal::stdout_width,
        );
        timeline.text(&format!(
            "wsbeat demo: a server on {}, and a client that sends a ping after {} of\n\
             silence and waits {} for any answer. No data leaves this machine.",
            server.address,
            show(PING_TIMEOUT),
            show(PONG_TIMEOUT),
        ))?;
        Ok(Self {
            server,
            session,
            handle,
            timer,
            timeline,
            summary: Summary::default(),
            receipts: Vec::new(),
            readings: 0,
        })
    }

    async fn connection_opens(&mut self) -> Result<(), StoryError> {
        self.timeline.heading("1. A connection opens, and heartbeats are answered.")?;
        self.open().await?;
        self.send(2).await?;
        self.echoes(2).await?;
        self.heartbeats(3).await
    }

    async fn server_goes_silent(&mut self) -> Result<(), StoryError> {
        self.timeline.heading(
            "2. The server goes silent. Its TCP connection stays open and accepts bytes.",
        )?;
        self.server.apply(Command::Silence).await?;
        self.note("server", "stops reading and answering")?;
        self.send(2).await?;
        let silence = self
            .lost(|lost| match lost.cause {
                LostCause::HeartbeatTimeout(silence) => Some(silence),
                _ => None,
            })
            .await?;
        self.note(
            "detected",
            &format!(
                "after {} of silence; configured: {} + {} = {}",
                show(silence),
                show(PING_TIMEOUT),
                show(PONG_TIMEOUT),
                show(PING_TIMEOUT + PONG_TIMEOUT)
            ),
        )?;
        self.server.apply(Command::Answer).await?;
        self.note("server", "answers again, on a new connection")?;
        self.open().await?;
        self.heartbeats(2).await
    }

    async fn server_restarts(&mut self) -> Result<(), StoryError> {
        self.timeline.heading("3. The server stops. Attempts are refused until it restarts.")?;
        self.server.apply(Command::Stop).await?;
        self.note("server", "stopped")?;
        self.lost(|_| Some(())).await?;
        let echoed = self.summary.echoed();
        self.send(2).await?;
        self.note("queued", "2 messages wait in the outbox")?;
        for _ in 0..REFUSALS {
            self.lost(|lost| (!lost.opened).then_some(())).await?;
        }
        self.server.apply(Command::Start).await?;
        self.note("server", "restarted at the same port")?;
        self.open().await?;
        self.echoes(echoed + 2).await?;
        self.heartbeats(2).await
    }

    async fn close(mut self) -> Result<(), StoryError> {
        self.timeline.heading("4. The client closes the connection.")?;
        self.send(1).await?;
        self.handle.close();
        let reason = loop {
            if let SessionEvent::Event(Event::Closed(closed)) = self.next().await? {
                break closed.reason;
            }
        };
        if reason != CloseReason::User {
            return Err(format!("the session was not closed by the user: {reason}").into());
        }
        for receipt in self.receipts.drain(..) {
            self.summary.count_fate(&receipt.await);
        }
        self.timeline.heading("Summary")?;
        for line in self.summary.lines() {
            self.timeline.text(&line)?;
        }
        Ok(())
    }
}

/// The parts of steps.
impl Story {
    /// Waits for the next event and shows it.
    async fn next(&mut self) -> Result<SessionEvent, StoryError> {
        let event = self.session.next().await.ok_or("the session thread ended unexpectedly")?;
        self.summary.count(&event);
        let now = self.timer.now();
        let record = match &event {
            SessionEvent::Probe(_) => return Ok(event),
            SessionEvent::Heartbeat(heartbeat) => Record::heartbeat(heartbeat),
            SessionEvent::Event(Event::Message(message)) => Record::message(0, message),
            SessionEvent::Event(event) => Record::Event(event),
        };
        self.timeline.record(now, &record)?;
        Ok(event)
    }

    /// As [`next`](Self::next). The end of the session is an error.
    async fn next_before_close(&mut self) -> Result<SessionEvent, StoryError> {
        match self.next().await? {
            SessionEvent::Event(Event::Closed(_)) => {
                Err("the session ended before the story did".into())
            }
            event => Ok(event),
        }
    }

    async fn open(&mut self) -> Result<(), StoryError> {
        while !matches!(self.next_before_close().await?, SessionEvent::Event(Event::Open(_))) {}
        Ok(())
    }

    async fn heartbeats(&mut self, count: u32) -> Result<(), StoryError> {
        for _ in 0..count {
            while !matches!(self.next_before_close().await?, SessionEvent::Heartbeat(_)) {}
        }
        Ok(())
    }

    /// Waits until `count` echoes have arrived in total. If the connection is lost first, which may
    /// happen on a stalled machine, waits for the next one instead.
    async fn echoes(&mut self, count: u32) -> Result<(), StoryError> {
        while self.summary.echoed() < count {
            if let SessionEvent::Event(Event::Lost(_)) = self.next_before_close().await? {
                return self.open().await;
            }
        }
        Ok(())
    }

    async fn lost<R>(&mut self, wanted: impl Fn(&Lost) -> Option<R>) -> Result<R, StoryError> {
        loop {
            if let SessionEvent::Event(Event::Lost(lost)) = self.next_before_close().await?
                && let Some(result) = wanted(&lost)
            {
                return Ok(result);
            }
        }
    }

    async fn send(&mut self, count: u32) -> Result<(), StoryError> {
        for _ in 0..count {
            self.readings += 1;
            let reading = format!("reading {}", self.readings);
            self.receipts.push(self.handle.queue_with_receipt(reading).await?);
        }
        Ok(())
    }

    fn note(&mut self, name: &str, details: &str) -> io::Result<()> {
        self.timeline.note(self.timer.now(), name, details)
    }
}
