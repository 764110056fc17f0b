//! What a run found, as tables, and as figures of its phases.

use std::collections::BTreeMap;

use super::noop::Side;
use super::peer::Peer;
use crate::bench::{Rounds, Spread};
use crate::measure::Phase;

/// Both of ours that the others are compared with.
pub(super) const OURS: [&str; 2] = ["ours_all", "ours_tempo_key_loudness"];

/// A subject's rounds over the files.
pub(super) fn files_phase(name: &str, rounds: &Rounds, ours: &BTreeMap<&str, f64>) -> Phase {
    let mut phase = Phase { name: name.to_owned(), ..Phase::default() };
    let cpu = Spread::of(rounds.0.iter().map(|round| round.cpu_micros() / 1e6));
    cpu.figures("cpu_seconds_per_file", &mut phase.figures);
    rounds.rate().figures("files_per_second", &mut phase.figures);
    if cpu.median > 0.0 {
        phase.figures.insert("files_per_hour_per_core".to_owned(), 3600.0 / cpu.median);
    }
    for (other, seconds) in ours.iter().filter(|(_, seconds)| **seconds > 0.0) {
        phase.figures.insert(format!("cpu_ratio_to_{other}"), cpu.median / seconds);
    }
    phase.seconds = rounds.0.iter().map(|round| round.seconds).sum();
    phase.jobs.ended = rounds.0.iter().map(|round| round.operations).sum();
    phase.jobs.offered = phase.jobs.ended;
    phase
}

/// One side of the jobs that do nothing.
pub(super) fn noop_phase(name: &str, side: &Side) -> Phase {
    let mut phase = Phase { name: name.to_owned(), ..Phase::default() };
    let figures = &mut phase.figures;
    for (what, rounds) in
        [("publish", &side.plain), ("publish_confirmed", &side.confirmed), ("jobs", &side.worked)]
    {
        if !rounds.0.is_empty() {
            rounds.rate().figures(&format!("{what}_per_second"), figures);
            rounds.cpu_micros().figures(&format!("{what}_cpu_us"), figures);
        }
    }
    figures.insert("client_cpu_us_per_job".to_owned(), client_cpu(side));
    phase.seconds = side.worked.0.iter().map(|round| round.seconds).sum();
    phase.jobs.ended = side.worked.0.iter().map(|round| round.operations).sum();
    phase.jobs.offered = phase.jobs.ended;
    phase
}

/// Publishing a job, by the cheaper way where there are two, and working on it.
fn client_cpu(side: &Side) -> f64 {
    let published = if side.plain.0.is_empty() { &side.confirmed } else { &side.plain };
    published.cpu_micros().median + side.worked.cpu_micros().median
}

/// How many times as much ours does, at how little.
pub(super) fn noop_ratio(ours: &Side, celery: &Side) -> Phase {
    let ratio = |one: f64, other: f64| if other > 0.0 { one / other } else { 0.0 };
    let rate = |rounds: &Rounds| rounds.rate().median;
    let named = [
        ("jobs_ratio", ratio(rate(&ours.worked), rate(&celery.worked))),
        ("client_cpu_ratio", ratio(client_cpu(celery), client_cpu(ours))),
        ("publish_confirmed_to_plain_ratio", ratio(rate(&ours.confirmed), rate(&celery.plain))),
        ("publish_confirmed_ratio", ratio(rate(&ours.confirmed), rate(&celery.confirmed))),
    ];
    let figures = named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Phase { name: "noop_ratio".to_owned(), figures, ..Phase::default() }
}

/// The tables.
pub(super) fn text(phases: &[Phase], left_out: &BTreeMap<String, String>) -> String {
    let mut lines = files_table(phases);
    lines.extend(noop_table(phases));
    lines.extend(left_out.iter().map(|(name, reason)| format!("left out: {name}: {reason}")));
    lines.join("\n")
}

fn files_table(phases: &[Phase]) -> Vec<String> {
    let measured: Vec<&Phase> =
        phases.iter().filter(|phase| phase.figures.contains_key("cpu_seconds_per_file")).collect();
    if measured.is_empty() {
        return Vec::new();
    }
    let heading = format!(
        "{:<24} {:>10} {:>16} {:>12} {:>8} {:>8}  {}",
        "FILES", "CPU S/FILE", "LEAST–MOST", "FILES/H/CORE", "× ALL", "× BASIC", "COMPUTES"
    );
    let row = |phase: &&Phase| {
        let figure = |name: &str| phase.figures.get(name).copied().unwrap_or(0.0);
        let range = [figure("cpu_seconds_per_file_min"), figure("cpu_seconds_per_file_max")];
        let ratio = |name: &str| format!("{:.2}", figure(&format!("cpu_ratio_to_{name}")));
        format!(
            "{:<24} {:>10.3} {:>16} {:>12.0} {:>8} {:>8}  {}",
            phase.name,
            figure("cpu_seconds_per_file"),
            format!("{:.3}–{:.3}", range[0], range[1]),
            figure("files_per_hour_per_core"),
            ratio(OURS[0]),
            ratio(OURS[1]),
            computes(&phase.name)
        )
    };
    [heading].into_iter().chain(measured.iter().map(row)).collect()
}

