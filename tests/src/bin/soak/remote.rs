//! The client's end of the server process: [`Remote`].

use std::{
    collections::HashMap,
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use futures::channel::oneshot;

/// A server process, which is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) port: u16,
    child: Child,
    questions: Mutex<ChildStdin>,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<String>>>>,
}

/// The actions of the server on one connection, with the messages that it received.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The number that the server gave it.
    pub(crate) connection: u64,
    /// The fault, or the refusal.
    pub(crate) fault: String,
    pub(crate) drained: bool,
    pub(crate) closed_first: bool,
    pub(crate) numbers: Vec<u32>,
}

impl Remote {
    pub(crate) fn start(seed: u64) -> Self {
        let program = env::current_exe().expect("the path of this program");
        let mut command = Command::new(program);
        command.args(["serve", &seed.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a server");
        let questions = Mutex::new(child.stdin.take().expect("a piped stdin"));
        let mut lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
        let port = lines.next().expect("a line").expect("a line").parse().expect("a port");
        let waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<String>>>> = Arc::default();
        let answers = Arc::clone(&waiting);
        thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                let (session, rest) = line.split_once(' ').unwrap_or((&line, ""));
                let session = session.parse().expect("the number of a session");
                let asked = answers.lock().expect("no panic").remove(&session);
                // Fails if the session does not wait any more.
                let _ = asked.expect("an answer to a question").send(rest.to_owned());
            }
        });
        Self { port, child, questions, waiting }
    }

    /// Waits until the server has seen the end of all connections of the session.
    pub(crate) async fn settle(&self, session: u64) -> Vec<Seen> {
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().expect("no panic").insert(session, answer);
        writeln!(self.questions.lock().expect("no panic"), "{session}").expect("the server runs");
        let line = answered.await.expect("the server answers");
        line.split_whitespace().map(Seen::parse).collect()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // It has ended already if the program is being ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Seen {
    fn parse(words: &str) -> Self {
        let mut fields = words.split(':');
        let mut field = || fields.next().unwrap_or_else(|| panic!("the server says {words}"));
        Self {
            connection: field().parse().expect("a number"),
            fault: field().to_owned(),
            drained: field() == "true",
            closed_first: field() == "true",
            numbers: field()
                .split_terminator(',')
                .map(|number| number.parse().unwrap_or_else(|_| panic!("received {number}")))
                .collect(),
        }
    }
}
