//! A comparison on a terminal.

use comfy_table::Cell;
use shared::record::printable;

use super::judge::{Change, Difference};
use super::{Comparison, Side};
use crate::report::{Look, words};

/// The whole text. Without `all`, what did not change is left out, but for what everybody wants to know.
pub(super) fn text(comparison: &Comparison, all: bool, look: &Look) -> String {
    let mut lines = vec![
        format!("{}: A is {}", comparison.a.first.scenario, side(&comparison.a)),
        format!("{}: B is {}", comparison.b.first.scenario, side(&comparison.b)),
    ];
    lines.extend(comparison.context.iter().cloned());
    lines.extend(about_noise(comparison));
    lines = lines.iter().map(|line| printable(line)).collect();
    let shown = |difference: &&Difference| all || difference.headline || difference.change != Change::Same;
    let mut table = look.table(["phase", "figure", "A", "B", "change", "noise", ""], &[2, 3, 4, 5]);
    for difference in comparison.differences.iter().filter(shown) {
        let change = difference.change;
        let cells = cells(difference).map(|text| Cell::new(printable(&text)));
        let last = match change {
            Change::Worse | Change::Gone => look.cell(change.word(), false),
            Change::Better => look.cell(change.word(), true),
            _ => Cell::new(change.word()),
        };
        table.add_row(cells.into_iter().chain([last]));
    }
    lines.extend([String::new(), table.trim_fmt(), String::new(), outcome(comparison)]);
    lines.join("\n")
}

/// Phase, figure, both values, the change, the noise.
pub(super) fn cells(difference: &Difference) -> [String; 6] {
    let value =
        |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| difference.unit.text(value));
    let noise = match (difference.noise, difference.a.or(difference.b)) {
        (Some(noise), Some(of)) if of != 0.0 => format!("± {} %", short(100.0 * noise / of.abs())),
        (Some(noise), _) => format!("± {}", difference.unit.text(noise)),
        (None, _) => "not known".to_owned(),
    };
    [
        difference.phase.clone(),
        difference.figure.clone(),
        value(difference.a),
        value(difference.b),
        change(difference),
        noise,
    ]
}

fn change(difference: &Difference) -> String {
    match (difference.a, difference.b) {
        (Some(a), Some(b)) if a == b => "0".to_owned(),
        (Some(a), Some(b)) if a != 0.0 => {
            let percent = 100.0 * (b - a) / a.abs();
            let sign = if percent > 0.0 { "+" } else { "" };
            format!("{sign}{} %", short(percent))
        }
        (Some(a), Some(b)) => format!("{}{}", if b > a { "+" } else { "" }, words::number(b - a)),
        _ => "–".to_owned(),
    }
}

/// One decimal: the noise has no more.
fn short(percent: f64) -> String {
    words::number((percent * 10.0).round() / 10.0)
}

/// Which runs a side is.
pub(super) fn side(side: &Side) -> String {
    let times: Vec<String> = side.runs().map(|run| words::when(&run.started_at)).collect();
    match times.len() {
        1 => format!("one run of {}", times[0]),
        count => format!("{count} runs of {}", times.join(", ")),
    }
}

/// Where the noise comes from, for each side that it is not measured of.
pub(super) fn about_noise(comparison: &Comparison) -> Option<String> {
    let single = match (comparison.a.is_single(), comparison.b.is_single()) {
        (true, true) => "A and B are single runs",
        (true, false) => "A is a single run",
        (false, true) => "B is a single run",
        (false, false) => return None,
    };
    Some(format!(
        "{single}: noise is estimated from how the seconds of a run differ among themselves, and what differs from run to run is not in it; \
         --with-a and --with-b take further runs"
    ))
}

/// The verdict in a sentence.
pub(super) fn outcome(comparison: &Comparison) -> String {
    let tolerance = words::number(100.0 * comparison.tolerance);
    match comparison.regressions() {
        0 => format!("nothing became worse by more than its noise and {tolerance} %"),
        1 => format!("1 figure became WORSE by more than its noise and {tolerance} %, or is gone"),
        count => {
            format!("{count} figures became WORSE by more than their noise and {tolerance} %, or are gone")
        }
    }
}
