//! From messages to bytes: [`Framing::write`].

use std::io::{self, Write};

use data_encoding::BASE64;
use websocket_heartbeat_smol::Message;

use super::Framing;

impl Framing {
    /// Writes one message. `record` makes the line of [`Framing::Json`].
    pub(crate) fn write(
        self,
        to: &mut impl Write,
        message: &Message,
        record: impl FnOnce() -> Vec<u8>,
    ) -> io::Result<()> {
        let bytes = message.as_bytes();
        match self {
            Self::Lines => {
                to.write_all(bytes)?;
                to.write_all(b"\n")
            }
            Self::Raw => to.write_all(bytes),
            Self::Nul => {
                to.write_all(bytes)?;
                to.write_all(b"\0")
            }
            Self::Length => {
                // No message is so large: --max-message is at most this number.
                let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
                to.write_all(&length.to_be_bytes())?;
                to.write_all(bytes)
            }
            Self::Base64 => {
                to.write_all(BASE64.encode(bytes).as_bytes())?;
                to.write_all(b"\n")
            }
            Self::Json => to.write_all(&record()),
        }
    }
}
