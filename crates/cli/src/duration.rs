//! Durations as text: `15s`, `300ms`, `1m30s`, `2h`.

use std::time::Duration;

const UNITS: [(&str, u64); 4] =
    [("ms", 1_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000)];

/// Parses a duration. The error has the cause and the remedy.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    const REMEDY: &str = "write a time such as 15s, 300ms, 1m30s or 2h";
    if text.is_empty() {
        return Err(format!("the time is empty; {REMEDY}"));
    }
    if text.parse::<f64>().is_ok() {
        return Err(format!("{text:?} has no unit; write {text}s or {text}ms"));
    }
    let mut nanos = 0_u64;
    let mut smallest = u64::MAX;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let number: u64 =
            number.parse().map_err(|_| format!("{text:?} is not a time; {REMEDY}"))?;
        let unit = UNITS.iter().find_map(|(name, unit)| Some((after.strip_prefix(name)?, *unit)));
        let Some((after, unit)) = unit.filter(|(_, unit)| *unit < smallest) else {
            return Err(format!("{text:?} is not a time; {REMEDY}"));
        };
        let part = number.checked_mul(unit);
        let sum = part.and_then(|part| nanos.checked_add(part));
        nanos = sum.ok_or_else(|| format!("{text:?} is too long; write a shorter time"))?;
        (rest, smallest) = (after, unit);
    }
    Ok(Duration::from_nanos(nanos))
}

/// Parses `MIN..MAX`.
pub(crate) fn parse_range(text: &str) -> Result<(Duration, Duration), String> {
    let Some((low, high)) = text.split_once("..") else {
        return Err(format!("{text:?} is not a range; write MIN..MAX, such as 1s..30s"));
    };
    let (low, high) = (parse(low)?, parse(high)?);
    if low > high {
        return Err(format!("{text:?} begins with the longer time; write the smaller time first"));
    }
    Ok((low, high))
}

/// A duration for people, with three digits and a suitable unit.
pub(crate) fn show(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 0.01 => format!("{:.2} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.2} s"),
        s if s < 3_600.0 => format!("{}m{:02}s", s as u64 / 60, s as u64 % 60),
        s if s < 86_400.0 => format!("{}h{:02}m", s as u64 / 3_600, s as u64 / 60 % 60),
        s => format!("{}d{:02}h", s as u64 / 86_400, s as u64 / 3_600 % 24),
    }
}

/// To the nearest millisecond.
pub(crate) fn to_millis(time: Duration) -> u64 {
    u64::try_from((time + Duration::from_micros(500)).as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds with a fraction, to the nearest microsecond.
pub(crate) fn to_fine_millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_times_are_parsed() {
        for (text, ms) in [
            ("15s", 15_000),
            ("300ms", 300),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("1h1m1s1ms", 3_661_001),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn an_invalid_time_is_refused_with_a_remedy() {
        let remedy = "write a time such as 15s, 300ms, 1m30s or 2h";
        for (text, message) in [
            ("15", r#""15" has no unit; write 15s or 15ms"#.to_owned()),
            ("1.5", r#""1.5" has no unit; write 1.5s or 1.5ms"#.to_owned()),
            ("", format!("the time is empty; {remedy}")),
            ("soon", format!("\"soon\" is not a time; {remedy}")),
            ("1.5s", format!("\"1.5s\" is not a time; {remedy}")),
            ("-1s", format!("\"-1s\" is not a time; {remedy}")),
            ("30s1m", format!("\"30s1m\" is not a time; {remedy}")),
            ("1s1s", format!("\"1s1s\" is not a time; {remedy}")),
            ("5 s", format!("\"5 s\" is not a time; {remedy}")),
            ("1d", format!("\"1d\" is not a time; {remedy}")),
            ("99999999999h", "\"99999999999h\" is too long; write a shorter time".to_owned()),
        ] {
            assert_eq!(parse(text), Err(message), "{text}");
        }
    }

    #[test]
    fn valid_ranges_are_parsed_and_others_refused() {
        let secs = Duration::from_secs;
        assert_eq!(parse_range("1s..30s"), Ok((secs(1), secs(30))));
        assert_eq!(parse_range("2s..2s"), Ok((secs(2), secs(2))));
        let refused = |text| parse_range(text).unwrap_err();
        assert_eq!(refused("1s"), "\"1s\" is not a range; write MIN..MAX, such as 1s..30s");
        assert_eq!(
            refused("9s..1s"),
            "\"9s..1s\" begins with the longer time; write the smaller time first"
        );
        assert_eq!(refused("1..2"), "\"1\" has no unit; write 1s or 1ms");
    }

    #[test]
    fn times_are_shown_with_a_suitable_unit() {
        let shown = |micros| show(Duration::from_micros(micros));
        assert_eq!(shown(214), "0.21 ms");
        assert_eq!(shown(300_000), "300 ms");
        assert_eq!(shown(1_400_123), "1.40 s");
        assert_eq!(shown(90_000_000), "1m30s");
        assert_eq!(shown(5_400_000_000), "1h30m");
        assert_eq!(shown(100_000_000_000), "1d03h");
    }
}
