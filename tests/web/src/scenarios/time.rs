//! The clock, and random times.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use futures::FutureExt;
use websocket_heartbeat_web::{Event, Exponential, Timer, WebTimer, connect};

use super::{Outcome, ensure};
use crate::{
    page::{Server, sleep},
    session::Session,
};

/// A browser ends a longer timeout than 24.8 days at once.
pub(super) async fn long_sleep(_: &Server) -> Outcome {
    let timer = WebTimer::new();
    let begin = timer.now();
    let month = Duration::from_secs(30 * 24 * 3_600);
    let deadline = begin.checked_add(month).ok_or("the clock has no such time")?;
    let mut long = pin!(timer.sleep_until(deadline));
    let mut ended = 0;
    let mut short = pin!(sleep(Duration::from_millis(20)));
    // Each poll sets a timeout. An early end would poll again and again.
    poll_fn(|cx| {
        ended += 1;
        if long.poll_unpin(cx).is_ready() {
            return Poll::Ready(Err("the long sleep has ended".to_owned()));
        }
        short.poll_unpin(cx).map(Ok)
    })
    .await?;
    ensure(ended <= 2, || format!("{ended} polls"))?;
    let passed = timer.now().saturating_since(begin);
    ensure(passed >= Duration::from_millis(20), || format!("{passed:?} have passed"))
}

/// The first delays of three sessions, in nanoseconds.
pub(crate) async fn delays(server: &Server) -> Result<Vec<f64>, String> {
    let mut delays = Vec::new();
    for _ in 0..3 {
        let settings = connect(server.url("/refuse/503")).backoff(Exponential::new());
        let mut session = Session::start(settings)?;
        let retry = |event| if let Event::Retry(retry) = event { Some(retry.delay) } else { None };
        delays.push(session.until("a retry", retry).await?.as_nanos() as f64);
        session.handle.abort();
    }
    Ok(delays)
}
