//! The value of `Retry-After` (RFC 9110 section 10.2.3).

use std::time::Duration;

use httpdate::parse_http_date;
use websocket_heartbeat::Headers;

/// The longest accepted value, a day. A longer one is more likely an error of the server.
const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The value of the first valid `Retry-After`. A date is relative to the `Date` of the same answer,
/// so that a wrong clock of this machine does not matter.
pub(crate) fn retry_after(headers: &Headers) -> Option<Duration> {
    let fields = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    let mut values = fields.filter_map(|(_, value)| str::from_utf8(value).ok());
    values.find_map(|value| parse(value.trim(), headers))
}

fn parse(value: &str, headers: &Headers) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Only a number with too many digits fails here.
        let duration = value.parse().map_or(MAX, Duration::from_secs);
        return Some(duration.min(MAX));
    }
    let until = parse_http_date(value).ok()?;
    let since = parse_http_date(headers.get("date")?.trim()).ok()?;
    Some(until.duration_since(since).unwrap_or_default().min(MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn parsed(value: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers: Headers = [("Retry-After", value.as_bytes())].into_iter().collect();
        if let Some(date) = date {
            headers.append("Date", date.as_bytes());
        }
        retry_after(&headers)
    }

    #[test]
    fn a_number_is_seconds() {
        assert_eq!(parsed(" 120 ", None), Some(Duration::from_secs(120)));
        assert_eq!(parsed("0", None), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_is_relative_to_the_date_of_the_answer() {
        let until = "Sun, 06 Nov 1994 08:50:07 GMT";
        assert_eq!(parsed(until, Some(DATE)), Some(Duration::from_secs(30)));
        assert_eq!(parsed(until, None), None);
        assert_eq!(parsed(DATE, Some(until)), Some(Duration::ZERO));
    }

    #[test]
    fn invalid_values_are_ignored() {
        for value in ["", "soon", "-5", "+5", "1.5", "5s", "Sun, 99 Nov 1994 08:49:37 GMT", "é"] {
            assert_eq!(parsed(value, Some(DATE)), None, "{value}");
        }
        assert_eq!(parsed("Sun, 06 Nov 1994 08:50:07 GMT", Some("yesterday")), None);
    }

    #[test]
    fn the_first_valid_field_counts() {
        let fields = [("Retry-After", &b"soon"[..]), ("retry-after", b"7"), ("Retry-After", b"9")];
        let headers: Headers = fields.into_iter().collect();
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
    }

    #[test]
    fn values_longer_than_a_day_are_cut() {
        assert_eq!(parsed("99999999999999999999999999", None), Some(MAX));
        assert_eq!(parsed("18446744073709551615", None), Some(MAX));
        assert_eq!(parsed("Fri, 31 Dec 9999 23:59:59 GMT", Some(DATE)), Some(MAX));
    }
}
