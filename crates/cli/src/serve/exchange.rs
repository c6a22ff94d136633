//! The HTTP exchange at the beginning of a connection.

use std::io::{self, Cursor};

use async_tungstenite::tungstenite::{
    Message, WebSocket, handshake::derive_accept_key, protocol::Role,
};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{
    behaviour::{Behaviour, Faults},
    command::Command,
};

/// The maximum number of bytes of a request's head.
const HEAD: usize = 16 * 1024;

/// The request of a client.
pub(super) enum Request {
    Upgrade {
        key: String,
        /// The subprotocols that the client offers.
        offered: String,
    },
    Command(Command),
    Restart,
    /// The status line and fields of the answer, and the reason.
    Other(&'static str, &'static str, &'static str),
}

/// Reads a request. Without `control` there are no commands.
pub(super) async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    control: bool,
) -> io::Result<Request> {
    let head = head(stream).await?;
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    if !matches!(request.parse(&head), Ok(httparse::Status::Complete(_))) {
        return Ok(Request::Other("400 Bad Request", "", "the request is not HTTP"));
    }
    if request.method == Some("POST") && control {
        return Ok(match request.path {
            Some("/silence") => Request::Command(Command::Silence),
            Some("/answer") => Request::Command(Command::Answer),
            Some("/cut") => Request::Command(Command::Cut),
            Some("/close") => Request::Command(Command::Close),
            Some("/restart") => Request::Restart,
            _ => Request::Other("404 Not Found", "", "the command is unknown"),
        });
    }
    let field = |name: &str| {
        let field = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        field.and_then(|field| str::from_utf8(field.value).ok()).map(|text| text.trim().to_owned())
    };
    Ok(match field("sec-websocket-key") {
        Some(key) => {
            let offered = field("sec-websocket-protocol").unwrap_or_default();
            Request::Upgrade { key, offered }
        }
        None => Request::Other(
            "426 Upgrade Required",
            "Upgrade: websocket\r\n",
            "the request is not an upgrade to WebSocket",
        ),
    })
}

/// Accepts an upgrade.
pub(super) async fn accept<S: AsyncWrite + Unpin>(
    stream: &mut S,
    key: &str,
    offered: &str,
    behaviour: &Behaviour,
    faults: &Faults,
) -> io::Result<()> {
    let is_offered = |name: &&str| offered.split(',').any(|offer| offer.trim() == *name);
    let selected = behaviour.subprotocol.as_deref().filter(is_offered);
    let subprotocol =
        selected.map_or_else(String::new, |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    let mut bytes = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{subprotocol}\r\n",
        derive_accept_key(key.as_bytes())
    )
    .into_bytes();
    if let Some(text) = &faults.early_data {
        let mut socket = WebSocket::from_raw_socket(Cursor::new(Vec::new()), Role::Server, None);
        socket.send(Message::text(text.as_str())).map_err(io::Error::other)?;
        bytes.extend(socket.get_ref().get_ref());
    }
    stream.write_all(&bytes).await?;
    stream.flush().await
}

/// Reads byte by byte, so that frames after the head stay in the stream.
async fn head<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD {
            return Err(io::Error::other("the head of the request is too long"));
        }
        stream.read_exact(&mut byte).await?;
        head.push(byte[0]);
    }
    Ok(head)
}

/// Sends an answer without a body, after which the connection ends. Pages of any origin may read it.
pub(super) async fn answer<S: AsyncWrite + Unpin>(
    stream: &mut S,
    status: &str,
    fields: &str,
) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 {status}\r\n{fields}Access-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.close().await
}
