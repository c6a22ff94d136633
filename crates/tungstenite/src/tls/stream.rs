//! [`TlsStream`]: TLS over another stream.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};

use crate::read_budget::ReadBudget;

/// A stream with TLS over another one.
pub(crate) type TlsStream<S> = futures_rustls::client::TlsStream<CountedStream<S>>;

/// A stream below TLS. It counts the bytes that it accepts, and it pauses after each
/// [`ReadBudget`], because a peer can send endless records that contain no data, for example
/// session tickets.
pub(crate) struct CountedStream<S> {
    below: S,
    written: u64,
    budget: ReadBudget,
    write_errors: WriteErrors,
}

/// Whether the error of a write is returned at once.
enum WriteErrors {
    /// During the handshake it is kept until everything is read, because a server that refuses this
    /// client sends an alert with the reason, and then resets the connection.
    Kept(Option<io::Error>),
    /// After the handshake it is returned.
    Returned,
}

impl<S> CountedStream<S> {
    pub(super) fn new(below: S) -> Self {
        Self { below, written: 0, budget: ReadBudget::new(), write_errors: WriteErrors::Kept(None) }
    }

    /// Ends the time of the handshake.
    pub(super) fn report_write_errors(&mut self) {
        self.write_errors = WriteErrors::Returned;
    }

    pub(crate) fn below(&self) -> &S {
        &self.below
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CountedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.budget.is_exhausted(cx.waker()) {
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.below).poll_read(cx, buffer);
        match read {
            Poll::Ready(Ok(count)) => self.budget.spend(count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.budget.renew(),
        }
        if let (Poll::Ready(Ok(0)), WriteErrors::Kept(error)) = (&read, &mut self.write_errors)
            && let Some(error) = error.take()
        {
            return Poll::Ready(Err(error));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CountedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let WriteErrors::Kept(Some(_)) = self.write_errors {
            return Poll::Ready(Ok(buffer.len()));
        }
        let written = Pin::new(&mut self.below).poll_write(cx, buffer);
        match (written, &mut self.write_errors) {
            (Poll::Ready(Ok(count)), _) => {
                self.written += count as u64;
                Poll::Ready(Ok(count))
            }
            (Poll::Ready(Err(error)), WriteErrors::Kept(kept)) => {
                *kept = Some(error);
                Poll::Ready(Ok(buffer.len()))
            }
            (written, _) => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.below).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.below).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Wake, Waker},
    };

    use super::*;

    #[derive(Default)]
    struct Calls(AtomicUsize);

    impl Wake for Calls {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_read_pauses_after_its_budget_however_much_the_peer_sends() {
        let calls = Arc::new(Calls::default());
        let waker = Waker::from(calls.clone());
        let mut cx = Context::from_waker(&waker);
        let mut stream = CountedStream::new(futures::io::repeat(0x17));
        for turn in 1..4 {
            let mut reads = 0;
            while Pin::new(&mut stream).poll_read(&mut cx, &mut [0; 64]).is_ready() {
                reads += 1;
            }
            assert_eq!((reads, calls.0.load(Ordering::Relaxed)), (32, turn));
        }
    }

    /// A socket that accepts no byte, and from which an alert can be read.
    struct Resetting {
        alert: &'static [u8],
    }

    impl AsyncRead for Resetting {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.alert).poll_read(cx, buffer)
        }
    }

    impl AsyncWrite for Resetting {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn an_alert_is_read_before_the_error_of_a_write_in_the_handshake() {
        use futures::{AsyncReadExt, AsyncWriteExt, executor::block_on};

        let mut stream = CountedStream::new(Resetting { alert: b"alert" });
        block_on(async {
            stream.write_all(b"hello").await.unwrap();
            let mut alert = [0; 5];
            stream.read_exact(&mut alert).await.unwrap();
            assert_eq!((&alert, stream.written()), (b"alert", 0));
            let error = stream.read(&mut alert).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            stream.report_write_errors();
            assert!(stream.write(b"hello").await.is_err());
        });
    }
}
