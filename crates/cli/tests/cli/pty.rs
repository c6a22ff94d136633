//! The program on a terminal. A terminal emulator interprets what it writes.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    num::NonZero,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::Instant,
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use crate::program::TIME_LIMIT;

const SCROLLBACK: usize = 10_000;

pub(crate) struct Terminal {
    /// The side of the emulator.
    file: File,
    output: Receiver<Vec<u8>>,
    emulator: vt100::Parser,
    pub(crate) child: Child,
    /// All bytes that were written so far.
    pub(crate) bytes: Vec<u8>,
}

/// How to start the program.
pub(crate) struct Setup {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
    pub(crate) term: &'static str,
    /// Standard output is not the terminal.
    pub(crate) out: Option<Stdio>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { rows: 24, columns: 80, term: "xterm-256color", out: None }
    }
}

impl Setup {
    /// Starts the program. The terminal does not control its session.
    pub(crate) fn wsbeat(self, args: &[&str]) -> Terminal {
        self.start(env!("CARGO_BIN_EXE_wsbeat"), args)
    }

    /// Starts a program in a session that the terminal controls. The terminal has its keys for
    /// signals.
    #[cfg(target_os = "linux")]
    pub(crate) fn controlled(self, program: &str, args: &[&str]) -> Terminal {
        self.start("setsid", &[&["--ctty", program], args].concat())
    }

    /// Starts a program, or another one that starts it.
    pub(crate) fn start(self, program: &str, args: &[&str]) -> Terminal {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let open = || Stdio::from(OpenOptions::new().read(true).write(true).open(&name).unwrap());
        let mut command = Command::new(program);
        command.args(args).env("TERM", self.term).env_remove("NO_COLOR");
        command.stdin(open()).stderr(open()).stdout(self.out.unwrap_or_else(open));
        let file = File::from(terminal);
        set_size(&file, self.rows, self.columns);
        let child = command.spawn().unwrap();
        // Bounded, so that a test that reads nothing lets the program wait.
        let (sender, output) = sync_channel(1);
        let mut reader = file.try_clone().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The read fails when all programs have closed the other side.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let [rows, columns] = [self.rows, self.columns].map(|size| NonZero::new(size).unwrap());
        let emulator = vt100::Parser::new(rows, columns, SCROLLBACK);
        Terminal { file, output, emulator, child, bytes: Vec::new() }
    }
}

impl Terminal {
    pub(crate) fn wsbeat(args: &[&str]) -> Self {
        Setup::default().wsbeat(args)
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.file.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// The rows of the screen, without the empty ones at its end.
    pub(crate) fn rows(&self) -> Vec<String> {
        let contents = self.emulator.screen().contents();
        contents.trim_end().lines().map(|row| row.trim_end().to_owned()).collect()
    }

    /// Whether the last frame has arrived whole, if a program draws frames. Each ends with the cursor,
    /// which is hidden, or shown and moved to its place.
    fn shows_whole_frame(&self) -> bool {
        if !self.is_whole() {
            return true;
        }
        let end = &self.bytes[self.bytes.len().saturating_sub(24)..];
        let Some(at) = end.windows(5).rposition(|part| part == b"\x1b[?25") else { return false };
        match &end[at + 5..] {
            [b'l'] => true,
            [b'h', b'\x1b', b'[', place @ .., b'H'] => {
                place.iter().all(|b| b.is_ascii_digit() || *b == b';')
            }
            _ => false,
        }
    }

    /// Waits until the rows are as wanted, and returns them.
    pub(crate) fn until(&mut self, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        // The footer changes each second, so that the output never ends.
        let limit = Instant::now() + TIME_LIMIT;
        loop {
            let rows = self.rows();
            if self.shows_whole_frame() && wanted(&rows) {
                return rows;
            }
            match self.output.recv_timeout(limit.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.process(&bytes),
                Err(error) => panic!("{error}; the terminal shows {rows:#?}"),
            }
        }
    }

    /// Waits until a row contains this text.
    pub(crate) fn until_row(&mut self, wanted: &str) -> Vec<String> {
        self.until(|rows| rows.iter().any(|row| row.contains(wanted)))
    }

    /// Waits for an empty line of the editor.
    pub(crate) fn until_prompt(&mut self) -> Vec<String> {
        self.until(|rows| rows.iter().any(|row| row == ">"))
    }

    /// The number of the row and the column of the cursor.
    pub(crate) fn cursor(&self) -> (u16, u16) {
        self.emulator.screen().cursor_position()
    }

    /// Whether a program draws on the whole terminal.
    pub(crate) fn is_whole(&self) -> bool {
        self.emulator.screen().alternate_screen()
    }

    pub(crate) fn hides_cursor(&self) -> bool {
        self.emulator.screen().hide_cursor()
    }

    /// Whether the terminal edits lines and echoes them, as before the program.
    pub(crate) fn reads_lines(&self) -> bool {
        let modes = tcgetattr(&self.file).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    pub(crate) fn resize(&mut self, columns: u16) {
        let (rows, _) = self.emulator.screen().size();
        set_size(&self.file, rows.get(), columns);
        self.emulator.screen_mut().set_size(rows, NonZero::new(columns).unwrap());
        self.signal("-WINCH");
    }

    /// Waits for the end and returns the exit code.
    pub(crate) fn end(&mut self) -> i32 {
        while let Ok(bytes) = self.output.recv_timeout(TIME_LIMIT) {
            self.process(&bytes);
        }
        self.child.wait().unwrap().code().expect("it ended by itself")
    }

    /// All rows, with those that have scrolled out of the screen.
    pub(crate) fn all_rows(&mut self) -> Vec<String> {
        let screen = self.emulator.screen_mut();
        screen.set_scrollback(SCROLLBACK);
        let mut above = screen.scrollback();
        let mut rows = Vec::new();
        while above > 0 {
            screen.set_scrollback(above);
            let (rows_shown, columns) = screen.size();
            let count = above.min(rows_shown.get().into());
            rows.extend(
                screen.rows(0, columns.get()).take(count).map(|row| row.trim_end().to_owned()),
            );
            above -= count;
        }
        screen.set_scrollback(0);
        rows.extend(self.rows());
        rows
    }

    fn process(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.emulator.process(bytes);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The row of the editor.
pub(crate) fn above_footer(rows: &[String]) -> &str {
    rows.iter().rev().nth(1).map_or("", String::as_str)
}

fn set_size(terminal: &File, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}
