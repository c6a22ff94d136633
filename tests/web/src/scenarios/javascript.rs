//! Exceptions of JavaScript.

use websocket_heartbeat_web::{ErrorKind, LostCause};

use super::{Outcome, attempts::kind, ensure};
use crate::{
    page::{Server, evaluate, shown},
    session::{Session, original},
};

pub(super) async fn constructor(server: &Server) -> Outcome {
    let replace = "globalThis.Kept = WebSocket;
        globalThis.WebSocket = class { constructor() { throw new Error('secret'); } };";
    evaluate(replace).await.map_err(shown)?;
    let mut session = Session::start(original(server.url("/echo")))?;
    let lost = session.lost().await?;
    ensure(kind(&lost) == Some(ErrorKind::Other), || format!("{lost:?}"))?;
    ensure(!format!("{lost:?}").contains("secret"), || format!("{lost:?}"))?;
    evaluate("globalThis.WebSocket = Kept").await.map_err(shown)?;
    session.opened().await?;
    session.echo("after the exception").await
}

pub(super) async fn send(server: &Server) -> Outcome {
    let mut session = Session::open(original(server.url("/echo"))).await?;
    let replace = "globalThis.keptSend = WebSocket.prototype.send;
        WebSocket.prototype.send = () => { throw new Error('secret'); };";
    evaluate(replace).await.map_err(shown)?;
    session.send("not sent")?;
    let lost = session.lost().await?;
    let kind = match &lost.cause {
        LostCause::Broken(error) => Some(error.kind()),
        _ => None,
    };
    ensure(kind == Some(ErrorKind::Other), || format!("{lost:?}"))?;
    evaluate("WebSocket.prototype.send = keptSend").await.map_err(shown)?;
    session.opened().await?;
    session.echo("after the exception").await
}
