//! [`observe`]: the commands of an observer.

use std::io;

use super::{
    board::Board,
    websocket::{Frame, Opcode, Request},
};
use crate::script::Command;

/// Serves an observer until it ends.
pub(super) fn observe(request: Request, board: &Board) -> io::Result<()> {
    let id = request.id;
    let mut socket = request.accept(&[])?;
    while let Some(frame) = socket.read()? {
        let answer = match (frame.opcode, Command::parse(&frame.text())) {
            (Opcode::CLOSE, _) => {
                socket.write(&frame)?;
                return socket.end();
            }
            (Opcode::TEXT, Some(command)) => answer(id, command, board),
            (Opcode::TEXT, None) => "broken: the observer sent an unknown command".to_owned(),
            _ => continue,
        };
        socket.write(&Frame::text_of(&answer))?;
    }
    Ok(())
}

fn answer(id: u64, command: Command, board: &Board) -> String {
    let done = |done: bool| if done { "ok" } else { "broken: no request has arrived" }.to_owned();
    match command {
        Command::Go => {
            board.change(id, |entry| entry.go = true);
            done(true)
        }
        Command::Arrived => done(board.wait(id, |entry| entry.arrived).is_some()),
        Command::Seen => if board.entry(id).arrived { "yes" } else { "no" }.to_owned(),
        Command::Verdict => {
            let entry = board.wait(id, |entry| entry.verdict.is_some());
            let verdict = entry.and_then(|entry| entry.verdict);
            verdict.unwrap_or_else(|| "broken: the script has not ended".to_owned())
        }
    }
}
