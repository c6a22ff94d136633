//! The line that a user types on a terminal.

use std::{
    fs::File,
    io::{BufRead, Read, Seek},
    sync::mpsc::{Sender, channel},
    thread,
};

use async_tungstenite::tungstenite::Message;

use crate::{
    program::let_cause_pass,
    pty::{Setup, Terminal, above_footer},
    recording::path,
    server::{NOBODY, Server},
};

/// A server that sends the texts of the channel, and records the texts that arrive.
fn speaking() -> (Server, Sender<String>) {
    let (sender, texts) = channel::<String>();
    let texts = std::sync::Mutex::new(texts);
    let server = Server::new(move |_, mut peer, heard| {
        let _ = peer.get_ref().set_read_timeout(Some(std::time::Duration::from_millis(5)));
        loop {
            while let Ok(text) = texts.lock().unwrap().try_recv() {
                if peer.send(Message::text(text)).is_err() {
                    return;
                }
            }
            match peer.read() {
                Ok(Message::Text(text)) => heard.lock().unwrap().push(text.as_str().to_owned()),
                Ok(_) => {}
                Err(async_tungstenite::tungstenite::Error::Io(error))
                    if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    });
    (server, sender)
}

fn ends_with(rows: &[String], wanted: &[&str]) -> bool {
    rows.iter().rev().zip(wanted.iter().rev()).filter(|(row, end)| row == end).count()
        == wanted.len()
}

#[test]
fn a_half_typed_line_survives_a_message() {
    let (server, sender) = speaking();
    let mut terminal = Terminal::wsbeat(&["connect", &server.url(), "--no-footer"]);
    terminal.until_prompt();
    terminal.press("half");
    terminal.until(|rows| ends_with(rows, &["> half"]));
    sender.send("a message".into()).unwrap();
    assert!(terminal.bytes.windows(5).any(|bytes| bytes == b"\x1b[32m"), "it has no colours");
    let rows = terminal.until(|rows| ends_with(rows, &["< a message", "> half"]));
    assert_eq!(rows.iter().filter(|row| row.contains("half")).count(), 1, "{rows:#?}");
    terminal.press(" a line\r");
    terminal.until(|rows| ends_with(rows, &["> half a line", ">"]));
    terminal.signal("-INT");
    assert_eq!(terminal.end(), 0);
    assert_eq!(*server.heard.lock().unwrap(), ["half a line"]);
    let last = terminal.rows().pop().unwrap();
    assert!(last.contains("closed by the user"), "the half-typed line is erased: {last}");
}

#[test]
fn a_half_typed_line_survives_the_output_of_a_command() {
    let (server, sender) = speaking();
    let command = "cat; echo \" is $WSBEAT_KIND\"; echo problem >&2; printf 'no end'";
    let args = ["connect", &server.url(), "--no-footer", "--on-message", command];
    let mut terminal = Terminal::wsbeat(&args);
    terminal.until_prompt();
    terminal.press("half");
    terminal.until(|rows| ends_with(rows, &["> half"]));
    sender.send("it".into()).unwrap();
    let wanted = ["< it", "it is text", "problem", "no end", "> half"];
    terminal.until(|rows| ends_with(rows, &wanted));
    terminal.signal("-INT");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_flood_of_messages_tears_no_row() {
    const COUNT: usize = 2_000;
    let (server, sender) = speaking();
    let mut terminal = Terminal::wsbeat(&["connect", &server.url()]);
    terminal.until_prompt();
    let mut typed = String::new();
    for number in 0..COUNT {
        sender.send(format!("message {number}")).unwrap();
        if number % 100 == 0 {
            terminal.press("x");
            typed.push('x');
        }
    }
    terminal.press("y");
    terminal.until(|rows| {
        rows.len() > 3
            && above_footer(rows) == format!("> {typed}y")
            && rows[rows.len() - 3] == format!("< message {}", COUNT - 1)
    });
    terminal.signal("-INT");
    assert_eq!(terminal.end(), 0);
    let rows = terminal.all_rows();
    let messages: Vec<_> = rows.iter().filter(|row| row.contains("message ")).collect();
    let wanted: Vec<_> = (0..COUNT).map(|number| format!("< message {number}")).collect();
    assert!(messages.into_iter().eq(&wanted), "{rows:#?}");
    assert!(!rows.iter().any(|row| row.contains('>') || row.contains("queue")), "{rows:#?}");
}

#[test]
fn keys_edit_the_line_and_recall_earlier_lines() {
    let server = Server::echo();
    let mut terminal = Terminal::wsbeat(&["connect", &server.url()]);
    terminal.until_prompt();
    terminal.press("one two\x1b[D\x1b[D\x7fX");
    terminal.until_row("> one Xwo");
    // The row of the prompt is the one above the footer.
    let (row, column) = terminal.cursor();
    assert_eq!((usize::from(row) + 2, column), (terminal.rows().len(), 7));
    terminal.press("\rthree\r");
    terminal.until_row("> three");
    terminal.press("\x1b[A\x1b[A");
    terminal.until(|rows| above_footer(rows) == "> one Xwo");
    terminal.press("\x15é\r");
    terminal.until(|rows| rows.iter().any(|row| row == "< é"));
    assert_eq!(*server.heard.lock().unwrap(), ["one Xwo", "three", "é"]);
}

#[test]
fn a_line_longer_than_the_terminal_stays_in_one_row() {
    let server = Server::echo();
    let mut terminal = Terminal::wsbeat(&["connect", &server.url(), "--no-footer"]);
    terminal.until_prompt();
    let line: String = ('a'..='z').cycle().take(10_000).collect();
    terminal.press(&line);
    let end = &line[line.len() - 76..];
    terminal.until(|rows| ends_with(rows, &[&format!("> {end}")]));
    terminal.press("\r");
    terminal.until(|rows| ends_with(rows, &[">"]));
    terminal.signal("-TERM");
    assert_eq!(terminal.end(), 0);
    assert_eq!(*server.heard.lock().unwrap(), [line]);
}

#[test]
fn a_typed_line_above_the_limit_is_reported_and_not_cut() {
    let server = Server::echo();
    let mut terminal = Terminal::wsbeat(&["connect", &server.url(), "--outbox-bytes", "5"]);
    terminal.until_prompt();
    terminal.press("123456789\r12345\r");
    terminal.until_row("unsent      dropped (too_large): 12345");
    terminal.until(|rows| rows.iter().any(|row| row == "< 12345"));
    assert_eq!(*server.heard.lock().unwrap(), ["12345"]);
}

#[test]
fn ctrl_l_clears_the_terminal_and_keeps_the_line() {
    let server = Server::echo();
    let mut terminal = Terminal::wsbeat(&["connect", &server.url(), "--no-footer"]);
    terminal.until_prompt();
    terminal.press("half\x0c");
    terminal.until(|rows| rows == ["> half"]);
}

#[test]
fn ctrl_d_ends_the_input_and_says_that_the_session_continues() {
    let server = Server::echo();
    let mut terminal = Terminal::wsbeat(&["connect", &server.url(), "--no-footer"]);
    terminal.until_prompt();
    terminal.press("x\x04\x7f\x04");
    terminal.until_row("end of input; the connection stays open; ctrl-c");
    terminal.until(|rows| !rows.iter().any(|row| row.starts_with('>')));
    terminal.signal("-INT");
    assert_eq!(terminal.end(), 0);

    let mut terminal = Terminal::wsbeat(&["connect", &server.url(), "--close-on-eof"]);
    terminal.until_prompt();
    terminal.press("last\r\x04");
    assert_eq!(terminal.end(), 0);
    assert_eq!(*server.heard.lock().unwrap(), ["last"]);
}

#[test]
fn an_unsent_line_is_in_the_timeline() {
    let mut terminal = Terminal::wsbeat(&["connect", NOBODY]);
    terminal.until_prompt();
    terminal.press("lost words\r");
    terminal.until_row("queue 1 line, 10 bytes");
    terminal.signal("-HUP");
    terminal.end();
    let rows = terminal.rows();
    assert!(
        rows.iter().any(|row| row.contains("unsent") && row.contains("lost words")),
        "{rows:?}"
    );
}

#[test]
fn the_terminal_is_restored_at_every_end() {
    // It does not answer the close frame.
    let deaf = Server::tcp(|_, stream| {
        let peer = async_tungstenite::tungstenite::accept(stream);
        thread::park();
        drop(peer);
    });
    let server = Server::echo();
    for (url, signals, code) in [(server.url(), 1, 0), (deaf.url(), 2, 0)] {
        let mut terminal = Terminal::wsbeat(&["connect", &url]);
        terminal.until_prompt();
        assert!(!terminal.reads_lines());
        for count in 0..signals {
            if count > 0 {
                terminal.until_row("closing, again to abort");
                let_cause_pass();
            }
            terminal.signal("-INT");
        }
        assert_eq!(terminal.end(), code);
        assert!(terminal.reads_lines());
    }
}

#[test]
fn a_terminal_without_a_reader_is_restored_by_the_third_signal() {
    let flood =
        Server::new(|_, mut peer, _| while peer.send(Message::text("x".repeat(4_000))).is_ok() {});
    let mut terminal = Terminal::wsbeat(&["connect", &flood.url()]);
    terminal.until_row("xxx");
    // From now on nobody reads what the program writes, so that it blocks.
    let code = loop {
        let_cause_pass();
        if let Some(status) = terminal.child.try_wait().unwrap() {
            break status.code();
        }
        terminal.signal("-TERM");
    };
    assert_eq!(code, Some(128 + 15));
    assert!(terminal.reads_lines());
}

#[test]
fn a_dumb_terminal_gets_only_text() {
    let server = Server::echo();
    let setup = Setup { term: "dumb", ..Setup::default() };
    let mut terminal = setup.wsbeat(&["connect", &server.url()]);
    terminal.until_row("● open");
    assert!(terminal.reads_lines());
    terminal.press("a line\n");
    // The echo of the terminal, and that of the server.
    terminal
        .until(|rows| ["a line", "< a line"].iter().all(|line| rows.iter().any(|row| row == line)));
    terminal.press("\x04");
    terminal.until_row("end of input; the connection stays open; ctrl-c");
    terminal.signal("-INT");
    assert_eq!(terminal.end(), 0);
    assert!(!terminal.bytes.contains(&0x1b), "{}", String::from_utf8_lossy(&terminal.bytes));
}

#[test]
fn standard_output_may_be_a_file() {
    let (server, sender) = speaking();
    let name = path("output");
    let mut file = File::options().read(true).write(true).create_new(true).open(&name).unwrap();
    let out = file.try_clone().unwrap();
    let setup = Setup { out: Some(out.into()), ..Setup::default() };
    let mut terminal = setup.wsbeat(&["connect", &server.url()]);
    terminal.until_prompt();
    terminal.press("half");
    terminal.until_row("> half");
    sender.send("\x1b[2Jas it is".into()).unwrap();
    terminal.press(" a line\r");
    terminal.until_row("> half a line");
    terminal.signal("-INT");
    assert_eq!(terminal.end(), 0);
    let mut messages = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut messages).unwrap();
    assert_eq!(messages, "\x1b[2Jas it is\n");
    std::fs::remove_file(name).unwrap();
}

#[test]
fn nothing_is_drawn_if_another_program_reads_the_output() {
    let server = Server::echo();
    let (reader, writer) = std::io::pipe().unwrap();
    let setup = Setup { out: Some(writer.into()), ..Setup::default() };
    let mut terminal = setup.wsbeat(&["connect", &server.url()]);
    terminal.until_row("open");
    assert!(terminal.reads_lines());
    terminal.press("a line\n");
    let mut message = String::new();
    std::io::BufReader::new(reader).read_line(&mut message).unwrap();
    assert_eq!(message, "a line\n");
    // The echo of the terminal.
    terminal.until(|rows| rows.last().is_some_and(|row| row == "a line"));
}
