//! How much of the decoded signal is music: encoder delay in front, padding behind, and the announced length between.

/// A length in the clock of whoever states it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Span {
    ticks: u64,
    /// Seconds per tick, as a fraction.
    numer: u32,
    denom: u32,
}

impl Span {
    pub(crate) fn new(ticks: u64, numer: u32, denom: u32) -> Self {
        Self { ticks, numer, denom }
    }

    /// `frames` at `rate` frames per second.
    pub(crate) fn frames(frames: u64, rate: u32) -> Self {
        Self::new(frames, 1, rate)
    }

    pub(crate) fn is_zero(self) -> bool {
        self.ticks == 0 || self.denom == 0
    }

    /// The nearest whole number of frames at `rate` frames per second.
    pub(crate) fn in_frames(self, rate: u32) -> u64 {
        if self.denom == 0 {
            return 0;
        }
        let denom = u128::from(self.denom);
        let scaled = u128::from(self.ticks) * u128::from(self.numer) * u128::from(rate);
        u64::try_from((scaled + denom / 2) / denom).unwrap_or(u64::MAX)
    }

    /// Seconds of one tick.
    pub(crate) fn tick(self) -> f64 {
        Self { ticks: 1, ..self }.seconds()
    }

    pub(crate) fn seconds(self) -> f64 {
        if self.denom == 0 { 0.0 } else { self.ticks as f64 * f64::from(self.numer) / f64::from(self.denom) }
    }
}

/// What to do with decoded frames beyond the announced length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Excess {
    /// Keep them: the announcement does not say where the signal ends.
    #[default]
    Keep,
    /// Drop them if there are no more of them than an encoder pads with. Keep them otherwise, because then the
    /// announcement is about another stream.
    Padding,
    /// Drop them: the container cuts there on purpose.
    Drop,
}

/// The part of the decoded signal that is music.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Extent {
    /// Delay of the encoder, to be dropped from the start.
    pub(crate) skip: Span,
    /// Announced length after that.
    pub(crate) total: Option<Span>,
    /// Whether `total` is right to the frame, so that one missing frame is damage.
    pub(crate) exact: bool,
    /// What follows it.
    pub(crate) excess: Excess,
}

impl Extent {
    /// A container that counts its frames, without delay or padding.
    pub(crate) fn counted(frames: u64, rate: u32) -> Self {
        Self { total: Some(Span::frames(frames, rate)), exact: true, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_convert_to_the_nearest_frame() {
        assert_eq!(Span::frames(441, 44_100).in_frames(44_100), 441);
        assert_eq!(Span::new(10_001, 1, 1000).in_frames(44_100), 441_044);
        assert_eq!(Span::new(1, 1, 3).in_frames(2), 1);
        assert_eq!(Span::new(u64::MAX, u32::MAX, 1).in_frames(u32::MAX), u64::MAX);
        assert_eq!(Span::default().in_frames(44_100), 0);
        assert!((Span::new(1500, 1, 1000).seconds() - 1.5).abs() < 1e-12);
    }
}
