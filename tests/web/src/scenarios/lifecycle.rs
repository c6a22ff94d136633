//! Events of the page. They exist in pages, not in workers.

use std::time::Duration;

use web_sys::{EventTarget, PageTransitionEvent, PageTransitionEventInit};
use websocket_heartbeat_web::{Constant, Event, Heartbeat, Lifecycle, Message};

use super::{Outcome, ensure};
use crate::{
    page::{Server, devtools, document, events, shown, window},
    session::{Session, original},
};

const HOUR: Duration = Duration::from_secs(3_600);

/// An open session that sends no heartbeat by itself.
async fn idle_session(server: &Server) -> Result<Session, String> {
    let heartbeat = Heartbeat::idle(HOUR).timeout(HOUR).message("beat");
    Session::open(original(server.url("/echo")).heartbeat(heartbeat)).await
}

/// Waits until a heartbeat has come back.
async fn probed(session: &mut Session) -> Outcome {
    let message = session.message().await?;
    ensure(message == Message::text("beat"), || format!("{message:?} came back"))
}

fn dispatch(target: &EventTarget, name: &str) -> Outcome {
    let event = web_sys::Event::new(name).map_err(shown)?;
    target.dispatch_event(&event).map(drop).map_err(shown)
}

/// A page under the DevTools is always visible.
pub(super) async fn visible(server: &Server) -> Outcome {
    let mut session = idle_session(server).await?;
    let _lifecycle = Lifecycle::watch(session.handle.clone());
    dispatch(&document(), "visibilitychange")?;
    probed(&mut session).await
}

pub(super) async fn kept(server: &Server) -> Outcome {
    let mut session = idle_session(server).await?;
    let _lifecycle = Lifecycle::watch(session.handle.clone());
    let show = |persisted| {
        let init = PageTransitionEventInit::new();
        init.set_persisted(persisted);
        let event = PageTransitionEvent::new_with_event_init_dict("pageshow", &init);
        let event = event.map_err(shown)?;
        window().dispatch_event(&event).map_err(shown)
    };
    // The event of the first load means nothing.
    show(false)?;
    session.echo("nothing else").await?;
    let sent = session.handle.status().counters.probes_sent;
    ensure(sent == 0, || format!("{sent} heartbeats"))?;
    show(true)?;
    probed(&mut session).await
}

pub(super) async fn dropped(server: &Server) -> Outcome {
    let mut session = idle_session(server).await?;
    drop(Lifecycle::watch(session.handle.clone()));
    dispatch(&document(), "visibilitychange")?;
    dispatch(&window(), "online")?;
    dispatch(&window(), "offline")?;
    session.echo("nothing else").await?;
    let sent = session.handle.status().counters.probes_sent;
    ensure(sent == 0, || format!("{sent} heartbeats"))
}

pub(super) async fn online(server: &Server) -> Outcome {
    let settings = original(server.url("/refuse/503")).backoff(Constant::new(HOUR));
    let mut session = Session::start(settings)?;
    let _lifecycle = Lifecycle::watch(session.handle.clone());
    let retry = |event| matches!(event, Event::Retry(_)).then_some(());
    session.until("a retry", retry).await?;
    let window = window();
    events(&[(&window, "offline"), (&window, "online")], || devtools("outage")).await?;
    let connecting = |event| matches!(event, Event::Connecting(_)).then_some(());
    session.until("an attempt", connecting).await
}

/// The browser may keep the connection of a frozen page or close it.
pub(super) async fn frozen(server: &Server) -> Outcome {
    let mut session = idle_session(server).await?;
    let _lifecycle = Lifecycle::watch(session.handle.clone());
    let document = document();
    events(&[(&document, "freeze"), (&document, "resume")], || devtools("freeze")).await?;
    let alive = |event| matches!(event, Event::Open(_) | Event::Message(_)).then_some(());
    session.until("a sign of life", alive).await?;
    session.echo("after the freeze").await
}
