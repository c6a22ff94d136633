//! [`race`]: the addresses of a host race for the first connection (RFC 8305 section 5).

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use websocket_heartbeat::{ErrorKind, Timer, TransportError};

use super::{
    open_error::OpenError,
    step::{Observer, Step},
};
use crate::{Network, Target, address_order::Addresses, error::io_kind, tcp::SocketOptions};

/// Opens a socket to the first address that accepts. The next address starts after the delay, or
/// at once when another one has failed. The sockets of the others are dropped.
pub(super) async fn race<N: Network, T: Timer>(
    network: &N,
    timer: &T,
    options: &SocketOptions,
    delay: Duration,
    observer: &Observer,
    addresses: &mut Addresses<'_>,
) -> Result<N::Stream, TransportError> {
    let open = |address| Box::pin(async move { network.open(Target::Tcp(address), options).await });
    let mut running = Vec::new();
    let mut failures = Failures::default();
    let mut sleep: Option<Pin<Box<T::Sleep>>> = None;
    poll_fn(|cx| {
        loop {
            let mut is_due = running.is_empty();
            while let Some((address, result)) = poll_any(&mut running, cx) {
                match result {
                    Ok(socket) => {
                        observer.report(|| Step::Opened(Target::Tcp(address)));
                        addresses.connected(address);
                        return Poll::Ready(Ok(socket));
                    }
                    Err(error) => {
                        let error = OpenError::new(Target::Tcp(address), error);
                        observer.report(|| {
                            Step::OpenFailed(error.target().clone(), error.io_error().kind())
                        });
                        failures.add(error);
                    }
                }
                is_due = true;
            }
            if !is_due && !sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready()) {
                return Poll::Pending;
            }
            match addresses.next() {
                Some(address) => {
                    observer.report(|| Step::Opening(Target::Tcp(address)));
                    running.push((address, open(address)));
                }
                None if running.is_empty() => return Poll::Ready(Err(failures.error())),
                None => return Poll::Pending,
            }
            let deadline = timer.now().checked_add(delay).filter(|_| addresses.has_next());
            sleep = deadline.map(|deadline| Box::pin(timer.sleep_until(deadline)));
        }
    })
    .await
}

/// Polls the sockets until one has a result, and removes that one.
fn poll_any<F: Future>(
    running: &mut Vec<(SocketAddr, Pin<Box<F>>)>,
    cx: &mut Context<'_>,
) -> Option<(SocketAddr, F::Output)> {
    for at in 0..running.len() {
        if let Poll::Ready(result) = running[at].1.as_mut().poll(cx) {
            return Some((running.remove(at).0, result));
        }
    }
    None
}

/// The addresses that have failed.
#[derive(Default)]
struct Failures {
    count: usize,
    most_telling: Option<OpenError>,
}

impl Failures {
    fn add(&mut self, error: OpenError) {
        self.count += 1;
        let rank = |error: &OpenError| how_telling(io_kind(error.io_error()));
        if self.most_telling.as_ref().is_none_or(|earlier| rank(&error) > rank(earlier)) {
            self.most_telling = Some(error);
        }
    }

    fn error(&mut self) -> TransportError {
        match self.most_telling.take() {
            Some(error) => {
                let kind = io_kind(error.io_error());
                TransportError::from_source(kind, error.of_several(self.count))
            }
            None => TransportError::new(ErrorKind::Dns, "the host has no address"),
        }
    }
}

/// How much an error says about the server. An address that answered says more than one that did
/// not, and that says more than one to which this machine has no route: many hosts have an IPv6
/// address, and many clients have no IPv6.
fn how_telling(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Unreachable => 0,
        ErrorKind::Other => 1,
        ErrorKind::Timeout => 2,
        _ => 3,
    }
}
