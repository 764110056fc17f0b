//! FLAC of 32 bits, which FFmpeg 5.1 does not write.

use crate::build::Sound;

/// The file: frames that store left, and the difference to right, as they are.
pub fn of(sound: &Sound) -> Vec<u8> {
    const BLOCK: usize = 4096;
    let frames = sound.channels[0].len() / BLOCK * BLOCK;
    let whole = |sample: f64| (sample * 2f64.powi(31)).round() as i64;
    let mut file = b"fLaC\x80\0\0\x22".to_vec();
    file.extend([0x10, 0, 0x10, 0, 0, 0, 0, 0, 0, 0]);
    let packed = u64::from(sound.rate) << 44 | 1 << 41 | 31 << 36 | frames as u64;
    file.extend(packed.to_be_bytes());
    file.extend([0; 16]);
    for (number, at) in (0..frames).step_by(BLOCK).enumerate() {
        let mut bits = Bits::default();
        for (value, count) in
            [(0x7ffc, 15), (0, 1), (12, 4), (0, 4), (8, 4), (7, 3), (0, 1), (number as u64, 8)]
        {
            bits.put(value, count);
        }
        bits.put(u64::from(crc(&bits.bytes, 8, 0x07)), 8);
        for (channel, width) in [(0, 32), (1, 33)] {
            // Verbatim.
            bits.put(0b0000_0010, 8);
            for frame in at..at + BLOCK {
                let left = whole(sound.channels[0][frame]);
                let value = if channel == 0 { left } else { left - whole(sound.channels[1][frame]) };
                bits.put(value as u64 & ((1 << width) - 1), width);
            }
        }
        bits.align();
        let sum = crc(&bits.bytes, 16, 0x8005);
        bits.put(u64::from(sum), 16);
        file.extend(bits.bytes);
    }
    file
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u64, count: u32) {
        for bit in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> bit & 1) as u8) << (7 - self.used % 8);
            self.used += 1;
        }
    }

    fn align(&mut self) {
        self.used = self.used.next_multiple_of(8);
    }
}

fn crc(bytes: &[u8], width: u32, polynomial: u32) -> u32 {
    let top = 1 << (width - 1);
    let sum = bytes.iter().fold(0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << (width - 8), |crc, _| {
            crc << 1 ^ if crc & top != 0 { polynomial } else { 0 }
        })
    });
    sum & ((1 << width) - 1)
}
