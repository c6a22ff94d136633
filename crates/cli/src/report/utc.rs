//! UTC times as in RFC 3339.

/// Milliseconds since 1970-01-01 of `2026-01-31T12:00:00.123Z`, or `None` for another format.
pub(super) fn parse(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"), (19, "."), (23, "Z")];
    if text.len() != 24 || marks.iter().any(|(at, mark)| text.get(*at..at + 1) != Some(mark)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds = number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?;
    Some((days(year, month, day) * 86_400 + seconds) * 1_000 + number(20..23)?)
}

/// Days since 1970-01-01. The year of this calculation begins in March, so that a leap day is last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month >= 10);
    (year, (month + 2) % 12 + 1, day)
}

/// `2026-01-31`.
pub(super) fn show_date(millis: i64) -> String {
    let (year, month, day) = date(millis.div_euclid(86_400_000));
    format!("{year:04}-{month:02}-{day:02}")
}

/// `12:00:00`, with milliseconds on request.
pub(super) fn show_time(millis: i64, fine: bool) -> String {
    let of_day = millis.rem_euclid(86_400_000);
    let seconds = of_day / 1_000;
    let time = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if fine { format!("{time}.{:03}", of_day % 1_000) } else { time }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_eight_centuries_is_parsed_as_it_is_shown() {
        let (first, last) = (days(1600, 1, 1), days(2400, 12, 31));
        let mut previous = parse("1599-12-31T23:59:59.999Z").unwrap();
        for day in first..=last {
            let text = format!("{}T00:00:00.000Z", show_date(day * 86_400_000));
            let millis = parse(&text).unwrap();
            assert_eq!(millis, day * 86_400_000, "{text}");
            assert!(millis > previous && millis - previous <= 86_400_000, "{text}");
            previous = millis;
        }
    }

    #[test]
    fn known_times_are_parsed() {
        assert_eq!(parse("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(parse("2000-02-29T12:34:56.789Z"), Some(951_827_696_789));
        assert_eq!(show_time(951_827_696_789, true), "12:34:56.789");
        for wrong in ["", "2000-02-29", "2000-02-29T12:34:56Z", "2000-13-29T12:34:56.789Z"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
