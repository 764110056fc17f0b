//! Arguments of `loadtest accuracy`.

use std::path::PathBuf;

use clap::Args;

use crate::report::Outputs;

use super::bars::{self, Bar};

const EXAMPLES: &str = "\
Examples:
  loadtest accuracy                                     80 pieces of half a minute, seed 1
  loadtest accuracy --seed 7 --count 200 --formats wav,mp3
  loadtest accuracy --music ~/labelled                  a folder with a truth.json of the same form
  loadtest accuracy --bar tempo_acc1=0.99 --json accuracy.json

Measures (shares are of all files; one without an answer is wrong):
  tempo_acc1         tempo within 4 % of the truth (Gouyon et al., IEEE TASLP 14(5), 2006: accuracy 1; used by MIREX)
  tempo_acc1_1pct    the same within 1 %
  tempo_acc2         within 4 % of the truth, of a half, a third, twice or three times it (ibid.: accuracy 2)
  tempo_mae_bpm      mean distance from the truth of the tempi that were answered, in BPM
  key_exact          tonic and mode both right
  key_mirex          MIREX Audio Key Detection as in mir_eval.key.weighted_score: exact 1, a fifth above 0.5, relative 0.3, parallel 0.2
  beats_f            F-measure of beats at ±70 ms, those before 5 s left out (mir_eval.beat: f_measure, trim_beats)
  tempo_ece, key_ece expected calibration error over ten bins of the stated chance (Naeini et al., AAAI 2015); tempo right as in acc1

The pieces are synthetic and their key and beat are clear: a fall of these figures is a fault, their height is no promise for commercial
recordings.

Exit codes: 0 every bar is met · 1 one is missed, or it could not be measured · 2 wrong usage";

/// Measure how right tempo, key and beats are on generated music, and fail below the bars
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Accuracy {
    /// Seed of the first piece
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Pieces, half of them played exactly, half of them loosely with a fade-in
    #[arg(long, default_value_t = 80, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(super) count: u32,
    /// Length of a piece
    #[arg(long, default_value = "30", value_parser = seconds)]
    pub(super) seconds: f64,
    /// Formats of each piece, as `loadtest corpus` has them; the compressed ones need ffmpeg
    #[arg(long, default_value = "wav")]
    pub(super) formats: String,
    /// A labelled folder instead of a generated one: files with a truth.json
    #[arg(long, value_name = "DIR", conflicts_with_all = ["seed", "count", "seconds", "formats"])]
    pub(super) music: Option<PathBuf>,
    /// Another bar for one measure, such as key_exact=0.9; may be repeated
    #[arg(long = "bar", value_name = "NAME=VALUE", value_parser = bars::parse)]
    pub(super) bars: Vec<Bar>,
    #[command(flatten)]
    pub(super) outputs: Outputs,
    /// The worker to test, a release build for the time it takes [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(super) worker: Option<PathBuf>,
}

/// Below eight seconds nobody could count the beats after the fifth; an hour is the generator's most.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (8.0..=3600.0).contains(&value) => Ok(value),
        _ => Err("expected 8 to 3600 seconds".to_owned()),
    }
}
