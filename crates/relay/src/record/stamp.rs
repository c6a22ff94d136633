//! Moments in records: [`Stamp`].

use std::{fmt, time::SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment by the clock of the computer, in nanoseconds since 1970. In records it has the format of
/// RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub u64);

/// The current time by the clock of the computer.
#[must_use]
#[cfg(not(test))]
pub fn unix_now() -> Stamp {
    real_now()
}

/// Moves with tokio's clock, which a test can pause.
#[must_use]
#[cfg(test)]
pub fn unix_now() -> Stamp {
    use std::{sync::LazyLock, time::Duration};

    use tokio::time::Instant;

    const DAY: Duration = Duration::from_secs(86_400);
    static START: LazyLock<(Instant, Stamp)> = LazyLock::new(|| (Instant::now(), real_now()));
    let (start, at) = *START;
    let since = (Instant::now() + DAY).saturating_duration_since(start);
    Stamp(at.before(DAY).0 + u64::try_from(since.as_nanos()).unwrap_or_default())
}

#[allow(clippy::disallowed_methods, reason = "records have the time of day")]
fn real_now() -> Stamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Stamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

impl Stamp {
    /// Reads the format of RFC 3339.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u64::try_from(time.unix_timestamp_nanos()).ok().map(Self)
    }

    /// The moment this long before, at the earliest 1970.
    #[must_use]
    pub fn before(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp_nanos(self.0.into());
        let text = time.ok().and_then(|time| time.format(&Rfc3339).ok());
        f.write_str(&text.ok_or(fmt::Error)?)
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a time of RFC 3339"))
    }
}
