//! The examination itself.

use std::time::{Duration, Instant, UNIX_EPOCH};

use websocket_heartbeat_smol::{
    Bytes, CloseFrame, Established, Frame, Message, SmolConnection, TransportError,
    backend::printable,
};

use super::{
    findings::{Answer, Clock, Close, Findings, Idle, MaxMessage},
    link::{Link, Waited},
    phases::Recorder,
};
use crate::{
    duration::{show, to_fine_millis, to_millis},
    exit::{note, warn},
    server::ServerTransport,
    utc::Utc,
};

/// The number of pings, of which the median round trip is reported.
const PINGS: usize = 3;

/// The sizes of messages that are tried, in bytes. The largest is the limit of `wsbeat` for one
/// frame of a server, which may echo it.
const SMALLEST: usize = 1 << 10;
const LARGEST: usize = 16 << 20;

/// The parts of an examination.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// The maximum time of each answer.
    pub(super) timeout: Duration,
    pub(super) only_pings: bool,
    pub(super) idle: Option<Duration>,
    pub(super) find_max_message: bool,
}

impl Plan {
    /// Examines the server. Progress is shown unless `quiet`.
    pub(super) async fn run(
        self,
        transport: ServerTransport,
        server: &str,
        quiet: bool,
    ) -> Findings {
        let mut findings =
            Findings { server: printable(server).into_owned(), ..Findings::default() };
        let recorder = Recorder::new();
        let observer = recorder.clone();
        let transport = transport.on_step(move |step| observer.record(step));
        let start = Instant::now();
        let established = self.connect(&transport).await;
        recorder.report(start, &mut findings);
        match established {
            Ok(established) => {
                read_answer(&established, &mut findings);
                let mut link = Link::new(established.connection);
                self.answers(&mut link, &mut findings).await;
                self.close(link, &mut findings).await;
            }
            Err(error) => {
                findings.failure = Some(error.to_string());
                return findings;
            }
        }
        // A ping after each message shows whether it was accepted.
        let pings = findings.ping.as_ref().is_some_and(|ping| ping.answered == Some(true));
        if self.find_max_message && !pings {
            warn("--find-max-message has no result, since the server answers no ping frames");
        } else if self.find_max_message {
            findings.max_message = self.max_message(&transport).await;
        }
        if let Some(limit) = self.idle {
            if !quiet {
                let limit = show(limit);
                note(&format_args!("waiting on a silent connection, at most {limit}"));
            }
            findings.idle = self.wait_idle(&transport, limit).await;
        }
        findings
    }

    /// An attempt may take as long as that of `wsbeat connect`.
    async fn connect(
        self,
        transport: &ServerTransport,
    ) -> Result<Established<SmolConnection>, TransportError> {
        transport.connect_once(Duration::from_secs(10).max(self.timeout)).await
    }

    /// The answers to pings, to the text heartbeat and to a message.
    async fn answers(self, link: &mut Link, findings: &mut Findings) {
        let mut trips = Vec::new();
        for number in 0..PINGS {
            match link.ping(&format!("wsbeat {number}"), self.timeout).await {
                Waited::Arrived(time) => trips.push(time),
                Waited::TimedOut => break,
                Waited::Ended(..) => return,
            }
        }
        trips.sort();
        let median = trips.get(trips.len() / 2).copied();
        findings.ping =
            Some(Answer { answered: Some(median.is_some()), rtt_ms: median.map(to_fine_millis) });
        findings.unasked_messages = link.messages;
        if !self.only_pings {
            let heartbeat = link.ask("heartbeat", self.timeout, |_| true).await;
            let answered = match heartbeat {
                Waited::Ended(..) => return,
                // A server that talks by itself need not have answered.
                Waited::Arrived(_) if findings.unasked_messages > 0 => {
                    Answer { answered: None, rtt_ms: None }
                }
                Waited::Arrived(time) => {
                    Answer { answered: Some(true), rtt_ms: Some(to_fine_millis(time)) }
                }
                Waited::TimedOut => Answer { answered: Some(false), rtt_ms: None },
            };
            findings.text_heartbeat = Some(answered);
            let question = "wsbeat check: please echo";
            let is_echo =
                |message: &Message| message.as_text().is_some_and(|text| text.contains(question));
            findings.echo = match link.ask(question, self.timeout, is_echo).await {
                Waited::Arrived(_) => Some(true),
                Waited::TimedOut => Some(false),
                Waited::Ended(..) => None,
            };
        }
        findings.pings_of_server = link.pings;
    }

