//! Signals that the parent of this program wants to be ignored.

use async_signal::Signal;

/// Whether the program was started with this signal ignored, as `nohup` does. Only Linux shows that
/// without unsafe code; elsewhere, the answer is no.
pub(crate) fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    names(&status, signal)
}

fn names(status: &str, signal: Signal) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal as i32 - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_mask() {
        let status = "SigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        let ignored = [Signal::Hup, Signal::Int, Signal::Pipe].map(|one| names(status, one));
        assert_eq!(ignored, [true, false, true]);
        assert!(!names("", Signal::Hup));
    }
}
