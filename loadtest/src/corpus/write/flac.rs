//! FLAC (RFC 9639), 16 bits: fixed predictors of the second order and one Rice parameter for a block. It packs less well than
//! the reference encoder, and needs no other program.

use crate::corpus::pcm::Pcm;

/// Samples of a block, the reference encoder's choice.
const BLOCK: usize = 4096;

/// The first samples of a block stand as they are; the predictor begins behind them.
const ORDER: usize = 2;

const SAMPLE_BITS: u32 = 16;

/// 15 would say that a partition is not Rice-coded.
const MAX_RICE: u32 = 14;

/// A FLAC file without tags. The MD5 of the samples is left out (zeros), as the format allows.
pub(crate) fn flac(pcm: &Pcm) -> Vec<u8> {
    let channels = usize::from(pcm.layout.channels);
    let mut file = b"fLaC".to_vec();
    file.extend(stream_info(pcm));
    for (number, block) in pcm.samples.chunks(BLOCK * channels).enumerate() {
        file.extend(frame(block, channels, number as u64));
    }
    file
}

/// The only metadata block, with its header.
fn stream_info(pcm: &Pcm) -> Vec<u8> {
    let mut bits = Bits::default();
    // Last block, type 0, 34 bytes.
    bits.push(0x8000_0022, 32);
    bits.push(BLOCK as u64, 16);
    bits.push(BLOCK as u64, 16);
    // Sizes of the smallest and the largest frame: unknown.
    bits.push(0, 48);
    bits.push(u64::from(pcm.layout.rate), 20);
    bits.push(u64::from(pcm.layout.channels) - 1, 3);
    bits.push(u64::from(SAMPLE_BITS) - 1, 5);
    bits.push(pcm.frames() as u64, 36);
    bits.push(0, 64);
    bits.push(0, 64);
    bits.bytes
}

fn frame(block: &[i32], channels: usize, number: u64) -> Vec<u8> {
    let length = block.len() / channels;
    let mut bits = Bits::default();
    // Sync code, fixed block size; the size follows in 16 bits, the rate is that of the stream.
    bits.push(0b1111_1111_1111_1000, 16);
    bits.push(0b0111_0000, 8);
    bits.push(channels as u64 - 1, 4);
    // 16 bits a sample, one reserved.
    bits.push(0b1000, 4);
    coded_number(&mut bits, number);
    bits.push(length as u64 - 1, 16);
    bits.push(u64::from(crc8(&bits.bytes)), 8);
    for channel in 0..channels {
        let samples: Vec<i32> = block.iter().skip(channel).step_by(channels).copied().collect();
        subframe(&mut bits, &samples);
    }
    bits.align();
    let check = crc16(&bits.bytes);
    bits.push(u64::from(check), 16);
    bits.bytes
}

/// The number of a frame, as UTF-8 would code a character of that number. Four bytes do for a day of audio.
fn coded_number(bits: &mut Bits, number: u64) {
    let part = |shift: u32| 0x80 | (number >> shift) & 0x3f;
    match number {
        0..0x80 => bits.push(number, 8),
        0x80..0x800 => bits.push((0xc0 | number >> 6) << 8 | part(0), 16),
        0x800..0x1_0000 => bits.push((0xe0 | number >> 12) << 16 | part(6) << 8 | part(0), 24),
        _ => bits.push((0xf0 | number >> 18) << 24 | part(12) << 16 | part(6) << 8 | part(0), 32),
    }
}

fn subframe(bits: &mut Bits, samples: &[i32]) {
    let raw = |bits: &mut Bits, sample: i32| bits.push(u64::from(sample as u32 & 0xffff), SAMPLE_BITS);
    if samples.len() <= ORDER {
        bits.push(0b0000_0010, 8);
        samples.iter().for_each(|sample| raw(bits, *sample));
        return;
    }
    bits.push(0b0001_0100, 8);
    samples[..ORDER].iter().for_each(|sample| raw(bits, *sample));
    let residuals: Vec<u32> =
        samples.windows(3).map(|last| folded(last[2] - 2 * last[1] + last[0])).collect();
    let mean = residuals.iter().map(|residual| u64::from(*residual)).sum::<u64>() / residuals.len() as u64;
    let rice = (mean.max(1).ilog2()).min(MAX_RICE);
    // Rice codes with parameters of 4 bits, one partition.
    bits.push(0, 6);
    bits.push(u64::from(rice), 4);
    for residual in residuals {
        bits.unary(residual >> rice);
        bits.push(u64::from(residual) & ((1 << rice) - 1), rice);
    }
}

/// 0, −1, 1, −2 … as 0, 1, 2, 3 …
fn folded(residual: i32) -> u32 {
    (residual << 1 ^ residual >> 31) as u32
}

fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ 0x07 })
    })
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        let start = crc ^ u16::from(*byte) << 8;
        (0..8).fold(start, |crc: u16, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x8005 })
    })
}

/// Bits, the highest of each byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits used of the last byte; 0 when all are.
    used: u32,
}

impl Bits {
    /// The lowest `count` bits of `value`.
    fn push(&mut self, value: u64, mut count: u32) {
        while count > 0 {
            if self.used == 0 {
                self.bytes.push(0);
            }
            let room = 8 - self.used;
            let taken = room.min(count);
            let part = (value >> (count - taken)) as u8 & (0xff_u16 >> (8 - taken)) as u8;
            if let Some(last) = self.bytes.last_mut() {
                *last |= part << (room - taken);
            }
            self.used = (self.used + taken) % 8;
            count -= taken;
        }
    }

    /// So many zeros and a one.
    fn unary(&mut self, mut zeros: u32) {
        while zeros >= 32 {
            self.push(0, 32);
            zeros -= 32;
        }
        self.push(1, zeros + 1);
    }

    fn align(&mut self) {
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_agree_with_published_values() {
        assert_eq!(crc8(b"123456789"), 0xf4);
        assert_eq!(crc16(b"123456789"), 0xfee8);
    }

    #[test]
    fn bits_are_written_from_the_top() {
        let mut bits = Bits::default();
        bits.push(0b101, 3);
        bits.push(0x1ff, 9);
        bits.unary(3);
        assert_eq!(bits.bytes, [0b1011_1111, 0b1111_0001]);
        bits.align();
        bits.unary(40);
        assert_eq!(bits.bytes[2..], [0, 0, 0, 0, 0, 0x80]);
    }

    #[test]
    fn residuals_are_folded_without_a_gap() {
        assert_eq!([0, -1, 1, -2, 2].map(folded), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn numbers_are_coded_as_characters_are() {
        for number in [0_u32, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x1_0000] {
            let mut bits = Bits::default();
            coded_number(&mut bits, number.into());
            let mut buffer = [0; 4];
            // Surrogates are no characters, and none of these is one.
            let wanted = char::from_u32(number).map(|it| it.encode_utf8(&mut buffer).as_bytes().to_vec());
            assert_eq!(Some(bits.bytes), wanted, "{number}");
        }
    }
}
