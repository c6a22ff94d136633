//! The time of day in UTC, as RFC 3339 writes it.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Serialize, Serializer};

/// A time of the system's clock. `Display` writes it with milliseconds, such as
/// `2026-01-31T12:00:00.123Z`. As in that clock, each day has 86,400 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Utc {
    /// Since 1970. A clock that is set to an earlier time counts as 1970.
    since_epoch: Duration,
}

impl Utc {
    #[expect(clippy::disallowed_methods, reason = "a time of day, of which no duration is made")]
    pub(crate) fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { since_epoch }
    }

    pub(crate) fn from_millis(millis: u64) -> Self {
        Self { since_epoch: Duration::from_millis(millis) }
    }

    /// Milliseconds since 1970.
    pub(crate) fn millis(self) -> u64 {
        u64::try_from(self.since_epoch.as_millis()).unwrap_or(u64::MAX)
    }

    /// Parses the format of `Display`. Others, and times before 1970, are `None`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"), (19, "."), (23, "Z")];
        if text.len() != 24 || marks.iter().any(|(at, mark)| text.get(*at..at + 1) != Some(mark)) {
            return None;
        }
        let number = |from: usize, to: usize| {
            let digits = text.get(from..to)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())?
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let valid = year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day);
        let days = valid.then(|| days(year, month, day))?;
        let secs = number(11, 13)? * 3_600 + number(14, 16)? * 60 + number(17, 19)?;
        Some(Self::from_millis((days * 86_400 + secs) * 1_000 + number(20, 23)?))
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, millis) = (self.since_epoch.as_secs(), self.since_epoch.subsec_millis());
        let (year, month, day) = date(secs / 86_400);
        let (hour, minute, second) = (secs / 3_600 % 24, secs / 60 % 60, secs % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Year, month and day of the Gregorian calendar, of a number of days since 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Years that begin in March have the leap day at their end. 1600-03-01 begins a cycle of 400
    // years, and is 135,080 days before 1970.
    let days = days + 135_080;
    let (cycle, day) = (days / DAYS_IN_400, days % DAYS_IN_400);
    // The day less the leap days before it: every fourth year has one, but for three of four
    // centuries.
    let year = (day - day / (DAYS_IN_4 - 1) + day / DAYS_IN_100 - day / (DAYS_IN_400 - 1)) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    // From March on, five months have 153 days.
    let month = (day * 5 + 2) / 153;
    let day = day - (month * 153 + 2) / 5 + 1;
    let year = 1_600 + cycle * 400 + year;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// The inverse of [`date`].
fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years begin in March, as in `date`.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - DAYS_TO_1970
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: u64 = 719_468;
const DAYS_IN_4: u64 = 4 * 365 + 1;
const DAYS_IN_100: u64 = 25 * DAYS_IN_4 - 1;
const DAYS_IN_400: u64 = 4 * DAYS_IN_100 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_five_centuries_follows_the_day_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..500 * 366 {
            assert_eq!(date(days), (year, month, day), "{days}");
            assert_eq!(super::days(year, month, day), days);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }

    #[test]
    fn a_time_is_written_with_milliseconds() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (1_769_860_800_123, "2026-01-31T12:00:00.123Z"),
        ] {
            assert_eq!(Utc::from_millis(millis).to_string(), text);
            assert_eq!(Utc::parse(text), Some(Utc::from_millis(millis)));
        }
    }

    #[test]
    fn other_formats_are_not_parsed() {
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T12:00:00Z",
            "2026-13-31T12:00:00.123Z",
            "2026-01-31T12:00:00.+12Z",
            "1969-12-31T12:00:00.000Z",
            "2026-01-31T12:00:00.1é",
        ] {
            assert_eq!(Utc::parse(text), None, "{text}");
        }
    }
}
