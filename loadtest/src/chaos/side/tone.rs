//! Files that are quickly analysed, each of other audio.

use std::path::Path;

const RATE: u32 = 16_000;
const FRAMES: u32 = 16_000;

/// A second of a tone with some noise, as a WAV of one channel.
pub(super) fn write(path: &Path, number: usize) -> std::io::Result<()> {
    let mut noise = crate::corpus::Random::new(number as u64, "side");
    let step = 0.02 + number as f64 * 0.001;
    let bytes = FRAMES * 2;
    let mut wav = Vec::with_capacity(bytes as usize + 44);
    wav.extend(b"RIFF");
    wav.extend((bytes + 36).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(RATE.to_le_bytes());
    wav.extend((RATE * 2).to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(bytes.to_le_bytes());
    for frame in 0..FRAMES {
        let sample = 8000.0 * (f64::from(frame) * step).sin() + noise.between(-500.0, 500.0);
        wav.extend((sample as i16).to_le_bytes());
    }
    std::fs::write(path, wav)
}
