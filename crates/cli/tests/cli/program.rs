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

/// The time after which a test stops waiting and fails.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Waits until another signal counts as one of another cause, see `repeats.rs`. A longer wait has the
/// same result.
#[allow(clippy::disallowed_methods, reason = "the time between two signals is what is tested")]
pub(crate) fn let_cause_pass() {
    thread::sleep(Duration::from_millis(150));
}

pub(crate) struct Program {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    out: Option<Receiver<String>>,
    err: Receiver<String>,
    grammar: Grammar,
    /// All lines that were read from standard output so far.
    pub(crate) seen: Vec<String>,
    pub(crate) seen_err: Vec<String>,
}

impl Program {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_in(args, &[])
    }

    /// Starts with these variables in the environment. Those about proxies and root certificates
    /// are not inherited.
    pub(crate) fn start_in(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wsbeat"));
        for (name, _) in std::env::vars_os() {
            let lower = name.to_string_lossy().to_ascii_lowercase();
            if lower.ends_with("_proxy") || lower.starts_with("ssl_cert_") {
                command.env_remove(name);
            }
        }
        command.args(args).envs(variables.iter().copied());
        Self::spawn(command)
    }

    /// Starts it by another program, which replaces itself.
    pub(crate) fn start_with(wrapper: &str, args: &[&str]) -> Self {
        let mut command = Command::new(wrapper);
        command.arg(env!("CARGO_BIN_EXE_wsbeat")).args(args);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
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

    /// Starts `wsbeat connect URL --json` with more arguments.
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

    /// Returns standard input, for writing on another thread.
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

    /// From now on, the program can have only this number of open files.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_files(&self, count: u32) {
        let mut command = Command::new("prlimit");
        command.args(["--pid", &self.child.id().to_string(), &format!("--nofile={count}")]);
        assert!(command.status().unwrap().success());
    }

    /// The next line of standard output; `None` at its end.
    pub(crate) fn line(&mut self) -> Option<String> {
        let line = self.out.as_ref().unwrap().recv_timeout(TIME_LIMIT);
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

    /// Asserts that the events have the documented order and that `closed` is the last one.
    fn check_grammar(&mut self, line: &str) {
        assert!(!self.grammar.has_ended(), "{line} comes after the end");
        let Ok(Value::Object(fields)) = serde_json::from_str(line) else { return };
        // The findings of a check are no event.
        let Some(event) = fields.get("event") else { return };
        let number = |name: &str| fields[name].as_u64().unwrap();
        let word = match event.as_str().unwrap() {
            "connecting" => Word::Connecting { connection: number("connection") },
            "open" => Word::Open { connection: number("connection") },
            "message" => Word::Message,
            "write_blocked" => Word::WriteBlocked { connection: number("connection") },
            "silent" => Word::Silent { connection: number("connection") },
            "unanswered" => Word::Unanswered { connection: number("connection") },
            "lost" => Word::Lost {
                connection: number("connection"),
                opened: fields["opened"].as_bool().unwrap(),
                skipped_cycles: number("skipped_cycles"),
            },
            "retry" => Word::Retry,
            "closed" => Word::Closed,
            "heartbeat" | "unsent" | "unsent_summary" | "status" => return,
            other => panic!("{other} is not documented: {line}"),
        };
        self.grammar.check(word).unwrap_or_else(|breach| panic!("{breach}: {line}"));
    }

    /// The next line of standard error; `None` at its end.
    pub(crate) fn err_line(&mut self) -> Option<String> {
        let line = self.err.recv_timeout(TIME_LIMIT);
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

    /// Waits for the next event with this name. Earlier events are in `seen`.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        loop {
            match self.next_event() {
                Some(event) if event["event"] == name => return event,
                Some(_) => {}
                None => panic!("no {name:?} at the end of {:#?}", self.tail()),
            }
        }
    }

    /// Reads both outputs to the end and returns the exit code.
    pub(crate) fn end(&mut self) -> i32 {
        if self.out.is_some() {
            while self.line().is_some() {}
        }
        while self.err_line().is_some() {}
        // The test harness shows it if the test fails.
        println!("{}", self.seen_err.join("\n"));
        self.child.wait().unwrap().code().expect("it ended by itself")
    }

    /// The last lines of both outputs, for messages of failed tests.
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
            // An error means that the test closed the pipe.
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
