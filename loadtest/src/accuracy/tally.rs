//! Scores added up, and the answers that were wrong.

use std::collections::BTreeMap;

use shared::record::Record;

use super::calibration::Calibration;
use super::score::{self, PitchKey};
use crate::corpus::FileTruth;
use crate::measure::Phase;

/// In the last tenth of a second a piece fades, and a codec may cut it.
const END_MARGIN: f64 = 0.1;

/// What one kind of music came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    files: u32,
    acc1: u32,
    acc1_narrow: u32,
    acc2: u32,
    errors: Vec<f64>,
    key_exact: u32,
    key_weighted: f64,
    beats: Vec<f64>,
    tempo_chances: Calibration,
    key_chances: Calibration,
    audio_seconds: f64,
    /// What was wrong, in words.
    pub(super) wrong: Vec<String>,
}

impl Tally {
    /// Holds a record against the truth. A file without a record has no answer.
    pub(super) fn add(&mut self, truth: &FileTruth, record: Option<&Record>) {
        self.files += 1;
        self.audio_seconds += truth.duration_seconds;
        let report = record.and_then(|record| record.report.as_ref());
        match report.and_then(|report| report.tempo.as_ref()) {
            Some(tempo) => {
                self.add_tempo(truth, tempo.bpm, tempo.confidence);
                self.beats.extend(score::beats(&true_beats(truth), &tempo.beats));
            }
            None => {
                self.beats.extend(score::beats(&true_beats(truth), &[]));
                self.wrong.push(format!("{}: no tempo, {:.1} BPM", truth.path, truth.bpm));
            }
        }
        let key = report.and_then(|report| report.key.as_ref());
        let mode = |minor: bool| if minor { "minor" } else { "major" };
        let answered = key.and_then(|key| {
            let minor = key.mode == shared::report::Mode::Minor;
            Some((PitchKey::parse(&key.tonic, mode(minor))?, key.confidence))
        });
        self.add_key(truth, answered);
    }

    fn add_tempo(&mut self, truth: &FileTruth, bpm: f64, confidence: f64) {
        let score = score::tempo(truth.bpm, bpm);
        self.acc1 += u32::from(score.acc1);
        self.acc1_narrow += u32::from(score.acc1_narrow);
        self.acc2 += u32::from(score.acc2);
        self.errors.push((bpm - truth.bpm).abs());
        self.tempo_chances.add(confidence, score.acc1);
        if !score.acc1 {
            let (path, right) = (&truth.path, truth.bpm);
            self.wrong.push(format!("{path}: {bpm:.1} BPM for {right:.1}, said with {confidence:.2}"));
        }
    }

    fn add_key(&mut self, truth: &FileTruth, answered: Option<(PitchKey, f64)>) {
        let Some(right) = PitchKey::parse(&truth.key.tonic, &truth.key.mode) else { return };
        let named = format!("{} {}", truth.key.tonic, truth.key.mode);
        let Some((answer, confidence)) = answered else {
            self.wrong.push(format!("{}: no key, {named}", truth.path));
            return;
        };
        let weight = score::key(right, answer);
        self.key_weighted += weight;
        self.key_exact += u32::from(answer == right);
        self.key_chances.add(confidence, answer == right);
        if answer != right {
            let semitones = (12 + answer.tonic - right.tonic) % 12;
            let mode = if answer.minor { "minor" } else { "major" };
            self.wrong.push(format!(
                "{}: {mode} {semitones} semitones above for {named}, said with {confidence:.2}",
                truth.path
            ));
        }
    }

    /// Takes in what another came to.
    pub(super) fn merge(&mut self, other: &Self) {
        self.files += other.files;
        self.acc1 += other.acc1;
        self.acc1_narrow += other.acc1_narrow;
        self.acc2 += other.acc2;
        self.errors.extend(&other.errors);
        self.key_exact += other.key_exact;
        self.key_weighted += other.key_weighted;
        self.beats.extend(&other.beats);
        self.tempo_chances.merge(&other.tempo_chances);
        self.key_chances.merge(&other.key_chances);
        self.audio_seconds += other.audio_seconds;
        self.wrong.extend(other.wrong.iter().cloned());
    }

    /// The measures by name.
    pub(super) fn figures(&self) -> BTreeMap<String, f64> {
        let share = |count: u32| f64::from(count) / f64::from(self.files.max(1));
        let named = [
            ("files", f64::from(self.files)),
            ("tempo_acc1", share(self.acc1)),
            ("tempo_acc1_1pct", share(self.acc1_narrow)),
            ("tempo_acc2", share(self.acc2)),
            ("tempo_mae_bpm", mean(&self.errors)),
            ("key_exact", share(self.key_exact)),
            ("key_mirex", self.key_weighted / f64::from(self.files.max(1))),
            ("beats_f", mean(&self.beats)),
            ("tempo_ece", self.tempo_chances.error()),
            ("key_ece", self.key_chances.error()),
        ];
        let mut figures: BTreeMap<String, f64> =
            named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (subject, chances) in [("tempo", &self.tempo_chances), ("key", &self.key_chances)] {
            for (from, bin) in chances.bins() {
                figures.insert(format!("{subject}_bin_{from:.1}_answers"), bin.answers.into());
                figures.insert(format!("{subject}_bin_{from:.1}_stated"), bin.stated());
                figures.insert(format!("{subject}_bin_{from:.1}_right"), bin.found());
            }
        }
        figures
    }

