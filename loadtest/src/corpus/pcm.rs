//! Integer samples, as files hold them.

use super::random::Random;

/// Shape of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Frames per second.
    pub(crate) rate: u32,
    /// 1 or 2.
    pub(crate) channels: u16,
    /// Bits per sample: 16 or 24.
    pub(crate) bits: u16,
}

impl Layout {
    /// Frames in so many seconds, to the nearest.
    pub(crate) fn frames(self, seconds: f64) -> usize {
        (seconds * f64::from(self.rate)).round() as usize
    }

    pub(crate) fn bytes_per_frame(self) -> usize {
        usize::from(self.channels) * usize::from(self.bits / 8)
    }
}

/// Interleaved samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pcm {
    pub(crate) layout: Layout,
    pub(crate) samples: Vec<i32>,
}

/// Byte order of the samples in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    LittleEndian,
    BigEndian,
}

impl Pcm {
    /// Rounds with dither of one step, evenly distributed: the smallest that keeps two short pieces of the same notes from being the same file.
    /// It leaves silence silent.
    pub(crate) fn quantise(layout: Layout, channels: &[Vec<f64>], dither: &mut Random) -> Self {
        let highest = f64::from((1_i32 << (layout.bits - 1)) - 1);
        let frames = channels.first().map_or(0, Vec::len);
        let mut samples = Vec::with_capacity(frames * channels.len());
        for frame in 0..frames {
            samples.extend(channels.iter().map(|channel| {
                let dithered = channel[frame] * highest + dither.unit() - 0.5;
                dithered.round().clamp(-highest, highest) as i32
            }));
        }
        Self { layout, samples }
    }

    /// Digital silence.
    pub(crate) fn silence(layout: Layout, seconds: f64) -> Self {
        Self { layout, samples: vec![0; layout.frames(seconds) * usize::from(layout.channels)] }
    }

    pub(crate) fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.layout.channels)
    }

    /// Length in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.frames() as f64 / f64::from(self.layout.rate)
    }

    /// The samples as a file holds them.
    pub(crate) fn bytes(&self, order: Order) -> Vec<u8> {
        let width = usize::from(self.layout.bits / 8);
        let mut bytes = Vec::with_capacity(self.samples.len() * width);
        for sample in &self.samples {
            match order {
                Order::LittleEndian => bytes.extend_from_slice(&sample.to_le_bytes()[..width]),
                Order::BigEndian => bytes.extend_from_slice(&sample.to_be_bytes()[4 - width..]),
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout { rate: 8000, channels: 2, bits: 24 };

    #[test]
    fn bytes_keep_sign_and_order() {
        let pcm = Pcm { layout: LAYOUT, samples: vec![0x01_02_03, -2] };
        assert_eq!(pcm.bytes(Order::LittleEndian), [3, 2, 1, 0xfe, 0xff, 0xff]);
        assert_eq!(pcm.bytes(Order::BigEndian), [1, 2, 3, 0xff, 0xff, 0xfe]);
        let pcm = Pcm { layout: Layout { bits: 16, ..LAYOUT }, samples: vec![0x01_02, -2] };
        assert_eq!(pcm.bytes(Order::LittleEndian), [2, 1, 0xfe, 0xff]);
        assert_eq!(pcm.bytes(Order::BigEndian), [1, 2, 0xff, 0xfe]);
    }

    #[test]
    fn full_scale_is_reached_and_never_passed() {
        let pcm = Pcm::quantise(LAYOUT, &[vec![1.0, -3.0], vec![0.0, 7.0]], &mut Random::new(1, "test"));
        assert!(pcm.samples[0] >= 8_388_606, "{}", pcm.samples[0]);
        assert_eq!(pcm.samples[1..], [0, -8_388_607, 8_388_607]);
        assert_eq!((pcm.frames(), pcm.layout.bytes_per_frame()), (2, 6));
    }

    #[test]
    fn dither_keeps_the_mean_of_what_lies_between_two_steps() {
        let layout = Layout { channels: 1, bits: 16, ..LAYOUT };
        let pcm = Pcm::quantise(layout, &[vec![0.25 / 32_767.0; 10_000]], &mut Random::new(1, "test"));
        let ones = pcm.samples.iter().filter(|s| **s == 1).count();
        assert!((2_300..2_700).contains(&ones) && pcm.samples.iter().all(|s| *s == 0 || *s == 1), "{ones}");
    }
}
