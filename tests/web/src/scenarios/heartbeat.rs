//! Heartbeats, which are messages in a browser.

use std::time::Duration;

use websocket_heartbeat_web::{Heartbeat, LostCause, Message};

use super::{Outcome, ensure};
use crate::{
    page::Server,
    session::{Session, original},
};

pub(super) async fn answered(server: &Server) -> Outcome {
    let heartbeat = Heartbeat::idle(Duration::from_millis(20)).message("beat");
    let mut session = Session::open(original(server.url("/echo")).heartbeat(heartbeat)).await?;
    for _ in 0..3 {
        let message = session.message().await?;
        ensure(message == Message::text("beat"), || format!("{message:?} came back"))?;
    }
    let counters = session.handle.status().counters;
    ensure(counters.opens == 1 && counters.probes_answered >= 2, || format!("{counters:?}"))
}

pub(super) async fn unanswered(server: &Server) -> Outcome {
    let ms = Duration::from_millis;
    let heartbeat = Heartbeat::idle(ms(20)).timeout(ms(50)).message("beat");
    let mut session = Session::open(original(server.url("/silent")).heartbeat(heartbeat)).await?;
    let lost = session.lost().await?;
    ensure(matches!(lost.cause, LostCause::HeartbeatTimeout(_)), || lost.cause.to_string())?;
    let open = session.opened().await?;
    ensure(open.connection == 2, || format!("{open:?}"))
}
