//! How long a server asks us to stay away, RFC 9110 section 10.2.3.

use std::time::Duration;

use httpdate::parse_http_date;
use websocket_heartbeat::Headers;

/// No server can send us away for longer than a day; past that it is more likely an error.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The value of the first `Retry-After` that makes sense. A date counts from the answer's own
/// `Date`, so that no clock of ours, which may be wrong, is involved.
pub(crate) fn retry_after(headers: &Headers) -> Option<Duration> {
    let fields = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    let mut values = fields.filter_map(|(_, value)| str::from_utf8(value).ok());
    values.find_map(|value| wish(value.trim(), headers))
}

fn wish(value: &str, headers: &Headers) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Only too many digits can fail here.
        let wish = value.parse().map_or(LONGEST, Duration::from_secs);
        return Some(wish.min(LONGEST));
    }
    let until = parse_http_date(value).ok()?;
    let since = parse_http_date(headers.get("date")?.trim()).ok()?;
    Some(until.duration_since(since).unwrap_or_default().min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn asked(value: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers: Headers = [("Retry-After", value.as_bytes())].into_iter().collect();
        if let Some(date) = date {
            headers.append("Date", date.as_bytes());
        }
        retry_after(&headers)
    }

    #[test]
    fn seconds() {
        assert_eq!(asked(" 120 ", None), Some(Duration::from_secs(120)));
        assert_eq!(asked("0", None), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_counts_from_the_answers_own_date() {
        let until = "Sun, 06 Nov 1994 08:50:07 GMT";
        assert_eq!(asked(until, Some(DATE)), Some(Duration::from_secs(30)));
        assert_eq!(asked(until, None), None);
        assert_eq!(asked(DATE, Some(until)), Some(Duration::ZERO));
    }

    #[test]
    fn garbage_is_no_wish() {
        for value in ["", "soon", "-5", "+5", "1.5", "5s", "Sun, 99 Nov 1994 08:49:37 GMT", "é"] {
            assert_eq!(asked(value, Some(DATE)), None, "{value}");
        }
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:07 GMT", Some("yesterday")), None);
    }

    #[test]
    fn the_first_field_that_makes_sense_counts() {
        let fields = [("Retry-After", &b"soon"[..]), ("retry-after", b"7"), ("Retry-After", b"9")];
        let headers: Headers = fields.into_iter().collect();
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
    }

    #[test]
    fn huge_wishes_are_cut() {
        assert_eq!(asked("99999999999999999999999999", None), Some(LONGEST));
        assert_eq!(asked("18446744073709551615", None), Some(LONGEST));
        assert_eq!(asked("Fri, 31 Dec 9999 23:59:59 GMT", Some(DATE)), Some(LONGEST));
    }
}
