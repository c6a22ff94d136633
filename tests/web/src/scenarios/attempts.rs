//! Attempts and their failures.

use std::time::Duration;

use websocket_heartbeat_web::{
    Attempt, CloseReason, ErrorKind, Lost, LostCause, Request, Supervisor, TransportError,
    WebTimer, WebTransport, connect,
};

use super::{Outcome, ensure};
use crate::{
    page::{Server, sleep},
    session::{Session, original},
};

pub(super) async fn subprotocol(server: &Server) -> Outcome {
    let request = Request::new(server.url("/echo")).subprotocol("v2.feed").subprotocol("v1.feed");
    let mut session = Session::start(connect(request))?;
    let open = session.opened().await?;
    ensure(open.subprotocol.as_deref() == Some("v2.feed"), || format!("{open:?}"))
}

pub(super) async fn refused(server: &Server) -> Outcome {
    let mut session = Session::start(original(server.url("/refuse/401")))?;
    let lost = session.lost().await?;
    ensure(kind(&lost) == Some(ErrorKind::Other) && !lost.opened, || format!("{lost:?}"))?;
    let again = session.lost().await?;
    ensure(again.connection == 2, || format!("{again:?}"))
}

pub(super) async fn invalid_url(_: &Server) -> Outcome {
    stops(Request::new("ws://[not-a-host/?token=secret")).await
}

pub(super) async fn invalid_subprotocol(server: &Server) -> Outcome {
    stops(Request::new(server.url("/echo")).subprotocol("not a token, but secret")).await
}

/// The browser does not accept the request.
async fn stops(request: Request) -> Outcome {
    let mut session = Session::start(connect(request))?;
    let closed = session.closed().await?;
    let CloseReason::Stopped(cause) = &closed.reason else {
        return Err(closed.reason.to_string());
    };
    let error = cause.transport_error().ok_or("no error of the transport")?;
    ensure(error.kind() == ErrorKind::Url, || error.to_string())?;
    let shown = format!("{closed:?} {error} {error:?}");
    ensure(!shown.contains("secret"), || shown)
}

/// The first attempt gets an error, the second a refused request, the third one that works.
pub(super) async fn provider(server: &Server) -> Outcome {
    let (refused, echo) = (server.url("/refuse/503"), server.url("/echo"));
    let transport = WebTransport::with_provider(move |attempt: Attempt| {
        let (refused, echo) = (refused.clone(), echo.clone());
        async move {
            sleep(Duration::from_millis(1)).await;
            match attempt.connection {
                1 => Err(TransportError::new(ErrorKind::Provider, "no token yet")),
                2 => Ok(Request::new(refused)),
                _ => Ok(Request::new(echo)),
            }
        }
    });
    let mut session = Session::start(Supervisor::builder(transport, WebTimer::new()))?;
    for expected in [ErrorKind::Provider, ErrorKind::Other] {
        let lost = session.lost().await?;
        ensure(kind(&lost) == Some(expected), || format!("{lost:?}"))?;
    }
    session.opened().await?;
    session.echo("with the third request").await
}

pub(super) fn kind(lost: &Lost) -> Option<ErrorKind> {
    match &lost.cause {
        LostCause::Connect(error) => Some(error.kind()),
        _ => None,
    }
}
