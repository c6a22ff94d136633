//! Messages for each new connection: `--subscribe`.

use std::fs;

use websocket_heartbeat_smol::{Handle, QueueError};

use crate::usage::UsageError;

#[derive(clap::Args)]
#[command(next_help_heading = "Sending")]
pub(crate) struct SubscribeOptions {
    /// A text message that is sent on each connection when it opens, before all lines; @FILE: the
    /// content of this file, without a line end at its end, read once at the start; may be repeated
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
    let mut text = fs::read_to_string(path).map_err(|error| {
        UsageError(format!(
            "--subscribe: the file {path} cannot be read ({error}); name a readable file of UTF-8 text"
        ))
    })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
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
