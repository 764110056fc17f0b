//! What is asked of the measures.

use std::collections::BTreeMap;

use crate::measure::Verdict;

/// A bound on one measure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    pub(super) measure: &'static str,
    pub(super) bound: f64,
    /// The bound is the most that is allowed, and not the least.
    pub(super) most: bool,
}

/// Measures, bounds, and whether they are upper ones: below what far-apart seeds gave by three times what luck makes of 80
/// pieces, so that a fall below one is a change of the analysis. The keys have room above: a loop of tonic and subdominant
/// without a leading note is often heard in the subdominant's key, which is all that is wrong there, and counts as wrong.
const BARS: [(&str, f64, bool); 9] = [
    ("tempo_acc1", 0.96, false),
    ("tempo_acc1_1pct", 0.96, false),
    ("tempo_acc2", 0.97, false),
    ("tempo_mae_bpm", 3.0, true),
    ("key_exact", 0.70, false),
    ("key_mirex", 0.70, false),
    ("beats_f", 0.96, false),
    ("tempo_ece", 0.05, true),
    ("key_ece", 0.20, true),
];

/// The bars, with those that were asked for in place of ours.
pub(super) fn bars(asked: &[Bar]) -> Vec<Bar> {
    let own = BARS.iter().map(|(measure, bound, most)| Bar { measure, bound: *bound, most: *most });
    let replaced = own.map(|bar| {
        let other = asked.iter().rev().find(|other| other.measure == bar.measure);
        other.cloned().unwrap_or(bar)
    });
    replaced.collect()
}

/// `NAME=VALUE`.
pub(super) fn parse(text: &str) -> Result<Bar, String> {
    let names = || BARS.map(|(name, ..)| name).join(", ");
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as key_exact=0.9")?;
    let (measure, _, most) = BARS
        .iter()
        .find(|(known, ..)| *known == name)
        .ok_or_else(|| format!("no such measure; there are {}", names()))?;
    let bound = value.parse().ok().filter(|bound: &f64| bound.is_finite());
    let bound = bound.ok_or_else(|| format!("'{value}' is no number"))?;
    Ok(Bar { measure, bound, most: *most })
}

/// Holds the measures of a phase against the bars.
pub(super) fn judge(bars: &[Bar], figures: &BTreeMap<String, f64>, phase: &str) -> Vec<Verdict> {
    let verdict = |bar: &Bar| {
        let measured = figures.get(bar.measure).copied();
        let met =
            measured.is_some_and(|value| if bar.most { value <= bar.bound } else { value >= bar.bound });
        Verdict {
            requirement: bar.measure.to_owned(),
            about: format!("`loadtest accuracy --help` says what {} is", bar.measure),
            set: "ours".to_owned(),
            phase: phase.to_owned(),
            // JSON has no number for none, and a miss it is.
            measured: measured.unwrap_or(0.0),
            comparison: if bar.most { "≤" } else { "≥" }.to_owned(),
            bound: bar.bound,
            unit: if bar.measure.ends_with("_bpm") { "BPM" } else { "" }.to_owned(),
            met,
        }
    };
    bars.iter().map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_that_is_asked_for_replaces_ours() {
        let bars = bars(&[parse("key_exact=0.5").unwrap(), parse("key_exact=0.75").unwrap()]);
        assert_eq!(bars.len(), BARS.len());
        assert!(bars.contains(&Bar { measure: "key_exact", bound: 0.75, most: false }));
    }

    #[test]
    fn upper_and_lower_bounds_are_told_apart_and_no_measure_is_a_miss() {
        let figures = BTreeMap::from([("key_exact".to_owned(), 0.9), ("key_ece".to_owned(), 0.2)]);
        let met = |text: &str| judge(&[parse(text).unwrap()], &figures, "all")[0].met;
        assert!(met("key_exact=0.9") && !met("key_exact=0.91"));
        assert!(met("key_ece=0.2") && !met("key_ece=0.19"));
        assert!(!met("beats_f=0.1"));
    }

    #[test]
    fn wrong_bars_are_named() {
        assert!(parse("speed=1").unwrap_err().contains("tempo_acc1"));
        assert!(
            parse("key_exact").is_err() && parse("key_exact=x").is_err() && parse("key_exact=nan").is_err()
        );
    }
}
