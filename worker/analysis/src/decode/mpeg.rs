//! MPEG streams whose frames change between mono and stereo, or their rate, as joined recordings and audio books do.

use crate::open::MpegHeader;
use symphonia::core::packet::Packet;

/// Frames of a new format in a row that are believed. One alone is damage: its header is a chance find.
const LASTING: usize = 4;

/// Holds frames back until it is known whether a change of the format lasts.
#[derive(Debug, Default)]
pub(crate) struct FormatWatch {
    current: Option<(u32, bool)>,
    waiting: Vec<Packet>,
}

/// What is to be done with the frames so far.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// The rate of the new format, in Hz, if the frames below begin one.
    pub(crate) changed: Option<u32>,
    /// To be decoded.
    pub(crate) frames: Vec<Packet>,
    /// These are no frames, whatever their headers say.
    pub(crate) strays: Vec<Packet>,
}

impl FormatWatch {
    /// Takes the next frame.
    pub(crate) fn take(&mut self, packet: Packet) -> Watched {
        let format = format(&packet);
        let current = *self.current.get_or_insert(format.unwrap_or_default());
        let is_current = format.is_none_or(|it| it == current);
        if is_current {
            return Watched {
                changed: None,
                frames: vec![packet],
                strays: std::mem::take(&mut self.waiting),
            };
        }
        let follows = self.waiting.last().is_none_or(|last| self::format(last) == format);
        let strays = if follows { Vec::new() } else { std::mem::take(&mut self.waiting) };
        self.waiting.push(packet);
        if self.waiting.len() < LASTING {
            return Watched { strays, ..Watched::default() };
        }
        self.current = format;
        Watched { changed: format.map(|it| it.0), frames: std::mem::take(&mut self.waiting), strays }
    }

    /// What was held back at the end.
    pub(crate) fn finish(&mut self) -> Vec<Packet> {
        std::mem::take(&mut self.waiting)
    }
}

/// Rate, and whether it is mono.
fn format(packet: &Packet) -> Option<(u32, bool)> {
    MpegHeader::parse(&packet.data).map(|header| (header.rate, header.mono))
}

#[cfg(test)]
mod tests {
    use super::*;
    use symphonia::core::units::{Duration, Timestamp};

    const STEREO: [u8; 4] = [0xff, 0xfb, 0x90, 0x00];
    const MONO: [u8; 4] = [0xff, 0xfb, 0x90, 0xc0];
    const SLOW: [u8; 4] = [0xff, 0xf3, 0x40, 0xc0];

    fn watched(headers: &[[u8; 4]]) -> Vec<(Option<u32>, usize, usize)> {
        let mut watch = FormatWatch::default();
        let packet = |header: &[u8; 4]| Packet::new(0, Timestamp::ZERO, Duration::ZERO, header.to_vec());
        let mut seen: Vec<_> = headers
            .iter()
            .map(|header| watch.take(packet(header)))
            .map(|it| (it.changed, it.frames.len(), it.strays.len()))
            .collect();
        seen.push((None, 0, watch.finish().len()));
        seen
    }

    #[test]
    fn a_lasting_change_loses_nothing() {
        let held = (None, 0, 0);
        let seen = watched(&[STEREO, MONO, MONO, MONO, MONO, MONO]);
        assert_eq!(seen, [(None, 1, 0), held, held, held, (Some(44_100), 4, 0), (None, 1, 0), held]);
    }

    #[test]
    fn a_chance_find_is_no_change() {
        let held = (None, 0, 0);
        let seen = watched(&[STEREO, MONO, MONO, STEREO, SLOW, MONO]);
        assert_eq!(seen, [(None, 1, 0), held, held, (None, 1, 2), held, (None, 0, 1), (None, 0, 1)]);
    }
}
