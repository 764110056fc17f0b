//! The frames in a packet (RFC 6716 §3.2), also where several streams share one packet (appendix B).

/// The longest frame, in bytes (RFC 6716 §3.2.1).
const MAX_FRAME: usize = 1275;
/// The longest packet, in frames at 48 kHz: 120 ms.
pub(super) const MAX_SAMPLES: usize = 5760;
/// The most frames in a packet: 120 ms of 2.5 ms each.
const MAX_FRAMES: usize = 48;

/// The frames of one packet.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    /// Configuration and channels, as the first byte of a packet of one frame states them.
    pub(super) header: u8,
    /// Samples per channel of each frame, at 48 kHz.
    pub(super) samples: usize,
    frames: [&'a [u8]; MAX_FRAMES],
    count: usize,
    /// What follows the packet, if it says where it ends.
    pub(super) rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// Takes a packet apart; `None` if it is malformed. One that is `delimited` states the length of its last frame too.
    pub(super) fn parse(packet: &'a [u8], delimited: bool) -> Option<Self> {
        let mut bytes = Reader(packet);
        let header = bytes.byte()?;
        let samples = samples(header);
        let (mut count, mut varied, mut padding) = match header & 3 {
            0 => (1, false, 0),
            1 => (2, false, 0),
            2 => (2, true, 0),
            _ => (0, false, 0),
        };
        if header & 3 == 3 {
            let shape = bytes.byte()?;
            count = usize::from(shape & 0x3f);
            varied = shape & 0x80 != 0;
            padding = if shape & 0x40 != 0 { bytes.padding()? } else { 0 };
        }
        if count == 0 || count * samples > MAX_SAMPLES {
            return None;
        }
        let mut lengths = [0; MAX_FRAMES];
        for length in &mut lengths[..if varied { count - 1 } else { 0 }] {
            *length = bytes.length()?;
        }
        let known: usize = lengths.iter().sum();
        let last = if delimited { Some(bytes.length()?) } else { None };
        let room = bytes.0.len().checked_sub(padding)?;
        let last = match (last, varied) {
            (Some(last), _) => last,
            (None, true) => room.checked_sub(known)?,
            (None, false) => room / count,
        };
        // All frames are of one length, so that nothing may be left over.
        if !varied && !delimited && last * count != room {
            return None;
        }
        lengths[if varied { count - 1 } else { 0 }..count].fill(last);
        let mut frames: [&[u8]; MAX_FRAMES] = [&[]; MAX_FRAMES];
        for (frame, length) in frames.iter_mut().zip(&lengths[..count]) {
            *frame = bytes.take(*length).filter(|it| it.len() <= MAX_FRAME)?;
        }
        bytes.take(padding)?;
        Some(Self { header: header & !3, samples, frames, count, rest: bytes.0 })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        self.frames[..self.count].iter().copied()
    }
}

/// Length of a frame of each configuration (RFC 6716 table 2), at 48 kHz.
fn samples(header: u8) -> usize {
    let step = header >> 3 & 3;
    match header >> 3 {
        16.. => 120 << step,
        12.. => 480 << (step & 1),
        _ => [480, 960, 1920, 2880][usize::from(step)],
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// The length of a frame, in one byte or two (§3.2.1).
    fn length(&mut self) -> Option<usize> {
        let first = usize::from(self.byte()?);
        if first < 252 { Some(first) } else { Some(first + 4 * usize::from(self.byte()?)) }
    }

    /// The length of the padding (§3.2.5): 255 stands for 254 and more to come.
    fn padding(&mut self) -> Option<usize> {
        let mut sum = 0;
        loop {
            match self.byte()? {
                255 => sum += 254,
                last => return Some(sum + usize::from(last)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lengths(packet: &[u8], delimited: bool) -> Option<(Vec<usize>, usize)> {
        let frames = Frames::parse(packet, delimited)?;
        Some((frames.iter().map(<[u8]>::len).collect(), frames.rest.len()))
    }

    #[test]
    fn each_code_of_the_standard() {
        assert_eq!(lengths(&[0x80, 1, 2, 3], false), Some((vec![3], 0)));
        assert_eq!(lengths(&[0x80], false), Some((vec![0], 0)));
        assert_eq!(lengths(&[0x81, 1, 2, 3, 4], false), Some((vec![2, 2], 0)));
        assert_eq!(lengths(&[0x81, 1, 2, 3], false), None);
        assert_eq!(lengths(&[0x82, 1, 2, 3, 4], false), Some((vec![1, 2], 0)));
        assert_eq!(lengths(&[0x82, 9, 2, 3, 4], false), None);
        // Three frames of one length with two bytes of padding, then of their own lengths.
        assert_eq!(lengths(&[0x83, 0x43, 2, 1, 2, 3, 0, 0], false), Some((vec![1, 1, 1], 0)));
        assert_eq!(lengths(&[0x83, 0x83, 1, 0, 7, 8, 9], false), Some((vec![1, 0, 2], 0)));
        assert_eq!(lengths(&[0x83, 0], false), None);
        assert_eq!(lengths(&[0x83, 0x42, 9, 1], false), None);
        assert_eq!(lengths(&[], false), None);
    }

    #[test]
    fn a_delimited_packet_leaves_the_next_one() {
        assert_eq!(lengths(&[0x80, 2, 1, 2, 0x80, 5], true), Some((vec![2], 2)));
        assert_eq!(lengths(&[0x81, 1, 1, 2, 0x80], true), Some((vec![1, 1], 1)));
        assert_eq!(lengths(&[0x82, 1, 2, 7, 8, 9, 0x80], true), Some((vec![1, 2], 1)));
        assert_eq!(lengths(&[0x83, 0x42, 1, 1, 7, 8, 0, 0x80], true), Some((vec![1, 1], 1)));
        assert_eq!(lengths(&[0x80, 2, 1], true), None);
    }

    #[test]
    fn durations_follow_the_table() {
        let longest = |header: u8| samples(header) * 1000 / 48;
        assert_eq!([0x00, 0x08, 0x10, 0x18].map(longest), [10_000, 20_000, 40_000, 60_000]);
        assert_eq!([0x60, 0x68, 0x70, 0x78].map(longest), [10_000, 20_000, 10_000, 20_000]);
        assert_eq!([0x80, 0x88, 0x90, 0x98, 0xf8].map(longest), [2_500, 5_000, 10_000, 20_000, 20_000]);
        // 49 frames of 2.5 ms and three of 60 ms are more than 120 ms.
        assert_eq!(lengths(&[0x83, 49], false), None);
        assert_eq!(lengths(&[0x1b, 3, 1, 1, 1], false), None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_read_twice(packet in proptest::collection::vec(any::<u8>(), 0..600), delimited: bool) {
            if let Some(frames) = Frames::parse(&packet, delimited) {
                let held: usize = frames.iter().map(<[u8]>::len).sum();
                prop_assert!(held + frames.rest.len() < packet.len());
                prop_assert!(frames.iter().count() * frames.samples <= MAX_SAMPLES);
                prop_assert!(delimited || frames.rest.is_empty());
            }
        }
    }
}
