//! The wall clock, which messages, records and the upstream share.

use std::{
    future::Future,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Nanoseconds since 1970.
#[allow(clippy::disallowed_methods, reason = "compared with times in messages")]
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    u64::try_from(since.as_nanos()).expect("a time before 2554")
}

/// Nanoseconds since 1970 of a time in a record.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let time = async_nats::datetime::parse_rfc3339(text).ok()?;
    u64::try_from(time.unix_timestamp_nanos()).ok()
}

pub(crate) fn since(begin: u64, end: u64) -> Duration {
    Duration::from_nanos(end.saturating_sub(begin))
}

pub(crate) async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Asks four times a second until there is an answer.
///
/// # Panics
///
/// After `limit`.
pub(crate) async fn wait_for<T, F: Future<Output = Option<T>>>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> F,
) -> T {
    let answered = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            sleep(Duration::from_millis(250)).await;
        }
    };
    let begin = Instant::now();
    let answer = tokio::time::timeout(limit, answered).await;
    if begin.elapsed() > secs(5) {
        println!("{what}: after {:.1?}", begin.elapsed());
    }
    answer.unwrap_or_else(|_| panic!("after {limit:?} there is no {what}"))
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
