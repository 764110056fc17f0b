//! Durations as users write them: `30s`, `500ms`, `2m`, `1h30m`, `30d`; a bare number is seconds.

use std::{fmt::Write as _, time::Duration};

/// Milliseconds of each unit, the largest first: the order in which a duration is written.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A duration in the shortest exact form that can be read back: 90 seconds are `1m30s`. Below a millisecond it
/// is cut.
///
/// Retry queues are named with it, so it must never change.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, milliseconds) in UNITS {
        let count = rest / milliseconds;
        rest %= milliseconds;
        if count > 0 {
            let _infallible = write!(text, "{count}{unit}");
        }
    }
    text
}

/// `None` when the text is no duration, or one over 584 million years.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return text.starts_with(|c: char| c.is_ascii_digit()).then_some(Duration::from_secs(seconds));
    }
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
        let (_, milliseconds) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(milliseconds)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_users_write() {
        let cases = [
            ("30", Some(30_000)),
            ("30s", Some(30_000)),
            ("500ms", Some(500)),
            ("2m", Some(120_000)),
            ("1h30m", Some(5_400_000)),
            ("30d", Some(2_592_000_000)),
            ("0", Some(0)),
            ("", None),
            ("s", None),
            ("-1", None),
            ("+1", None),
            ("1.5s", None),
            ("30 s", None),
            ("30S", None),
            ("30sec", None),
            ("5s3", None),
            ("99999999999999999999", None),
            ("999999999999999999d", None),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(parse_duration(text), milliseconds.map(Duration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn written_in_the_shortest_exact_form() {
        let cases = [
            (0, "0s"),
            (500, "500ms"),
            (5000, "5s"),
            (90_000, "1m30s"),
            (600_000, "10m"),
            (86_400_000, "1d"),
            (2_592_000_000, "30d"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(format_duration(Duration::from_millis(milliseconds)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(milliseconds: u64) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse_duration(&text);
        }
    }
}
