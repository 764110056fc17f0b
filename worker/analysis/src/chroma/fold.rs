//! From fine steps to the twelve pitch classes.

use super::CLASSES;
use super::history::STEPS;
use std::f64::consts::PI;

/// Width in semitones of the window with which a pitch counts for its class and a little for the next (Gómez 2006, §3.1).
const WIDTH: f64 = 4.0 / 3.0;

/// How much each step counts for each class.
pub(super) type Kernel = [[f64; STEPS]; CLASSES];

/// For a reference pitch `tuning` semitones above 440 Hz: cos² of the distance.
pub(super) fn kernel(tuning: f64) -> Kernel {
    std::array::from_fn(|class| {
        std::array::from_fn(|step| {
            let pitch = step as f64 * CLASSES as f64 / STEPS as f64 - tuning;
            let distance = (pitch - class as f64 + 6.0).rem_euclid(12.0) - 6.0;
            if distance.abs() < WIDTH / 2.0 { (PI * distance / WIDTH).cos().powi(2) } else { 0.0 }
        })
    })
}

/// Sums the steps by class.
pub(super) fn fold(steps: &[f32; STEPS], kernel: &Kernel) -> [f64; CLASSES] {
    std::array::from_fn(|class| {
        steps.iter().zip(&kernel[class]).map(|(step, weight)| f64::from(*step) * weight).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detuned_note_lands_on_its_class() {
        let mut steps = [0.0; STEPS];
        steps[92] = 1.0;
        let classes = fold(&steps, &kernel(0.2));
        assert!((classes[9] - 1.0).abs() < 1e-12);
        assert!(classes.iter().sum::<f64>() - 1.0 < 1e-12);
        // Half-way between two classes it counts for both.
        let between = fold(&steps, &kernel(-0.3));
        assert!((between[9] - between[10]).abs() < 1e-12 && between[9] > 0.1);
    }
}
