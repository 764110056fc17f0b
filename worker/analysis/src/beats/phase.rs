use crate::onset::{Band, Curves, around};

/// What the bands say about a track being half a beat late. The kick counts most; an off-beat hi-hat may be the loudest thing
/// there is. Set by hand, on generated grooves.
const WEIGHTS: [(Band, f64); 4] =
    [(Band::Low, 2.0), (Band::Middle, 1.0), (Band::High, 0.5), (Band::Air, -0.3)];
/// A track is not moved for less than this.
const MARGIN: f64 = 0.25;
/// Keeps the contrast of two weak places near zero, in units of the curves' deviation.
const WEAK: f64 = 0.3;

/// The track, or the one half a beat beside it if that has the kick. In frames of the curves.
pub(crate) fn on_the_beat(curves: &Curves, track: Vec<usize>) -> Vec<usize> {
    if is_off_beat(curves, &track) {
        let moved: Vec<usize> = track.windows(2).map(|pair| (pair[0] + pair[1]) / 2).collect();
        if !is_off_beat(curves, &moved) {
            return moved;
        }
    }
    track
}

/// Whether the beats are rather in the middle between these.
pub(crate) fn is_off_beat(curves: &Curves, beats: &[usize]) -> bool {
    WEIGHTS.iter().map(|(band, weight)| weight * contrast(curves.band(*band), beats)).sum::<f64>() > MARGIN
}

/// How much stronger the middle between beats is than the beats, −1 to 1.
fn contrast(curve: &[f32], beats: &[usize]) -> f64 {
    let count = beats.len().saturating_sub(1).max(1) as f64;
    let (mut on, mut off) = (0.0, 0.0);
    for pair in beats.windows(2) {
        on += f64::from(around(curve, pair[0]));
        off += f64::from(around(curve, pair[0] + (pair[1] - pair[0]).div_ceil(2)));
    }
    let (on, off) = (on / count, off / count);
    (off - on) / (off + on + WEAK)
}