    pub(super) fn phase(&self, name: &str, seconds: f64) -> Phase {
        let mut phase = Phase { name: name.to_owned(), seconds, figures: self.figures(), ..Phase::default() };
        phase.audio_seconds = self.audio_seconds;
        phase.jobs.offered = self.files.into();
        phase.jobs.ended = self.files.into();
        phase
    }

    /// The groups of stated chances, a line each.
    pub(super) fn chances(&self) -> Vec<String> {
        let lines = [("tempo", &self.tempo_chances), ("key", &self.key_chances)];
        let line = |subject: &str, (from, bin): (f64, &super::calibration::Bin)| {
            format!(
                "{subject:<6} said {from:.1} to {:.1}: {:>4} answers, mean {:.3}, right {:.3}",
                from + 0.1,
                bin.answers,
                bin.stated(),
                bin.found()
            )
        };
        lines
            .iter()
            .flat_map(|(subject, chances)| chances.bins().map(move |bin| line(subject, bin)))
            .collect()
    }
}

/// Where the beats are: the piece was composed on a grid.
fn true_beats(truth: &FileTruth) -> Vec<f64> {
    let step = 60.0 / truth.bpm;
    let times = (0..).map(|beat| truth.first_beat_seconds + f64::from(beat) * step);
    times.take_while(|time| *time <= truth.duration_seconds - END_MARGIN).collect()
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{TRUTH_FILE, Truth};
    use shared::outcome::End;
    use shared::report::{Key, Mode, Report, Tempo};

    fn truth() -> FileTruth {
        let samples = crate::rig::Repository::find().unwrap().samples;
        let text = std::fs::read(samples.join(TRUTH_FILE)).unwrap();
        let truth: Truth = serde_json::from_slice(&text).unwrap();
        FileTruth { bpm: 120.0, duration_seconds: 10.0, first_beat_seconds: 0.25, ..truth.files[0].clone() }
    }

    fn record(bpm: f64, beats: Vec<f64>, tonic: &str) -> Record {
        let tempo = Tempo { bpm, confidence: 0.95, beats, ..Tempo::default() };
        let key = Key { tonic: tonic.into(), mode: Mode::Major, confidence: 0.65, ..Key::default() };
        let report = Report { tempo: Some(tempo), key: Some(key), ..Report::default() };
        Record { report: Some(Box::new(report)), ..Record::new(b"a", End::Ok) }
    }

    #[test]
    fn measures_are_of_all_files_and_no_answer_is_a_wrong_one() {
        // C major in the truth: exact, a fifth above, nothing.
        let mut truth = truth();
        (truth.key.tonic, truth.key.mode) = ("C".to_owned(), "major".to_owned());
        let mut tally = Tally::default();
        tally.add(&truth, Some(&record(120.6, true_beats(&truth), "C")));
        tally.add(&truth, Some(&record(60.0, Vec::new(), "G")));
        tally.add(&truth, None);
        let figures = tally.figures();
        let near = |name: &str, expected: f64| {
            assert!((figures[name] - expected).abs() < 1e-9, "{name}: {} for {expected}", figures[name]);
        };
        near("tempo_acc1", 1.0 / 3.0);
        near("tempo_acc1_1pct", 1.0 / 3.0);
        near("tempo_acc2", 2.0 / 3.0);
        near("tempo_mae_bpm", (0.6 + 60.0) / 2.0);
        near("key_exact", 1.0 / 3.0);
        near("key_mirex", 0.5);
        near("beats_f", 1.0 / 3.0);
        // Two answers say 0.95, one is right; two say 0.65, one is right.
        near("tempo_ece", 0.45);
        near("key_ece", 0.15);
        near("tempo_bin_0.9_answers", 2.0);
        assert_eq!(tally.wrong.len(), 4, "{:?}", tally.wrong);
    }

    #[test]
    fn beats_of_the_truth_are_a_grid_that_ends_with_the_piece() {
        let beats = true_beats(&truth());
        assert_eq!((beats[0], beats[1], beats.len()), (0.25, 0.75, 20));
    }

    #[test]
    fn kinds_add_up() {
        let truth = truth();
        let (mut one, mut all) = (Tally::default(), Tally::default());
        one.add(&truth, Some(&record(120.0, true_beats(&truth), "C")));
        all.merge(&one);
        all.merge(&one);
        assert_eq!(all.figures()["files"], 2.0);
        assert_eq!(all.figures()["tempo_acc1"], one.figures()["tempo_acc1"]);
    }
}