    async fn close(self, mut link: Link, findings: &mut Findings) {
        let start = Instant::now();
        let frame = Frame::Close(Some(CloseFrame::new(1000, "")));
        if link.send::<()>(frame, self.timeout).await.is_err() {
            return;
        }
        let answer = link.wait(self.timeout, |frame| match frame {
            Frame::Close(frame) => Some(frame.as_ref().map(|frame| frame.code)),
            _ => None,
        });
        let (answered, code) = match answer.await {
            Waited::Arrived(code) => (true, code),
            // The connection ended by itself.
            Waited::Ended(..) => return,
            Waited::TimedOut => (false, None),
        };
        let took_ms = to_fine_millis(start.elapsed());
        findings.close = Some(Close { code, answered, took_ms });
    }

    /// Doubles the size until a message is refused, then halves the interval four times.
    async fn max_message(self, transport: &ServerTransport) -> Option<MaxMessage> {
        let mut found = MaxMessage { accepted: 0, refused: None, code: None };
        let mut link = None;
        let mut size = SMALLEST;
        let mut bisections = 0;
        loop {
            let mut current = match link.take() {
                Some(link) => link,
                None => Link::new(self.connect(transport).await.ok()?.connection),
            };
            match self.accepts(&mut current, size).await {
                Ok(()) => {
                    found.accepted = size;
                    link = Some(current);
                }
                Err(code) => {
                    found.refused = Some(size);
                    found.code = code.or(found.code);
                }
            }
            size = match found.refused {
                None if size >= LARGEST => return Some(found),
                None => size * 2,
                Some(_) if bisections == 4 => return Some(found),
                Some(refused) => {
                    bisections += 1;
                    usize::midpoint(found.accepted, refused)
                }
            };
        }
    }

    /// Whether a message of this size is accepted: a ping after it is answered. The error is the close
    /// code.
    async fn accepts(self, link: &mut Link, size: usize) -> Result<(), Option<u16>> {
        let message = Message::binary(Bytes::from(vec![b'x'; size]));
        // An error is followed by the close frame, which has the reason.
        if let Err(Waited::TimedOut) = link.send::<()>(Frame::Message(message), self.timeout).await
        {
            return Err(None);
        }
        match link.ping("size", self.timeout).await {
            Waited::Arrived(_) => Ok(()),
            Waited::TimedOut => Err(None),
            Waited::Ended(frame, error) => {
                let code = frame.map(|frame| frame.code);
                match error {
                    Some(_) if code.is_none() => {
                        match link.wait(self.timeout, |_| None::<()>).await {
                            Waited::Ended(Some(frame), _) => Err(Some(frame.code)),
                            _ => Err(None),
                        }
                    }
                    _ => Err(code),
                }
            }
        }
    }

    async fn wait_idle(self, transport: &ServerTransport, limit: Duration) -> Option<Idle> {
        let mut link = Link::new(self.connect(transport).await.ok()?.connection);
        let mut quiet_since = Instant::now();
        let mut frames = 0;
        let ended = link.wait(limit, |frame| {
            quiet_since = Instant::now();
            frames += u64::from(!matches!(frame, Frame::Close(_)));
            None::<()>
        });
        let ended = ended.await;
        let waited_ms = to_millis(quiet_since.elapsed());
        let detail = match &ended {
            Waited::Ended(Some(frame), _) => Some(format!("close code {}", frame.code)),
            Waited::Ended(None, Some(error)) => Some(error.to_string()),
            Waited::Ended(None, None) => Some("the server ended the connection".to_owned()),
            _ => None,
        };
        Some(Idle { waited_ms, ended: detail.is_some(), detail, frames })
    }
}

/// The facts in the answer to the upgrade.
fn read_answer(established: &Established<SmolConnection>, findings: &mut Findings) {
    let field = |name: &str| established.headers.get(name);
    findings.software = field("server").map(|text| printable(text).into_owned());
    findings.subprotocol =
        established.subprotocol.as_ref().map(|name| printable(name).into_owned());
    let date = field("date").and_then(|date| httpdate::parse_http_date(date).ok());
    findings.clock = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok()).map(|date| {
        // Half of the second that the date may be old.
        let date = u64::try_from(date.as_millis()).unwrap_or(u64::MAX).saturating_add(500);
        Clock { ahead_ms: date.wrapping_sub(Utc::now().millis()).cast_signed() }
    });
}
