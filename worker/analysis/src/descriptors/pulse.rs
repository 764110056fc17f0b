use crate::onset::{Band, Curves, Novelty, around};
use crate::tempo::tempogram::STRETCH_SECONDS;

/// Mean bass novelty on the beats, in deviations of the novelty, in the middle of the piece. 0 without beats.
pub(super) fn strength(novelty: &Novelty, beats: &[f64]) -> f64 {
    let stretch = (STRETCH_SECONDS * novelty.rate()) as usize;
    let from = novelty.len().saturating_sub(stretch) / 2;
    let curves = Curves::new(novelty, from, from + stretch);
    let frames = beats.iter().map(|beat| (beat * novelty.rate()).round() as usize);
    let inside = frames.filter_map(|frame| frame.checked_sub(from)).filter(|frame| *frame < curves.len());
    let (sum, count) = inside.fold((0.0, 0u32), |(sum, count), frame| {
        (sum + f64::from(around(curves.band(Band::Low), frame)), count + 1)
    });
    sum / f64::from(count.max(1))
}
