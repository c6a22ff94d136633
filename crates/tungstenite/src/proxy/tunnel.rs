//! [`open`]: a tunnel through a proxy, over a stream to the proxy.

use std::{future::poll_fn, io, pin::Pin};

use futures_io::{AsyncRead, AsyncWrite};

use super::{
    Proxy, ProxyProblem,
    handshake::{Destination, Handshake},
};

/// The longest part of an answer that is read at once: a reply of SOCKS5 has at most 262 bytes.
const READ_SIZE: usize = 262;

/// Asks the proxy at the other end of the stream for a tunnel. After that, the stream leads to the
/// server: no byte of the tunnel has been read.
///
/// There is no time limit: the caller sets one.
pub(crate) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    proxy: &Proxy,
    destination: Destination<'_>,
) -> Result<(), ProxyProblem> {
    let mut handshake = Handshake::new(proxy, destination);
    let mut buffer = [0; READ_SIZE];
    loop {
        write_all(stream, &handshake.output()).await.map_err(ProxyProblem::Broken)?;
        let wanted = handshake.wanted().min(READ_SIZE);
        if wanted == 0 {
            return Ok(());
        }
        match read(stream, &mut buffer[..wanted]).await.map_err(ProxyProblem::Broken)? {
            0 => return Err(ProxyProblem::Ended),
            count => handshake.input(&buffer[..count])?,
        }
    }
}

async fn write_all(stream: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    while !bytes.is_empty() {
        match poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, bytes)).await {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await
}

async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, buffer)).await {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
