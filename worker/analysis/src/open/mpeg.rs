//! Frame headers of MPEG audio and ADTS, as far as needed to recognise a stream and to see whether it states its length.

/// Header of an MPEG audio frame (ISO/IEC 11172-3 §2.4.1.3, 13818-3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MpegHeader {
    /// Whole frame, header included, in bytes.
    pub(crate) len: usize,
    /// In Hz.
    pub(crate) rate: u32,
    pub(crate) mono: bool,
    /// What stays the same from one frame to the next: version, layer and sample rate.
    kind: u32,
    /// Where a Xing or Info header would begin, from the start of the frame.
    xing_at: usize,
}

/// kbit/s by table (MPEG-1 layers 1, 2, 3; MPEG-2 layer 1; MPEG-2 layers 2 and 3) and index.
const KILOBITS: [[u32; 15]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

impl MpegHeader {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let word = super::bytes::be32(bytes, 0)?;
        let (version, layer) = (word >> 19 & 3, 4 - (word >> 17 & 3));
        let (rate_index, index) = (word >> 10 & 3, (word >> 12 & 15) as usize);
        if word >> 21 != 0x7ff || version == 1 || layer == 4 || rate_index == 3 || index == 0 || index == 15 {
            return None;
        }
        let mpeg1 = version == 3;
        let table = match (mpeg1, layer) {
            (true, layer) => layer as usize - 1,
            (false, 1) => 3,
            (false, _) => 4,
        };
        let divisor = [4, 1, 2, 1][version as usize];
        let rate = [44_100, 48_000, 32_000][rate_index as usize] / divisor;
        let bits = KILOBITS[table][index] * 1000;
        let padding = word >> 9 & 1;
        let len = match (layer, mpeg1) {
            (1, _) => (12 * bits / rate + padding) * 4,
            (3, false) => 72 * bits / rate + padding,
            _ => 144 * bits / rate + padding,
        };
        let mono = word >> 6 & 3 == 3;
        let side_info = match (mpeg1, mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        Some(Self { len: len as usize, rate, mono, kind: word & 0xfffe_0c00, xing_at: 4 + side_info })
    }

    /// Whether `frame` is no audio but a Xing, Info or VBRI header that counts the frames of the stream.
    pub(crate) fn counts_frames(&self, frame: &[u8]) -> bool {
        let xing = frame.get(self.xing_at..self.xing_at + 8);
        let counted =
            xing.is_some_and(|it| (it.starts_with(b"Xing") || it.starts_with(b"Info")) && it[7] & 1 != 0);
        counted || frame.get(36..40) == Some(b"VBRI")
    }
}

/// Whether frames of MPEG audio in free format follow each other somewhere in `window`: their headers state no length, so that
/// only the same header at the same distance tells one (ISO/IEC 11172-3 §2.4.2.3).
pub(crate) fn is_free_format(window: &[u8]) -> bool {
    /// Frames in a row that make chance unlikely.
    const FRAMES: usize = 4;
    /// The longest frame that a decoder must read: 640 kbit/s.
    const LONGEST: usize = 2 * 1441;
    /// Places to begin at; each is compared with some thousands.
    const TRIES: usize = 64;
    let header = |at: usize| {
        let word = super::bytes::be32(window, at)?;
        let free = word >> 21 == 0x7ff && word >> 19 & 3 != 1 && word >> 17 & 3 != 0;
        let free = free && word >> 12 & 15 == 0 && word >> 10 & 3 != 3;
        free.then_some(word & 0xffff_fc00)
    };
    let starts = (0..window.len()).filter_map(|at| Some((at, header(at)?))).take(TRIES);
    starts.into_iter().any(|(start, kind)| {
        (start + 24..(start + LONGEST).min(window.len())).filter(|at| header(*at) == Some(kind)).any(
            |second| {
                let step = second - start;
                // A frame may be padded by a slot of one or four bytes.
                let next = |at: usize| (at..=at + 4).find(|at| header(*at) == Some(kind));
                let mut at = Some(second);
                for _ in 2..FRAMES {
                    at = at.and_then(|at| next((at + step).saturating_sub(1)));
                }
                at.is_some()
            },
        )
    })
}

/// Length of the ADTS frame that starts here, header included (ISO/IEC 13818-7 §6.2).
fn adts_len(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..7)?;
    let rate_index = head[2] >> 2 & 15;
    if head[0] != 0xff || head[1] & 0xf6 != 0xf0 || rate_index > 12 {
        return None;
    }
    let len = usize::from(head[3] & 3) << 11 | usize::from(head[4]) << 3 | usize::from(head[5]) >> 5;
    (len > 7).then_some(len)
}

