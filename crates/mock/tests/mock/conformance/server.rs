//! [`Server`]: executes the scripts of the suite by peers, in virtual time.

use std::{
    cell::RefCell, collections::HashMap, future::poll_fn, rc::Rc, task::Poll, time::Duration,
};

use websocket_heartbeat::{ErrorKind, Frame, Headers, HttpAnswer, Message, TransportError};
use websocket_heartbeat_conformance::script::{Answer, Command, OBSERVER, Step, script};
use websocket_heartbeat_mock::{Clock, Dial, MockTransport, Peer, Runner, Script, Spawner, mock};

/// The size above which `/text-on-go` refuses a message.
pub(super) const MESSAGE_LIMIT: usize = 1000;

const CLOSED_PORT: &str = "mock://closed";

/// The server's side of each transport that it makes.
#[derive(Clone)]
pub(super) struct Server {
    clock: Clock,
    spawner: Spawner,
    accept: fn() -> Script,
    board: Rc<Board>,
}

impl Server {
    pub(super) fn new(runner: &Runner, accept: fn() -> Script) -> Self {
        let (clock, spawner) = (runner.clock().clone(), runner.spawner());
        Self { clock, spawner, accept, board: Rc::default() }
    }

    /// A transport whose dials are answered by the script of a URL.
    pub(super) fn transport(&self, url: &str) -> MockTransport {
        let (transport, remote) = mock(&self.clock);
        let (url, accept, board) = (url.to_owned(), self.accept, Rc::clone(&self.board));
        let (spawner, answers) = (self.spawner.clone(), self.spawner.clone());
        spawner
            .spawn(async move {
                loop {
                    let dial = remote.next_dial().await;
                    answers.spawn(serve(dial, url.clone(), accept, Rc::clone(&board))).detach();
                }
            })
            .detach();
        transport
    }
}

async fn serve(dial: Dial, url: String, accept: fn() -> Script, board: Rc<Board>) {
    let (path, id) =
        url.strip_prefix("mock:").and_then(|url| url.split_once("?id=")).unwrap_or_default();
    let id = id.parse().unwrap_or_default();
    // The suite decides about each frame of the server.
    let accepting = accept().without_pongs().ignore_close().linger();
    if path == OBSERVER {
        return observe(&dial.accept_as(accepting), id, &board).await;
    }
    let Some(script) = script(path) else {
        assert_eq!(url, CLOSED_PORT);
        dial.answer(Script::refuse_connection());
        return;
    };
    board.change(id, |entry| entry.arrived = true);
    let accepting =
        if path == "/text-on-go" { accepting.message_limit(MESSAGE_LIMIT) } else { accepting };
    let peer = match script.answer {
        Answer::Accept => dial.accept_as(accepting),
        Answer::AcceptWith(items) => {
            let peer = dial.accept_as(accepting);
            items.iter().for_each(|item| peer.send_frame((*item).into()));
            peer
        }
        Answer::Reply(parts) => {
            dial.refuse(refusal(&parts.concat()));
            return;
        }
        // The parts of a stalled answer do not matter to a mock.
        _ => {
            dial.answer(Script::hang());
            dial.abandoned().await;
            return board.change(id, |entry| entry.verdict = Some("kept".into()));
        }
    };
    let verdict = perform(&peer, id, script.steps, &board).await;
    board.change(id, |entry| entry.verdict = Some(verdict));
    if !matches!(script.steps.last(), Some(Step::Reset)) {
        peer.end();
    }
}

/// The result of an answer, as a transport over a socket would report it.
fn refusal(answer: &str) -> TransportError {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return TransportError::new(ErrorKind::Ended, "the answer is not complete");
    };
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    match status {
        None | Some(101) => TransportError::new(ErrorKind::Protocol, "no upgrade"),
        Some(status) => {
            let fields = lines.filter_map(|line| line.split_once(": "));
            let headers: Headers = fields.map(|(name, value)| (name, value.as_bytes())).collect();
            let seconds = headers.get("retry-after").and_then(|value| value.parse().ok());
            let answer = HttpAnswer::new(status, headers, body.as_bytes());
            TransportError::http(answer, seconds.map(Duration::from_secs))
        }
    }
}

