//! The HTTP server of a worker: `/metrics`, `/healthz` and `/readyz`.

#[cfg(test)]
mod tests;

use std::{convert::Infallible, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time,
};

use crate::health::NotReady;

/// The connections at the same time. Further ones wait. Monitoring needs one or two.
const CONNECTIONS: usize = 16;

/// The time for the head of a request, and then for the answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The bytes of the head of a request. The least that hyper accepts.
const HEAD: usize = 8 << 10;

/// The wait after a connection cannot be accepted, for example for want of files.
const AGAIN: Duration = Duration::from_millis(200);

/// What the server shows.
pub trait Pages: Send + Sync + 'static {
    /// The metrics in the text format of Prometheus.
    fn metrics(&self) -> String;

    /// Whether the worker is ready.
    ///
    /// # Errors
    ///
    /// Why it is not.
    fn readiness(&self) -> Result<(), NotReady>;
}

/// A server that listens.
#[derive(Debug)]
pub struct Server(TcpListener);

/// Why a server cannot listen. The text says what to do.
#[derive(Debug)]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// The reason.
    pub reason: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, reason } = self;
        match reason.kind() {
            io::ErrorKind::AddrInUse => {
                write!(f, "`worker.metrics`: another program listens on {address}: give this ")?;
                f.write_str("worker another address, or \"off\"")
            }
            _ => write!(f, "`worker.metrics`: {address} cannot be used: {reason}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.reason)
    }
}

impl Server {
    /// Listens on this address. Connections are accepted by [`Server::run`].
    ///
    /// # Errors
    ///
    /// If the address is in use, or not one of this computer.
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let listener = TcpListener::bind(address).await;
        listener.map(Self).map_err(|reason| BindError { address, reason })
    }

    /// The address with the port.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Answers requests, each on a connection of its own. Never returns; dropping the future closes the
    /// listener.
    pub async fn run(self, pages: Arc<impl Pages>) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let permit = Arc::clone(&permits).acquire_owned().await;
            match self.0.accept().await {
                Ok((stream, _)) => {
                    let pages = Arc::clone(&pages);
                    tokio::spawn(async move {
                        serve(stream, pages).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection for metrics cannot be accepted");
                    time::sleep(AGAIN).await;
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, pages: Arc<impl Pages>) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), &*pages);
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(TIMEOUT)
        .max_buf_size(HEAD)
        // A client that keeps its connection would take the place of another.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match time::timeout(2 * TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a request for metrics failed"),
        Err(_) => tracing::debug!("a request for metrics took too long"),
    }
}

fn answer(method: &Method, path: &str, pages: &impl Pages) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n".into());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match path {
        "/metrics" => text(StatusCode::OK, pages.metrics()),
        "/healthz" => text(StatusCode::OK, "alive\n".into()),
        "/readyz" => match pages.readiness() {
            Ok(()) => text(StatusCode::OK, "ready\n".into()),
            Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        },
        _ => text(StatusCode::NOT_FOUND, "the pages are /metrics, /healthz and /readyz\n".into()),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    // The version of the format of Prometheus; for the other pages it has no meaning.
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
