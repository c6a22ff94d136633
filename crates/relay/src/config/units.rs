//! Durations such as `15s` and sizes such as `10GiB`.

use std::time::Duration;

const DURATIONS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const SIZES: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads a whole number of `d`, `h`, `m`, `s` or `ms`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    measure(text, &DURATIONS).map(Duration::from_millis)
}

/// The text that [`duration`] reads, without parts of milliseconds.
pub(super) fn duration_text(duration: Duration) -> String {
    text(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &DURATIONS, "s")
}

/// Reads a whole number of `B`, `KiB`, `MiB`, `GiB` or `TiB`.
pub(super) fn size(text: &str) -> Option<u64> {
    measure(text, &SIZES)
}

/// The text that [`size`] reads.
pub(super) fn size_text(bytes: u64) -> String {
    text(bytes, &SIZES, "B")
}

fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn text(value: u64, units: &[(&str, u64)], unit_of_zero: &str) -> String {
    match units.iter().find(|(_, factor)| value != 0 && value.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", value / factor),
        None => format!("0{unit_of_zero}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_and_written() {
        for (text, millis) in
            [("250ms", 250), ("15s", 15_000), ("24h", 86_400_000), ("2m", 120_000)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["250ms", "15s", "23h", "1d", "2m", "0s"] {
            assert_eq!(duration_text(duration(text).unwrap()), text);
        }
        assert_eq!(
            (size("10GiB"), size("1MiB"), size("7B")),
            (Some(10 << 30), Some(1 << 20), Some(7))
        );
        for text in ["10GiB", "1MiB", "1025B", "3KiB", "2TiB", "0B"] {
            assert_eq!(size_text(size(text).unwrap()), text);
        }
    }

    #[test]
    fn other_texts_are_no_durations_and_no_sizes() {
        for text in ["", "15", "s", "-1s", "1.5s", "15 s", "15sec", "1h30m", "99999999999999999d"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["", "10", "10GB", "10 GiB", "+1B", "99999999999TiB", "ä1B"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
