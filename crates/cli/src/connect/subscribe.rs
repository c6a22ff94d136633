//! Messages for each new connection: `--subscribe`.

use std::fs;

use websocket_heartbeat_smol::{Handle, QueueError};

use crate::usage::{UsageError, file_problem};

#[derive(clap::Args)]
#[command(next_help_heading = "Sending")]
pub(crate) struct SubscribeOptions {
    /// A text that is sent first on each connection; may be repeated
    ///
    /// It is sent when the connection opens, before all lines. @FILE means the content of this file,
    /// without the line end at its end. The file is read once, at the start.
    #[arg(long, value_name = "TEXT|@FILE")]
    subscribe: Vec<String>,
}

impl SubscribeOptions {
    /// Registers the messages, before the session begins.
    pub(crate) fn register(&self, handle: &Handle) -> Result<(), UsageError> {
        for (number, value) in self.subscribe.iter().enumerate() {
            let text = match value.strip_prefix('@') {
                Some(path) => read(path)?,
                None => value.clone(),
            };
            handle.replay(&number.to_string(), text).map_err(|error| explain(&error))?;
        }
        Ok(())
    }
}

fn read(path: &str) -> Result<String, UsageError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(without_line_end(&text).to_owned()),
        Err(error) => Err(UsageError(format!(
            "--subscribe: the file {path} cannot be read ({}); name a readable file of UTF-8 text",
            file_problem(&error)
        ))),
    }
}

/// Editors end the last line of a file.
fn without_line_end(text: &str) -> &str {
    match text.strip_suffix('\n') {
        Some(text) => text.strip_suffix('\r').unwrap_or(text),
        None => text,
    }
}

fn explain(error: &QueueError) -> UsageError {
    UsageError::new(match error {
        QueueError::Full(_) => {
            "--subscribe is repeated more often than lines are kept; raise --keep-offline, or \
             subscribe with fewer messages"
        }
        _ => {
            "the messages of --subscribe have more bytes than may be unsent; raise --outbox-bytes, \
             or subscribe with shorter messages"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_not_a_part_of_the_message() {
        for (text, message) in
            [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a\r", "a\r"), ("", "")]
        {
            assert_eq!(without_line_end(text), message);
        }
    }
}
