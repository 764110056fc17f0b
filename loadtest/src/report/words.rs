//! Numbers for people.

use crate::measure::Verdict;
use crate::requirements::was_measured;

/// More digits than these say nothing that a load test could repeat.
const SIGNIFICANT: i32 = 4;

/// Digits behind the point at most, where two numbers must be told apart.
const MOST_DECIMALS: usize = 9;

/// Four significant digits, thousands apart: `12,345`, `95.24`, `0.01234`.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { "–".to_owned() };
    }
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = (SIGNIFICANT - 1 - magnitude).clamp(0, MOST_DECIMALS as i32);
    decimal(value, decimals as usize)
}

/// A number behind its unit's usage: `95.24 %`, `1,200/s`, `3`.
pub(crate) fn of_unit(number: &str, unit: &str) -> String {
    match unit {
        "" => number.to_owned(),
        rate if rate.starts_with('/') => format!("{number}{rate}"),
        unit => format!("{number} {unit}"),
    }
}

/// What was measured, in as many digits as tell it from the bound: 94.996 % of 95 % is not `95 %`.
pub(crate) fn measured(verdict: &Verdict) -> String {
    if !was_measured(verdict) {
        return "–".to_owned();
    }
    let bound = number(verdict.bound);
    let same = |text: &String| *text == bound && verdict.measured != verdict.bound;
    let short = Some(number(verdict.measured)).filter(|text| !same(text));
    let exact =
        || (0..=MOST_DECIMALS).map(|decimals| decimal(verdict.measured, decimals)).find(|text| !same(text));
    of_unit(&short.or_else(exact).unwrap_or(bound.clone()), &verdict.unit)
}

/// `≥ 95 %`
pub(crate) fn bound(verdict: &Verdict) -> String {
    format!("{} {}", verdict.comparison, of_unit(&number(verdict.bound), &verdict.unit))
}

/// A verdict in a word that needs no colour.
pub(crate) fn judged(verdict: &Verdict) -> &'static str {
    match (verdict.met, was_measured(verdict)) {
        (true, _) => "met",
        (false, true) => "MISSED",
        (false, false) => "NOT MEASURED",
    }
}

/// `420 µs`, `12.3 ms`, `4.21 s`, `12 min`, `3.5 h`
pub(crate) fn seconds(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        0.0 => (0.0, "s"),
        v if v < 1e-3 => (value * 1e6, "µs"),
        v if v < 1.0 => (value * 1e3, "ms"),
        v if v < 300.0 => (value, "s"),
        v if v < 10_800.0 => (value / 60.0, "min"),
        _ => (value / 3600.0, "h"),
    };
    format!("{} {unit}", brief(scaled))
}

/// `512 B`, `63.9 MB`
pub(crate) fn bytes(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        v if v < 1e3 => (value, "B"),
        v if v < 1e6 => (value / 1e3, "kB"),
        v if v < 1e9 => (value / 1e6, "MB"),
        _ => (value / 1e9, "GB"),
    };
    format!("{} {unit}", brief(scaled))
}

/// Three significant digits.
fn brief(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => decimal(value, 0),
        v if v >= 10.0 => decimal(value, 1),
        _ => decimal(value, 2),
    }
}

/// `2026-01-02 03:04:05 UTC`; what is no time stays as it is.
pub(crate) fn when(rfc3339: &str) -> String {
    match rfc3339.parse::<jiff::Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => rfc3339.to_owned(),
    }
}

/// Without zeros at the end of a fraction, and with the thousands apart.
fn decimal(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if value < 0.0 { "−" } else { "" };
    if fraction.is_empty() { format!("{sign}{grouped}") } else { format!("{sign}{grouped}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_have_their_thousands_apart() {
        let table = [
            (0.0, "0"),
            (1.0, "1"),
            (999.95, "1,000"),
            (1234.5, "1,234"),
            (12_345_678.0, "12,345,678"),
            (95.2381, "95.24"),
            (0.012_345, "0.01235"),
            (-3.5, "−3.5"),
            (f64::NAN, "–"),
        ];
        for (value, text) in table {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_figure_never_looks_like_the_bound_that_it_misses() {
        let missed = |measured| Verdict {
            requirement: String::new(),
            about: String::new(),
            set: "ours".to_owned(),
            phase: "x".to_owned(),
            measured,
            comparison: "≥".to_owned(),
            bound: 95.0,
            unit: "%".to_owned(),
            met: false,
        };
        assert_eq!(measured(&missed(94.9999)), "94.9999 %");
        assert_eq!(measured(&missed(94.5)), "94.5 %");
        assert_eq!(measured(&missed(95.0)), "95 %");
    }

    #[test]
    fn times_and_sizes_have_their_units() {
        let times =
            [(0.0, "0 s"), (4.2e-5, "42 µs"), (0.0123, "12.3 ms"), (4.213, "4.21 s"), (720.0, "12 min")];
        for (value, text) in times {
            assert_eq!(seconds(value), text);
        }
        assert_eq!([512.0, 63_900_000.0].map(bytes), ["512 B", "63.9 MB"]);
        assert_eq!(when("2026-01-02T03:04:05.6Z"), "2026-01-02 03:04:05 UTC");
        assert_eq!(when("<b>"), "<b>");
    }
}
