//! How this process was told to take signals by whoever started it.

use std::fs;

/// Whether a signal was set to be ignored before this program began, as `nohup` does with SIGHUP. To be asked before a
/// handler is installed. Where there is no `/proc`, none is taken to be.
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| ignored_in(&status, signal))
}

/// The line `SigIgn:` has a bit for each ignored signal, the lowest for signal 1 (proc_pid_status(5)).
fn ignored_in(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let bit = u32::try_from(signal - 1).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0);
    mask & bit != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_has_a_bit_for_each_signal() {
        let status = "Name:\tworker\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert!(ignored_in(status, 1) && ignored_in(status, 13));
        assert!(!ignored_in(status, 2) && !ignored_in(status, 0) && !ignored_in(status, 100));
        assert!(!ignored_in("", 1));
        // Rust's own start ignores SIGPIPE in every program.
        assert!(is_ignored(13));
    }
}
