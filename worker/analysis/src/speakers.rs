//! How much each channel counts for loudness (ITU-R BS.1770-4 Annex 1 and table 4).

use symphonia::core::audio::{Channels, Position};

const SURROUND: f64 = 1.41;

/// The weight of every channel, in their order.
///
/// Speakers at 60° to 120° count 1.5 dB more, those for the bass not at all, all others 1. The rear pair of 5.1 stands at 110°
/// and counts more; where there is a side pair, the rear one stands behind it and does not. Channels without places count 1.
pub(crate) fn weights(channels: &Channels) -> Vec<f64> {
    let Channels::Positioned(positions) = channels else { return vec![1.0; channels.count()] };
    let sides = positions.intersects(Position::SIDE_LEFT | Position::SIDE_RIGHT);
    let rear_at_side = !sides && positions.intersects(Position::REAR_LEFT | Position::REAR_RIGHT);
    positions
        .iter()
        .map(|speaker| match speaker {
            Position::LFE1 | Position::LFE2 => 0.0,
            Position::SIDE_LEFT | Position::SIDE_RIGHT => SURROUND,
            Position::REAR_LEFT | Position::REAR_RIGHT if rear_at_side => SURROUND,
            _ => 1.0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use symphonia::core::audio::layouts;

    #[test]
    fn weights_follow_the_places() {
        assert_eq!(weights(&layouts::CHANNEL_LAYOUT_STEREO), [1.0, 1.0]);
        assert_eq!(weights(&layouts::CHANNEL_LAYOUT_5P1), [1.0, 1.0, 1.0, 0.0, SURROUND, SURROUND]);
        assert_eq!(weights(&layouts::CHANNEL_LAYOUT_7P1), [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, SURROUND, SURROUND]);
        assert_eq!(weights(&Channels::Discrete(3)), [1.0; 3]);
    }
}
