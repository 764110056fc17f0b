//! How often each degree of a scale is heard.

use super::KEYS;
use crate::chroma::CLASSES;

/// A profile for major and one for minor, the tonic first.
pub(super) struct Profile {
    pub(super) major: [f64; CLASSES],
    pub(super) minor: [f64; CLASSES],
}

/// Counted in 490 works of the common practice (Albrecht & Shanahan 2013, "The use of large corpora to train a new type of
/// key-finding algorithm", Music Perception 31, table 1).
pub(super) const ALBRECHT_SHANAHAN: Profile = Profile {
    major: [0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081],
    minor: [0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052],
};

/// Measured in electronic dance music, with the weakest degrees set to zero (Faraldo, Jordà & Herrera 2017, "A multi-profile
/// method for key estimation in EDM", the profile `bgate`).
pub(super) const FARALDO: Profile = Profile {
    major: [1.0, 0.0, 0.42, 0.0, 0.53, 0.37, 0.0, 0.77, 0.0, 0.38, 0.21, 0.30],
    minor: [1.0, 0.0, 0.36, 0.39, 0.0, 0.38, 0.0, 0.74, 0.27, 0.0, 0.42, 0.23],
};

/// Pearson's correlation of pitch classes with the profile of every key; 0 where the classes are all alike.
pub(super) fn correlate(profile: &Profile, classes: &[f64; CLASSES]) -> [f64; KEYS] {
    let classes = standardised(classes);
    let modes = [standardised(&profile.major), standardised(&profile.minor)];
    std::array::from_fn(|key| {
        let (mode, tonic) = (&modes[key / CLASSES], key % CLASSES);
        (0..CLASSES).map(|degree| mode[degree] * classes[(tonic + degree) % CLASSES]).sum()
    })
}

/// Without the mean, and of length 1.
fn standardised(values: &[f64; CLASSES]) -> [f64; CLASSES] {
    let mean = values.iter().sum::<f64>() / CLASSES as f64;
    let centred = values.map(|it| it - mean);
    let length = centred.iter().map(|it| it * it).sum::<f64>().sqrt();
    if length > 1e-9 { centred.map(|it| it / length) } else { [0.0; CLASSES] }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slow twin: the textbook formula, key by key.
    fn pearson(a: &[f64], b: &[f64]) -> f64 {
        let n = a.len() as f64;
        let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
        let covariance: f64 = a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).sum();
        let variance = |values: &[f64], mean: f64| values.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        covariance / (variance(a, mean_a) * variance(b, mean_b)).sqrt()
    }

    #[test]
    fn it_agrees_with_the_textbook() {
        let classes = std::array::from_fn(|class| (class * 7 % 5) as f64 + 0.1 * class as f64);
        let all = correlate(&ALBRECHT_SHANAHAN, &classes);
        for key in 0..KEYS {
            let mode = if key < CLASSES { &ALBRECHT_SHANAHAN.major } else { &ALBRECHT_SHANAHAN.minor };
            let rotated: Vec<f64> =
                (0..CLASSES).map(|class| mode[(class + CLASSES - key % CLASSES) % CLASSES]).collect();
            assert!((all[key] - pearson(&rotated, &classes)).abs() < 1e-9, "key {key}");
        }
    }

    #[test]
    fn even_classes_fit_nothing() {
        assert_eq!(correlate(&FARALDO, &[0.25; CLASSES]), [0.0; KEYS]);
    }
}
