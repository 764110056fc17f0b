use crate::beats;
use crate::beats::phase::on_the_beat;
use crate::onset::{Curves, Novelty};
use crate::tempo::features::{FEATURES, Piece, features};
use crate::tempo::local::Local;
use crate::tempo::tempogram::Tempogram;

/// A period, tried as the beat of a stretch.
#[derive(Debug)]
pub(crate) struct Trial {
    /// Frames.
    pub(crate) period: f64,
    /// Frames of the curves.
    pub(crate) beats: Vec<usize>,
    pub(crate) features: [f64; FEATURES],
}

impl Trial {
    /// Tracks the beats of the stretch at this period and looks at what is on them.
    pub(crate) fn new(
        tempogram: &Tempogram,
        novelty: &Novelty,
        curves: &Curves,
        local: &Local,
        piece: Piece,
        period: f64,
    ) -> Self {
        let course = |frame: usize| period * local.ratio(curves.from + frame);
        let beats = on_the_beat(curves, beats::track(&curves.sum, &course, None));
        let features = features(tempogram, novelty, curves, piece, period, &beats);
        Self { period, beats, features }
    }

    /// Mean novelty on the beats, in deviations.
    pub(crate) fn strength(&self, curves: &Curves) -> f64 {
        self.beats.iter().map(|it| f64::from(curves.sum[*it])).sum::<f64>() / self.beats.len().max(1) as f64
    }
}
