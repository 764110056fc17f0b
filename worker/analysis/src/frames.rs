//! Half-overlapping frames of a signal that comes in pieces of any length.

/// Collects samples until they make a frame.
#[derive(Debug)]
pub(crate) struct Frames {
    size: usize,
    pending: Vec<f32>,
    /// Whether a frame was given.
    given: bool,
}

impl Frames {
    /// Frames of `size` samples, an even number; each begins half a frame after the one before.
    pub(crate) fn new(size: usize) -> Self {
        Self { size, pending: Vec::with_capacity(size), given: false }
    }

    /// Takes the next samples, and gives each frame that they complete.
    pub(crate) fn push(&mut self, mut samples: &[f32], mut give: impl FnMut(&[f32])) {
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(self.size - self.pending.len()));
            self.pending.extend_from_slice(now);
            samples = later;
            if self.pending.len() == self.size {
                give(&self.pending);
                self.given = true;
                self.pending.drain(..self.size / 2);
            }
        }
    }

    /// Ends the signal. A signal shorter than a frame is continued with silence; the end of a longer one, less than half a
    /// frame, is left out.
    pub(crate) fn finish(mut self, give: impl FnOnce(&[f32])) {
        if !self.given && !self.pending.is_empty() {
            self.pending.resize(self.size, 0.0);
            give(&self.pending);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slowly(signal: &[f32], size: usize) -> Vec<Vec<f32>> {
        if signal.len() < size && !signal.is_empty() {
            return vec![[signal, &vec![0.0; size - signal.len()]].concat()];
        }
        (0..)
            .map(|n| n * size / 2)
            .take_while(|at| at + size <= signal.len())
            .map(|at| signal[at..at + size].to_vec())
            .collect()
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_make_the_same_frames(length in 0usize..200, half in 1usize..20, piece in 1usize..50) {
            let signal: Vec<f32> = (0..length).map(|it| it as f32).collect();
            let mut frames = Frames::new(2 * half);
            let mut given = Vec::new();
            for piece in signal.chunks(piece) {
                frames.push(piece, |frame| given.push(frame.to_vec()));
            }
            frames.finish(|frame| given.push(frame.to_vec()));
            prop_assert_eq!(given, slowly(&signal, 2 * half));
        }
    }
}
