use crate::onset::Band;
use crate::tempo::profile::Profile;

/// What the bands say about a track being half a beat late. The kick counts most; an off-beat hi-hat may be the loudest thing
/// there is. Set by hand, on generated grooves.
const WEIGHTS: [(Band, f64); 4] =
    [(Band::Low, 2.0), (Band::Middle, 1.0), (Band::High, 0.5), (Band::Air, -0.3)];
/// A track is not moved for less than this.
const MARGIN: f64 = 0.25;

/// Whether the beats are rather in the middle between those of the profile.
pub(crate) fn is_off_beat(profile: &Profile) -> bool {
    WEIGHTS.iter().map(|(band, weight)| weight * profile.contrast(*band, 6)).sum::<f64>() > MARGIN
}

/// The instants in the middle between beats.
pub(crate) fn middles(beats: &[usize]) -> Vec<usize> {
    beats.windows(2).map(|pair| (pair[0] + pair[1]) / 2).collect()
}
