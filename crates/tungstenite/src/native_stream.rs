//! [`Line`]: what a backend's connection runs over, plain or with TLS.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};

#[cfg(feature = "rustls")]
use crate::tls::Secured;

/// A stream, with TLS between if the request was for `wss://`.
pub struct Line<S> {
    inner: Inner<S>,
}

enum Inner<S> {
    Plain(S),
    #[cfg(feature = "rustls")]
    Tls(Box<Secured<S>>),
}

impl<S> Line<S> {
    pub(crate) fn plain(stream: S) -> Self {
        Self { inner: Inner::Plain(stream) }
    }

    #[cfg(feature = "rustls")]
    pub(crate) fn tls(stream: Secured<S>) -> Self {
        Self { inner: Inner::Tls(Box::new(stream)) }
    }

    /// The stream below, such as a TCP stream.
    pub fn stream(&self) -> &S {
        match &self.inner {
            Inner::Plain(stream) => stream,
            #[cfg(feature = "rustls")]
            Inner::Tls(tls) => tls.get_ref().0.stream(),
        }
    }

    /// What TLS has passed on to the stream, if there is TLS. TLS accepts some 64 KiB at once, which
    /// shows nothing of the peer.
    pub(crate) fn passed_on(&self) -> Option<u64> {
        match &self.inner {
            Inner::Plain(_) => None,
            #[cfg(feature = "rustls")]
            Inner::Tls(tls) => Some(tls.get_ref().0.written()),
        }
    }
}

/// Runs an expression on whichever stream it is.
macro_rules! either {
    ($line:expr, $stream:ident => $run:expr) => {
        match &mut $line.get_mut().inner {
            Inner::Plain($stream) => $run,
            #[cfg(feature = "rustls")]
            Inner::Tls($stream) => $run,
        }
    };
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write(cx, buffer))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_close(cx))
    }
}

impl<S: fmt::Debug> fmt::Debug for Line<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = !matches!(self.inner, Inner::Plain(_));
        f.debug_struct("Line").field("tls", &tls).field("stream", self.stream()).finish()
    }
}