fn computes(name: &str) -> &'static str {
    match name {
        "ours_all" => "everything that it can",
        "ours_tempo_key_loudness" => "tempo, beats, key, loudness, range, true peak",
        name => Peer::ALL.iter().find(|peer| peer.name() == name).map_or("", |peer| peer.computes()),
    }
}

fn noop_table(phases: &[Phase]) -> Vec<String> {
    let sides: Vec<&Phase> =
        phases.iter().filter(|phase| phase.figures.contains_key("jobs_per_second")).collect();
    if sides.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "{:<14} {:>10} {:>16} {:>12} {:>12} {:>13} {:>13} {:>12}",
        "NO-OP",
        "JOBS/S",
        "LEAST–MOST",
        "PUBLISHED/S",
        "CONFIRMED/S",
        "CPU µs WORK",
        "CPU µs SENT",
        "CPU µs BOTH"
    )];
    for phase in sides {
        let figure = |name: &str| phase.figures.get(name).copied();
        let shown = |name: &str| figure(name).map_or("-".to_owned(), |value| format!("{value:.0}"));
        let tenths = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1}"));
        let range = format!("{}–{}", shown("jobs_per_second_min"), shown("jobs_per_second_max"));
        lines.push(format!(
            "{:<14} {:>10} {range:>16} {:>12} {:>12} {:>13} {:>13} {:>12}",
            phase.name,
            shown("jobs_per_second"),
            shown("publish_per_second"),
            shown("publish_confirmed_per_second"),
            tenths(figure("jobs_cpu_us")),
            tenths(figure("publish_cpu_us").or(figure("publish_confirmed_cpu_us"))),
            tenths(figure("client_cpu_us_per_job"))
        ));
    }
    let ratios = phases.iter().filter(|phase| phase.name == "noop_ratio").map(|phase| {
        let named: Vec<String> =
            phase.figures.iter().map(|(name, value)| format!("{name} {value:.1}")).collect();
        format!("ours to Celery: {}", named.join(", "))
    });
    lines.extend(ratios);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Round;

    fn rounds(operations: u64, seconds: f64, cpu_seconds: f64) -> Rounds {
        Rounds(vec![Round { operations, seconds, cpu_seconds }])
    }

    #[test]
    fn ratios_are_how_much_more_and_how_much_less() {
        let celery = Side {
            plain: rounds(1000, 2.0, 1.0),
            confirmed: rounds(1000, 10.0, 1.0),
            worked: rounds(1000, 1.0, 1.0),
        };
        let ours = Side {
            plain: Rounds::default(),
            confirmed: rounds(1000, 0.1, 0.02),
            worked: rounds(1000, 0.1, 0.03),
        };
        let figures = noop_ratio(&ours, &celery).figures;
        let near =
            |name: &str, expected: f64| assert!((figures[name] - expected).abs() < 1e-6, "{figures:?}");
        near("jobs_ratio", 10.0);
        near("client_cpu_ratio", 2000.0 / 50.0);
        near("publish_confirmed_to_plain_ratio", 20.0);
        near("publish_confirmed_ratio", 100.0);
    }

    #[test]
    fn tables_name_who_was_left_out_and_why() {
        let ours = BTreeMap::from([(OURS[0], 0.5), (OURS[1], 0.25)]);
        let phase = files_phase("essentia", &rounds(4, 4.0, 4.0), &ours);
        assert_eq!(phase.figures["files_per_hour_per_core"], 3600.0);
        assert_eq!(phase.figures["cpu_ratio_to_ours_all"], 2.0);
        let left_out = BTreeMap::from([("bliss".to_owned(), "cargo: not found".to_owned())]);
        let text = text(&[phase], &left_out);
        assert!(text.contains("left out: bliss: cargo: not found"), "{text}");
        assert!(text.contains("2.00") && text.contains("4.00") && !text.contains("NO-OP"), "{text}");
    }
}
