//! The program under test.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::Value;
use websocket_heartbeat_mock::{Grammar, Word};

/// What takes longer than this will never come.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Option<Receiver<String>>,
    err: Receiver<String>,
    grammar: Grammar,
    /// All lines that were taken from standard output so far.
    pub(crate) seen: Vec<String>,
    pub(crate) seen_err: Vec<String>,
}

impl Program {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wsbeat"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let out = Some(lines(child.stdout.take().unwrap()));
        let err = lines(child.stderr.take().unwrap());
        let (grammar, seen, seen_err) = (Grammar::new(), Vec::new(), Vec::new());
        Self { child, stdin, out, err, grammar, seen, seen_err }
    }

    /// `wsbeat connect URL --json` and more.
    pub(crate) fn json(url: &str, more: &[&str]) -> Self {
        Self::start(&[&["connect", url, "--json"], more].concat())
    }

    /// Closes the reading end of its standard output.
    pub(crate) fn hang_up(&mut self) {
        self.out = None;
    }

    pub(crate) fn say(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// For writing from another thread.
    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().unwrap()
    }

    pub(crate) fn end_stdin(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// The next line of standard output; `None` at its end.
    pub(crate) fn line(&mut self) -> Option<String> {
        let line = self.out.as_ref().unwrap().recv_timeout(GUARD);
        match line {
            Ok(line) => {
                self.check_grammar(&line);
                self.seen.push(line.clone());
                Some(line)
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            Err(_) => panic!("nothing came after {:#?}", self.tail()),
        }
    }

    /// Lines of JSON stand in the order of the events that they report; `closed` is the last.
    fn check_grammar(&mut self, line: &str) {
        assert!(!self.grammar.has_ended(), "{line} comes after the end");
        let Ok(Value::Object(fields)) = serde_json::from_str(line) else { return };
        let number = |name: &str| fields[name].as_u64().unwrap();
        let word = match fields["event"].as_str().unwrap() {
            "connecting" => Word::Connecting { connection: number("connection") },
            "open" => Word::Open { connection: number("connection") },
            "message" => Word::Message,
            "lost" => Word::Lost {
                connection: number("connection"),
                opened: fields["opened"].as_bool().unwrap(),
                skipped_cycles: number("skipped_cycles"),
            },
            "retry" => Word::Retry,
            "closed" => Word::Closed,
            "heartbeat" | "unsent" | "status" => return,
            other => panic!("{other} is not documented: {line}"),
        };
        self.grammar.check(word).unwrap_or_else(|breach| panic!("{breach}: {line}"));
    }

    /// The next line of standard error; `None` at its end.
    pub(crate) fn err_line(&mut self) -> Option<String> {
        let line = self.err.recv_timeout(GUARD);
        match line {
            Ok(line) => {
                self.seen_err.push(line.clone());
                Some(line)
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            Err(_) => panic!("nothing came after {:#?}", self.seen_err),
        }
    }

    pub(crate) fn await_err(&mut self, wanted: &str) -> String {
        loop {
            match self.err_line() {
                Some(line) if line.contains(wanted) => return line,
                Some(_) => {}
                None => panic!("no {wanted:?} in {:#?}", self.seen_err),
            }
        }
    }

    pub(crate) fn next_event(&mut self) -> Option<Value> {
        self.line().map(|line| serde_json::from_str(&line).expect("every line is an object"))
    }

    /// The next event of that name; those before it are in `seen`.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        loop {
            match self.next_event() {
                Some(event) if event["event"] == name => return event,
                Some(_) => {}
                None => panic!("no {name:?} at the end of {:#?}", self.tail()),
            }
        }
    }

    /// Reads to the end of both outputs; gives the exit code.
    pub(crate) fn end(&mut self) -> i32 {
        if self.out.is_some() {
            while self.line().is_some() {}
        }
        while self.err_line().is_some() {}
        // Shown if the test fails.
        println!("{}", self.seen_err.join("\n"));
        self.child.wait().unwrap().code().expect("it ended by itself")
    }

    /// What to show when something went wrong: the last lines of both outputs.
    fn tail(&mut self) -> Vec<String> {
        self.seen_err.extend(self.err.try_iter());
        let last = |lines: &[String]| lines[lines.len().saturating_sub(5)..].to_vec();
        let both = [last(&self.seen), last(&self.seen_err)].concat();
        both.into_iter().map(|line| line.chars().take(300).collect()).collect()
    }

    /// All events so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        let events: Vec<Value> =
            self.seen.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let times: Vec<u64> = events.iter().map(|event| event["t_ms"].as_u64().unwrap()).collect();
        assert!(times.is_sorted(), "time went backward: {times:?}");
        events
    }

    pub(crate) fn events_named(&self, name: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == name).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Ends, and with it the reading end of the pipe, when nobody wants more.
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
