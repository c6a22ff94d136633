//! Outputs that are slow, and their memory.

use std::{
    fs,
    io::{PipeReader, Read, pipe},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use async_tungstenite::tungstenite::{Bytes, Message};
use rustix::io::ioctl_fionbio;

use crate::{program::TIME_LIMIT, server::Server};

/// A program whose outputs are read later.
struct Unread {
    child: Child,
    out: PipeReader,
    err: PipeReader,
}

impl Unread {
    /// Both outputs are pipes in non-blocking mode.
    fn start(args: &[&str]) -> Self {
        let ((out, to_out), (err, to_err)) = (pipe().unwrap(), pipe().unwrap());
        for end in [&to_out, &to_err] {
            ioctl_fionbio(end, true).unwrap();
        }
        let child = Command::new(env!("CARGO_BIN_EXE_wsbeat"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(to_out)
            .stderr(to_err)
            .spawn()
            .unwrap();
        Self { child, out, err }
    }

    /// Reads both outputs to their end, and returns them with the exit code.
    fn end(mut self) -> (String, String, Option<i32>) {
        let read = |mut pipe: PipeReader| {
            thread::spawn(move || {
                let mut text = String::new();
                pipe.read_to_string(&mut text).map(|_| text).unwrap()
            })
        };
        let (out, err) = (read(self.out), read(self.err));
        let code = self.child.wait().unwrap().code();
        (out.join().unwrap(), err.join().unwrap(), code)
    }
}

/// A server that sends the messages in turn. It reports their number when it has sent all, or can
/// send no more for a while, and reports again at the end of the connection.
fn sender(messages: Vec<Message>) -> (Server, Receiver<usize>) {
    let (done, sent) = channel();
    let server = Server::new(move |_, mut peer, _| {
        // A server that stops early makes the test weaker and not wrong.
        peer.get_ref().set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let fits = |message: &&Message| peer.send((*message).clone()).is_ok();
        let _ = done.send(messages.iter().take_while(fits).count());
        peer.get_ref().set_write_timeout(None).unwrap();
        let _ = peer.flush();
        while peer.read().is_ok() {}
        let _ = done.send(0);
    });
    (server, sent)
}

#[test]
fn outputs_in_non_blocking_mode_lose_nothing() {
    // Each output gets more than a pipe takes.
    const COUNT: usize = 2_000;
    let text = (0..COUNT).map(|number| Message::text(format!("{number:>200}")));
    let binary = (0..COUNT).map(|_| Message::binary(Bytes::from_static(&[7; 200])));
    let (server, sent) = sender(text.chain(binary).collect());
    let program = Unread::start(&["connect", &server.url(), "-n", "4000"]);
    assert_eq!(sent.recv_timeout(TIME_LIMIT).unwrap(), 2 * COUNT);
    let (out, err, code) = program.end();
    assert_eq!(code, Some(0), "{}", err.lines().last().unwrap());
    let wanted: String = (0..COUNT).map(|number| format!("{number:>200}\n")).collect();
    assert!(out == wanted, "{} bytes", out.len());
    assert_eq!(err.matches("binary, 200 bytes\n").count(), COUNT);
}

#[test]
fn messages_that_nobody_reads_are_counted_at_the_end() {
    let (server, sent) = sender(vec![Message::text("x".repeat(1 << 20)); 60]);
    let program = Unread::start(&["connect", &server.url(), "--json"]);
    // The server still has the rest of the message that did not fit.
    let total = sent.recv_timeout(TIME_LIMIT).unwrap() + 1;
    let id = program.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    // The end of the connection.
    sent.recv_timeout(TIME_LIMIT).unwrap();
    let (out, err, code) = program.end();
    let printed = out.lines().filter(|line| line.contains("\"event\":\"message\"")).count();
    let (_, hint) = err.rsplit_once("! hint        ").unwrap();
    let count: usize = hint.split_once(' ').unwrap().0.parse().unwrap();
    assert_eq!((printed + count, code), (total, Some(0)), "{err}");
    assert!(hint.ends_with(" messages came after the close and were discarded\n"), "{err}");
}

/// README.md states 16 MiB and one message. The rest is the program itself, with the copies of one
/// message on its way to the output.
#[test]
#[cfg(target_os = "linux")]
fn the_memory_is_bounded_while_the_output_stands_still() {
    const MIB: usize = 1 << 20;
    const BOUND: usize = 48 * MIB;
    let large = Message::text("x".repeat(MIB));
    for json in [&[][..], &["--json"]] {
        let (server, sent) = sender(vec![large.clone(); 200]);
        let mut program = Unread::start(&[&["connect", &server.url()], json].concat());
        let sent = sent.recv_timeout(TIME_LIMIT).unwrap();
        assert!(sent < 200, "the program took {sent} messages that nobody reads");
        let status = fs::read_to_string(format!("/proc/{}/status", program.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        assert!(peak * 1024 < BOUND, "{peak} KiB at {sent} messages");
        println!("{peak} KiB at {sent} messages");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn every_command_reports_that_its_text_cannot_be_written() {
    let server = Server::echo();
    for args in
        [&["man"][..], &["completions", "bash"], &["--help"], &["serve"], &["check", &server.url()]]
    {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wsbeat"));
        let output = command.args(args).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{args:?}");
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("standard output cannot be written"), "{words}");
    }
}
