//! [`NativeStream`]: the stream of a native connection, plain or with TLS.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_io::{AsyncRead, AsyncWrite};

use crate::tcp::{self, AsSocket};
#[cfg(feature = "rustls")]
use crate::tls::TlsStream;

/// The stream of a native connection: a socket, with TLS over it if the request was for `wss://`. Also
/// the stream to a proxy, with TLS over it if the URL of the proxy is `https://`. So there can be TLS
/// within TLS.
pub struct NativeStream<S> {
    layers: Layers<S>,
}

enum Layers<S> {
    Plain(S),
    #[cfg(feature = "rustls")]
    Tls(Box<TlsStream<NativeStream<S>>>),
}

impl<S> NativeStream<S> {
    pub(crate) fn plain(socket: S) -> Self {
        Self { layers: Layers::Plain(socket) }
    }

    #[cfg(feature = "rustls")]
    pub(crate) fn tls(stream: TlsStream<Self>) -> Self {
        Self { layers: Layers::Tls(Box::new(stream)) }
    }

    /// The socket below all layers. Its addresses and options can be read through its descriptor.
    pub fn socket(&self) -> &S {
        match &self.layers {
            Layers::Plain(socket) => socket,
            #[cfg(feature = "rustls")]
            Layers::Tls(tls) => tls.get_ref().0.below().socket(),
        }
    }

    /// The number of bytes that TLS has written to the socket, or `None` without TLS. TLS buffers
    /// some 64 KiB, so the bytes that it accepts prove nothing about the peer.
    pub(crate) fn bytes_below_tls(&self) -> Option<u64> {
        match &self.layers {
            Layers::Plain(_) => None,
            #[cfg(feature = "rustls")]
            Layers::Tls(tls) => {
                let below = tls.get_ref().0;
                below.below().bytes_below_tls().or_else(|| Some(below.written()))
            }
        }
    }
}

/// Evaluates an expression with the uppermost layer.
macro_rules! top_layer {
    ($this:expr, $stream:ident => $run:expr) => {
        match &mut $this.get_mut().layers {
            Layers::Plain($stream) => $run,
            #[cfg(feature = "rustls")]
            Layers::Tls($stream) => $run,
        }
    };
}

impl<S: AsyncRead + AsyncWrite + AsSocket + Unpin> AsyncRead for NativeStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        top_layer!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl<S: AsyncRead + AsyncWrite + AsSocket + Unpin> AsyncWrite for NativeStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        top_layer!(self, stream => Pin::new(stream).poll_write(cx, buffer))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        top_layer!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    /// Shuts down writing, not reading. All written bytes are delivered, then the `close_notify` of
    /// TLS. After that, the peer reads the end of the stream.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().layers {
            Layers::Plain(socket) => {
                ready!(Pin::new(&mut *socket).poll_flush(cx))?;
                Poll::Ready(tcp::shutdown(socket))
            }
            #[cfg(feature = "rustls")]
            Layers::Tls(tls) => Pin::new(tls).poll_close(cx),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for NativeStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = !matches!(self.layers, Layers::Plain(_));
        f.debug_struct("NativeStream").field("tls", &tls).field("socket", self.socket()).finish()
    }
}
