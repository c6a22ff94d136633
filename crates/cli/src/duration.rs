//! Durations as text: `15s`, `1.5s`, `300ms`, `1m30s`, `2h`.

use std::time::Duration;

const UNITS: [(&str, u64); 4] =
    [("ms", 1_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000)];

/// Parses a duration. The error has the cause and the remedy.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    const REMEDY: &str = "write a time such as 15s, 1.5s, 300ms, 1m30s or 2h";
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
        let (whole, after) = split_digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_digits(after),
            None => ("0", after),
        };
        let unit = UNITS.iter().find_map(|(name, unit)| Some((after.strip_prefix(name)?, *unit)));
        let digits = !whole.is_empty() && !fraction.is_empty();
        let Some((after, unit)) = unit.filter(|(_, unit)| digits && *unit < smallest) else {
            return Err(format!("{text:?} is not a time; {REMEDY}"));
        };
        let sum = whole.parse::<u64>().ok().and_then(|whole| {
            whole.checked_mul(unit)?.checked_add(part_of(fraction, unit))?.checked_add(nanos)
        });
        nanos = sum.ok_or_else(|| format!("{text:?} is too long; write a shorter time"))?;
        (rest, smallest) = (after, unit);
    }
    Ok(Duration::from_nanos(nanos))
}

/// Splits after the leading digits.
fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len())
}

/// The fraction of a unit of this many nanoseconds, rounded down. The digits follow the point.
fn part_of(digits: &str, unit: u64) -> u64 {
    // The longest unit is less than 10^13 ns. So later digits are far less than a nanosecond, and
    // the product fits.
    const DIGITS: usize = 25;
    let digits = &digits[..digits.len().min(DIGITS)];
    let numerator = digits.bytes().fold(0_u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    let denominator = 10_u128.pow(digits.len() as u32);
    u64::try_from(numerator * u128::from(unit) / denominator).unwrap_or(0)
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

/// The interval of heartbeats for a server that ends a connection after this time of silence, as the
/// value of an option. Three fifths leave time for the heartbeat and its answer.
pub(crate) fn interval_below(limit: Duration) -> String {
    let interval = limit * 3 / 5;
    match interval.as_secs() {
        0 => format!("{}ms", interval.as_millis()),
        seconds => format!("{seconds}s"),
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
            ("1.5s", 1_500),
            ("0.25h", 900_000),
            ("1m0.5s", 60_500),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn fractions_are_exact_to_the_nanosecond() {
        for (text, nanos) in [
            ("1.000000001s", 1_000_000_001),
            ("0.000001ms", 1),
            ("0.3333333333333333333333h", 1_199_999_999_999),
            ("2562047.788015215h", 9_223_372_036_854_774_000),
            ("0.9999999999s", 999_999_999),
            ("0.00000000000027778h", 1),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn an_invalid_time_is_refused_with_a_remedy() {
        let remedy = "write a time such as 15s, 1.5s, 300ms, 1m30s or 2h";
        for (text, message) in [
            ("15", r#""15" has no unit; write 15s or 15ms"#.to_owned()),
            ("1.5", r#""1.5" has no unit; write 1.5s or 1.5ms"#.to_owned()),
            ("", format!("the time is empty; {remedy}")),
            ("soon", format!("\"soon\" is not a time; {remedy}")),
            ("1.s", format!("\"1.s\" is not a time; {remedy}")),
            (".5s", format!("\".5s\" is not a time; {remedy}")),
            ("1..5s", format!("\"1..5s\" is not a time; {remedy}")),
            ("1.5.5s", format!("\"1.5.5s\" is not a time; {remedy}")),
            ("1,5s", format!("\"1,5s\" is not a time; {remedy}")),
            (
                "18446744073709551616s",
                "\"18446744073709551616s\" is too long; write a shorter time".to_owned(),
            ),
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
