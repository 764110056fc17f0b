//! Streams whose format changes: all of it is brought to one format, so that it can be measured as one.

mod resample;

use resample::Resampler;
use symphonia::core::audio::{Channels, Position};

/// Level of a channel that is mixed into two others (ITU-R BS.775-3, table 2).
const SHARED: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// A rate and the channels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StreamFormat {
    /// In Hz.
    pub(crate) rate: u32,
    pub(crate) channels: Channels,
}

impl StreamFormat {
    /// The format that loses nothing of either: the higher rate, and the channels that are more.
    pub(crate) fn widest(&self, other: &Self) -> Self {
        let more = if other.channels.count() > self.channels.count() { other } else { self };
        Self { rate: self.rate.max(other.rate), channels: more.channels.clone() }
    }
}

/// Converts samples of one format into another.
#[derive(Debug)]
pub(crate) struct Conformer {
    /// For each channel that is made, the channels that it is made of and their levels.
    matrix: Vec<Vec<(usize, f32)>>,
    /// One for each channel, where the rates differ.
    resamplers: Vec<Resampler>,
    mixed: Vec<f32>,
}

impl Conformer {
    pub(crate) fn new(from: &StreamFormat, to: &StreamFormat) -> Self {
        let matrix = matrix(&from.channels, &to.channels);
        let resamplers = if from.rate == to.rate {
            Vec::new()
        } else {
            matrix.iter().map(|_| Resampler::new(from.rate, to.rate)).collect()
        };
        Self { matrix, resamplers, mixed: Vec::new() }
    }

    /// Converts a packet, which may have become longer or shorter then.
    pub(crate) fn convert(&mut self, planes: &[Vec<f32>], out: &mut [Vec<f32>]) {
        for (channel, (sources, out)) in self.matrix.iter().zip(out).enumerate() {
            out.clear();
            self.mixed.clear();
            self.mixed.resize(planes.first().map_or(0, Vec::len), 0.0);
            for (source, level) in sources {
                let samples = planes.get(*source).map_or(&[][..], Vec::as_slice);
                self.mixed.iter_mut().zip(samples).for_each(|(sum, sample)| *sum += sample * level);
            }
            match self.resamplers.get_mut(channel) {
                Some(resampler) => resampler.push(&self.mixed, out),
                None => out.extend_from_slice(&self.mixed),
            }
        }
    }

    /// What the resamplers still hold.
    pub(crate) fn finish(&mut self, out: &mut [Vec<f32>]) {
        out.iter_mut().for_each(Vec::clear);
        self.resamplers.iter_mut().zip(out).for_each(|(resampler, out)| resampler.finish(out));
    }
}

/// Which channels make which. Those with places go to the same places; one channel alone is heard from both sides; what has no
/// place on the other side is shared by the front.
fn matrix(from: &Channels, to: &Channels) -> Vec<Vec<(usize, f32)>> {
    let (sources, targets) = (from.count(), to.count());
    let mut matrix = vec![Vec::new(); targets];
    if sources == targets {
        (0..targets).for_each(|channel| matrix[channel].push((channel, 1.0)));
        return matrix;
    }
    if sources == 1 {
        matrix.iter_mut().take(2).for_each(|channel| channel.push((0, 1.0)));
        return matrix;
    }
    if targets == 1 {
        let share = 1.0 / sources as f32;
        matrix[0].extend((0..sources).map(|source| (source, share)));
        return matrix;
    }
    let (places, wanted) = (places(from), places(to));
    for source in 0..sources {
        match wanted.iter().position(|it| it.is_some() && *it == places[source]) {
            Some(target) => matrix[target].push((source, 1.0)),
            None if places[source].is_none() && source < targets => matrix[source].push((source, 1.0)),
            None if places[source] == Some(Position::LFE1) => {}
            None => matrix.iter_mut().take(2).for_each(|channel| channel.push((source, SHARED))),
        }
    }
    matrix
}

fn places(channels: &Channels) -> Vec<Option<Position>> {
    match channels {
        Channels::Positioned(positions) => positions.iter().map(Some).collect(),
        other => vec![None; other.count()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use symphonia::core::audio::layouts::{CHANNEL_LAYOUT_5P1, CHANNEL_LAYOUT_MONO, CHANNEL_LAYOUT_STEREO};

    fn format(rate: u32, channels: &Channels) -> StreamFormat {
        StreamFormat { rate, channels: channels.clone() }
    }

    #[test]
    fn one_channel_is_heard_from_both_sides() {
        let (mono, stereo) = (format(48_000, &CHANNEL_LAYOUT_MONO), format(48_000, &CHANNEL_LAYOUT_STEREO));
        let mut out = vec![Vec::new(); 2];
        Conformer::new(&mono, &stereo).convert(&[vec![0.25, -0.5]], &mut out);
        assert_eq!(out, [[0.25, -0.5], [0.25, -0.5]]);
    }

    #[test]
    fn channels_go_to_their_places() {
        assert_eq!(
            matrix(&CHANNEL_LAYOUT_STEREO, &CHANNEL_LAYOUT_5P1),
            [vec![(0, 1.0)], vec![(1, 1.0)], vec![], vec![], vec![], vec![]]
        );
        let down = matrix(&CHANNEL_LAYOUT_5P1, &CHANNEL_LAYOUT_STEREO);
        assert_eq!(down[0], [(0, 1.0), (2, SHARED), (4, SHARED), (5, SHARED)]);
        assert_eq!(matrix(&Channels::Discrete(3), &Channels::Discrete(4))[2], [(2, 1.0)]);
    }

    #[test]
    fn the_widest_format_loses_nothing() {
        let (one, other) = (format(44_100, &CHANNEL_LAYOUT_STEREO), format(48_000, &CHANNEL_LAYOUT_MONO));
        assert_eq!(one.widest(&other), format(48_000, &CHANNEL_LAYOUT_STEREO));
        assert_eq!(other.widest(&one), format(48_000, &CHANNEL_LAYOUT_STEREO));
    }

    #[test]
    fn the_length_is_that_of_the_time() {
        let (low, high) = (format(22_050, &CHANNEL_LAYOUT_MONO), format(44_100, &CHANNEL_LAYOUT_MONO));
        let mut conformer = Conformer::new(&low, &high);
        let (mut out, mut total) = (vec![Vec::new()], 0);
        for _ in 0..50 {
            conformer.convert(&[vec![0.5; 441]], &mut out);
            total += out[0].len();
        }
        conformer.finish(&mut out);
        assert_eq!(total + out[0].len(), 44_100);
    }
}