async fn observe(peer: &Peer, id: u64, board: &Board) {
    while let Some(frame) = peer.next_received().await {
        let Frame::Message(message) = frame else { break };
        let answer = match Command::parse(message.as_text().unwrap_or_default()) {
            Some(Command::Go) => {
                board.change(id, |entry| entry.go = true);
                "ok".to_owned()
            }
            Some(Command::Arrived) => {
                board.wait(id, |entry| entry.arrived.then(|| "ok".to_owned())).await
            }
            Some(Command::Seen) => {
                let arrived = board.wait(id, |entry| Some(entry.arrived)).await;
                if arrived { "yes" } else { "no" }.to_owned()
            }
            Some(Command::Verdict) => board.wait(id, |entry| entry.verdict.clone()).await,
            Some(_) | None => "broken: unknown command".to_owned(),
        };
        peer.send(answer);
    }
}

/// Executes the steps of a script. Returns the verdict.
async fn perform(peer: &Peer, id: u64, steps: &[Step], board: &Board) -> String {
    let mut begun = Vec::new();
    let mut verdict = "kept".to_owned();
    for step in steps {
        let fits = match *step {
            Step::Send(item) => {
                peer.send_frame(item.into());
                true
            }
            Step::Begin(bytes) => {
                begun = bytes.to_vec();
                true
            }
            Step::Finish(bytes) => {
                begun.extend(bytes);
                peer.send(String::from_utf8(begun.clone()).unwrap());
                true
            }
            Step::Bytes(_) => {
                peer.garbage();
                true
            }
            Step::Pings(count) => {
                (0..count).for_each(|_| peer.ping("flood"));
                true
            }
            Step::Numbers(count) => {
                (0..count).for_each(|number| peer.send(number.to_string()));
                true
            }
            Step::ClosedPort => {
                peer.send(CLOSED_PORT);
                true
            }
            Step::Expect(item) => peer.next_received().await == Some(item.into()),
            Step::Echo => {
                echo(peer).await;
                true
            }
            Step::Count => match count(peer).await {
                Some(count) => {
                    verdict = format!("kept {count}");
                    true
                }
                None => false,
            },
            Step::Wait => {
                // The buffers of a system hold some bytes.
                peer.write_quota(256 << 10);
                board.wait(id, |entry| entry.go.then_some(())).await;
                peer.resume_writes();
                true
            }
            Step::LeaveUnread => peer.next_received().await.is_some(),
            Step::Reset => {
                peer.fail(TransportError::new(ErrorKind::Reset, "reset by peer"));
                true
            }
            Step::End => {
                peer.end();
                true
            }
            Step::ExpectGone => peer.next_received().await.is_none(),
            // There is no stream of bytes, so no script with `ExpectEnd` is used.
            _ => panic!("the mock cannot execute {step:?}"),
        };
        if !fits {
            return format!("broken: at the step {step:?}");
        }
    }
    verdict
}

async fn echo(peer: &Peer) {
    while let Some(frame) = peer.next_received().await {
        match frame {
            Frame::Message(message) => peer.send(message),
            Frame::Close(_) => return peer.send_frame(frame),
            _ => {}
        }
    }
}

/// `None` if the messages are not numbered.
async fn count(peer: &Peer) -> Option<u64> {
    let mut count = 0_u64;
    while let Some(frame) = peer.next_received().await {
        match frame {
            Frame::Message(message) if message == Message::text("end") => break,
            Frame::Message(message) if message.as_bytes().starts_with(&count.to_le_bytes()) => {
                count += 1;
            }
            _ => return None,
        }
    }
    Some(count)
}

/// The knowledge about each connection, by its number.
#[derive(Default)]
struct Board {
    entries: RefCell<HashMap<u64, Entry>>,
    waiting: RefCell<Vec<std::task::Waker>>,
}

#[derive(Default)]
struct Entry {
    arrived: bool,
    go: bool,
    verdict: Option<String>,
}

impl Board {
    fn change(&self, id: u64, change: impl FnOnce(&mut Entry)) {
        change(self.entries.borrow_mut().entry(id).or_default());
        self.waiting.take().into_iter().for_each(std::task::Waker::wake);
    }

    async fn wait<T>(&self, id: u64, find: impl Fn(&Entry) -> Option<T>) -> T {
        poll_fn(|cx| match find(self.entries.borrow_mut().entry(id).or_default()) {
            Some(found) => Poll::Ready(found),
            None => {
                self.waiting.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}