/// Frames in a row that make chance unlikely: the header of a random place passes every few kilobytes, three in the right
/// distance do not.
const FRAMES_IN_A_ROW: usize = 3;

/// A stream of frames found in some bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stream {
    Mpeg { offset: usize },
    Adts { offset: usize },
}

/// First place in `window` where frames follow each other. `at_end` says that the file ends with the window, so that fewer
/// frames can do.
pub(crate) fn find_stream(window: &[u8], at_end: bool) -> Option<Stream> {
    (0..window.len()).filter(|offset| window[*offset] == 0xff).find_map(|offset| {
        let here = &window[offset..];
        let mpeg = |bytes: &[u8]| MpegHeader::parse(bytes).map(|it| (it.len, it.kind));
        let adts = |bytes: &[u8]| adts_len(bytes).map(|len| (len, 0));
        if follow_each_other(here, at_end, mpeg) {
            Some(Stream::Mpeg { offset })
        } else if follow_each_other(here, at_end, adts) {
            Some(Stream::Adts { offset })
        } else {
            None
        }
    })
}

fn follow_each_other(bytes: &[u8], at_end: bool, parse: impl Fn(&[u8]) -> Option<(usize, u32)>) -> bool {
    let Some((mut offset, kind)) = parse(bytes) else { return false };
    for found in 1..FRAMES_IN_A_ROW {
        match bytes.get(offset..).and_then(&parse) {
            Some((len, same)) if same == kind => offset += len,
            // One whole frame at the very start of what is left is a stream that ends there.
            None => return at_end && offset + 4 > bytes.len() && (found > 1 || offset <= bytes.len()),
            Some(_) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MPEG-1 layer 3, 128 kbit/s, 44.1 kHz, stereo.
    const HEADER: [u8; 4] = [0xff, 0xfb, 0x90, 0x00];

    fn frames(count: usize) -> Vec<u8> {
        let mut frame = vec![0; 417];
        frame[..4].copy_from_slice(&HEADER);
        frame.repeat(count)
    }

    #[test]
    fn frame_lengths_follow_the_standard() {
        assert_eq!(MpegHeader::parse(&HEADER).unwrap().len, 417);
        assert_eq!(MpegHeader::parse(&[0xff, 0xfb, 0x92, 0]).unwrap().len, 418);
        assert_eq!(MpegHeader::parse(&[0xff, 0xf3, 0x40, 0xc0]).unwrap().len, 104);
        assert_eq!(MpegHeader::parse(&[0xff, 0xfd, 0x84, 0]).unwrap().len, 384);
        assert_eq!(MpegHeader::parse(&[0xff, 0xff, 0x14, 0]).unwrap().len, 32);
        assert_eq!(adts_len(&[0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc]), Some(371));
    }

    #[test]
    fn a_stream_is_found_behind_junk() {
        let mut bytes = vec![0xff; 100];
        bytes.extend(frames(4));
        assert_eq!(find_stream(&bytes, true), Some(Stream::Mpeg { offset: 100 }));
        assert_eq!(find_stream(&frames(1), true), Some(Stream::Mpeg { offset: 0 }));
        assert_eq!(find_stream(&frames(1), false), None);
        assert_eq!(find_stream(&[0xff; 4096], true), None);
        assert_eq!(find_stream(b"", true), None);
    }

    #[test]
    fn free_format_is_recognised() {
        let mut frame = vec![0x55; 1300];
        frame[..4].copy_from_slice(&[0xff, 0xfb, 0x00, 0x00]);
        let stream = frame.repeat(5);
        assert!(is_free_format(&stream) && is_free_format(&[&[0xff; 50], &stream[..]].concat()));
        assert!(
            !is_free_format(&stream[..2600]) && !is_free_format(&frames(6)) && !is_free_format(&[0xff; 9000])
        );
        assert!(!is_free_format(b""));
    }

    #[test]
    fn frame_counts_are_recognised() {
        let mut frame = frames(1);
        let header = MpegHeader::parse(&frame).unwrap();
        assert!(!header.counts_frames(&frame));
        frame[36..44].copy_from_slice(b"Xing\0\0\0\x0f");
        assert!(header.counts_frames(&frame));
        frame[43] = 0x0e;
        assert!(!header.counts_frames(&frame));
    }
}
