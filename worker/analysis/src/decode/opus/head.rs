//! The header of an Opus stream (RFC 7845 §5.1), and its twin in MP4 (`dOps`, "Encapsulation of Opus in ISO Base Media" §4.3.2).

use symphonia::core::audio::Position;

const MAGIC: &[u8] = b"OpusHead";
/// Everything up to the family of the mapping.
const FIXED: usize = 19;

/// What the header says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub(super) channels: usize,
    /// Factor that every sample is multiplied with.
    pub(super) gain: f32,
    pub(super) streams: usize,
    /// How many of these are stereo; they come first.
    pub(super) coupled: usize,
    /// Of which channel of the streams each channel is made, or 255.
    pub(super) mapping: Vec<u8>,
}

/// Speakers of mapping family 1, in the order of the streams' channels (RFC 7845 §5.1.1.2, which is that of Vorbis).
pub(super) const FAMILY_1: [&[Position]; 8] = {
    use Position as P;
    const FL: Position = P::FRONT_LEFT;
    const FC: Position = P::FRONT_CENTER;
    const FR: Position = P::FRONT_RIGHT;
    const RL: Position = P::REAR_LEFT;
    const RR: Position = P::REAR_RIGHT;
    const SL: Position = P::SIDE_LEFT;
    const SR: Position = P::SIDE_RIGHT;
    const LFE: Position = P::LFE1;
    [
        &[FL],
        &[FL, FR],
        &[FL, FC, FR],
        &[FL, FR, RL, RR],
        &[FL, FC, FR, RL, RR],
        &[FL, FC, FR, RL, RR, LFE],
        &[FL, FC, FR, SL, SR, P::REAR_CENTER, LFE],
        &[FL, FC, FR, SL, SR, RL, RR, LFE],
    ]
};

/// Why a header cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It makes no sense.
    Damaged,
    /// Channels that belong to no speakers: ambisonics, or a mapping of the encoder's own.
    Mapping,
}

impl Head {
    /// Reads a header. The version tells which one it is: 0 in MP4, whose numbers are big-endian, and 1 to 15 elsewhere.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let fixed: &[u8; FIXED] =
            bytes.first_chunk().filter(|it| it.starts_with(MAGIC)).ok_or(Refusal::Damaged)?;
        let [version, channels, family] = [fixed[8], fixed[9], fixed[18]];
        let number = |at: usize| {
            let pair = [fixed[at], fixed[at + 1]];
            if version == 0 { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
        };
        if version > 15 || channels == 0 || (family == 0 && channels > 2) {
            return Err(Refusal::Damaged);
        }
        if family > 1 || channels > 8 {
            return Err(Refusal::Mapping);
        }
        let stated = [1, channels - 1, 0, 1];
        let (streams, coupled, mapping) = match (family, bytes.get(FIXED..)) {
            (1, Some([streams, coupled, table @ ..])) => (*streams, *coupled, table),
            (1, _) => return Err(Refusal::Damaged),
            _ => (stated[0], stated[1], &stated[2..]),
        };
        let mapping = mapping.get(..usize::from(channels)).ok_or(Refusal::Damaged)?.to_vec();
        let decoded = u16::from(streams) + u16::from(coupled);
        let mapped = mapping.iter().all(|it| *it == super::SILENT || u16::from(*it) < decoded);
        if streams == 0 || coupled > streams || !mapped {
            return Err(Refusal::Damaged);
        }
        // More streams than channels to hear them in would be decoded in vain.
        if streams > channels {
            return Err(Refusal::Mapping);
        }
        // Decibels in steps of 1/256.
        let decibels = f32::from(number(16).cast_signed()) / 256.0;
        Ok(Self {
            channels: usize::from(channels),
            gain: 10f32.powf(decibels / 20.0),
            streams: usize::from(streams),
            coupled: usize::from(coupled),
            mapping,
        })
    }

    /// The speakers of the decoded channels, in their order.
    pub(super) fn speakers(&self) -> &'static [Position] {
        FAMILY_1[self.channels - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: u8, channels: u8, numbers: [u8; 8], family: &[u8]) -> Vec<u8> {
        [MAGIC, &[version, channels], &numbers, family].concat()
    }

    #[test]
    fn both_orders_of_bytes_are_read() {
        let ogg = header(1, 2, [0x38, 1, 0x80, 0xbb, 0, 0, 0, 0xfa], &[0]);
        let mp4 = header(0, 2, [1, 0x38, 0, 0, 0xbb, 0x80, 0xfa, 0], &[0]);
        let head = Head::parse(&ogg).unwrap();
        assert_eq!(Head::parse(&mp4), Ok(head.clone()));
        assert_eq!((head.channels, head.mapping.as_slice()), (2, &[0, 1][..]));
        // −6 dB.
        assert!((head.gain - 0.501_187).abs() < 1e-6);
    }

    #[test]
    fn what_has_no_speakers_is_refused() {
        let numbers = [0; 8];
        let surround = [1, 4, 2, 0, 4, 1, 2, 3, 5];
        let head = Head::parse(&header(1, 6, numbers, &surround)).unwrap();
        assert_eq!((head.streams, head.coupled, head.speakers()[1]), (4, 2, Position::FRONT_CENTER));
        assert_eq!(head.mapping, surround[3..]);
        assert_eq!(Head::parse(&header(1, 6, numbers, &[1, 4, 2, 0, 1, 2, 3, 4, 6])), Err(Refusal::Damaged));
        assert_eq!(Head::parse(&header(1, 2, numbers, &[1, 1, 2, 0, 1])), Err(Refusal::Damaged));
        assert_eq!(Head::parse(&header(1, 2, numbers, &[1, 3, 0, 0, 1])), Err(Refusal::Mapping));
        assert_eq!(Head::parse(&header(1, 4, numbers, &[2, 4, 0, 0, 1, 2, 3])), Err(Refusal::Mapping));
        assert_eq!(Head::parse(&header(1, 1, numbers, &[255, 1, 0, 0])), Err(Refusal::Mapping));
        assert_eq!(Head::parse(&header(1, 6, numbers, &surround[..7])), Err(Refusal::Damaged));
        assert_eq!(Head::parse(&header(1, 3, numbers, &[0])), Err(Refusal::Damaged));
        assert_eq!(Head::parse(&header(1, 0, numbers, &[0])), Err(Refusal::Damaged));
        assert_eq!(Head::parse(b"OpusHead\x01\x02"), Err(Refusal::Damaged));
        assert_eq!(Head::parse(b""), Err(Refusal::Damaged));
    }
}
