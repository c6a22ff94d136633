//! Ends of connections, by both sides.

use websocket_heartbeat_web::{CloseFrame, CloseReason, ErrorKind, LostCause, connect};

use super::{Outcome, ensure};
use crate::{
    page::Server,
    session::{Session, original},
};

pub(super) async fn reset(server: &Server) -> Outcome {
    let mut session = Session::open(original(server.url("/drop?how=reset"))).await?;
    session.send("drop the connection")?;
    let lost = session.lost().await?;
    let kind = lost.cause.transport_error().map(|error| error.kind());
    ensure(kind == Some(ErrorKind::Ended) && lost.opened, || format!("{lost:?}"))?;
    let open = session.opened().await?;
    ensure(open.connection == 2, || format!("{open:?}"))
}

pub(super) async fn server_code(server: &Server) -> Outcome {
    let url = server.url("/close/4001?reason=as+you+wish");
    let mut session = Session::open(original(url)).await?;
    session.send("close the connection")?;
    let lost = session.lost().await?;
    let frame = CloseFrame::new(4001, "as you wish");
    ensure(lost.cause == LostCause::ClosedByPeer(Some(frame)), || lost.cause.to_string())
}

pub(super) async fn our_code(server: &Server) -> Outcome {
    let seen = close_with(server, "/echo/our-code", CloseFrame::new(4321, "we leave")).await?;
    ensure(seen == (4321, "we leave".to_owned()), || format!("the server saw {seen:?}"))
}

pub(super) async fn forbidden_code(server: &Server) -> Outcome {
    let frame = CloseFrame::new(1001, "we leave");
    let seen = close_with(server, "/echo/forbidden-code", frame).await?;
    ensure(seen == (1005, String::new()), || format!("the server saw {seen:?}"))
}

/// Returns the close frame that the server saw.
async fn close_with(
    server: &Server,
    path: &str,
    frame: CloseFrame,
) -> Result<(u16, String), String> {
    let mut session = Session::open(connect(server.url(path))).await?;
    session.handle.close_with(frame).map_err(|error| error.to_string())?;
    let closed = session.closed().await?;
    ensure(closed.reason == CloseReason::User, || closed.reason.to_string())?;
    server.closed(path).await
}

pub(super) async fn abandoned(server: &Server) -> Outcome {
    let path = "/silent/abandoned";
    let mut session = Session::open(connect(server.url(path))).await?;
    session.handle.abort();
    session.closed().await?;
    let seen = server.closed(path).await?;
    ensure(seen.0 == 1005, || format!("the server saw {seen:?}"))
}
