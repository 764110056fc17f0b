//! What each part of a report costs over 30 s of music in stereo at 44.1 kHz: the whole pass with that part alone, and the
//! parts it is made from. `tags` asks for no sample, so it is the floor (opening, decoding WAV, identity) that all others stand on.

use std::f32::consts::TAU;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use analysis::{Analysis, Error, Features, Input, Options, analyze};
use criterion::{Criterion, Throughput};

const RATE: u32 = 44_100;
const SECONDS: u32 = 30;
const BYTES: u32 = SECONDS * RATE * 4;

const PARTS: [&str; 13] = [
    "tags",
    "loudness",
    "quality",
    "silence",
    "waveform",
    "key",
    "tempo",
    "spectral",
    "descriptors",
    "structure",
    "similarity",
    "fingerprint",
    "all",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let music = music()?;
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    let mut group = criterion.benchmark_group("30s");
    group.throughput(Throughput::Elements(u64::from(SECONDS * RATE)));
    for part in PARTS {
        let options = Options { features: part.parse::<Features>()?, ..Options::default() };
        // An error would be a fast one.
        pass(&music, &options)??;
        group.bench_function(part, |bencher| bencher.iter(|| pass(black_box(&music), &options)));
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}

fn pass(music: &File, options: &Options) -> io::Result<Result<Analysis, Error>> {
    let input = Input { file: music.try_clone()?, extension: Some("wav".to_owned()) };
    Ok(analyze(input, options, &mut |_| {}))
}

/// A WAV file of 16 bits: a kick at 120 BPM, hats on the off-beats, and four chords of eight partials a voice, each
/// slightly to one side. No stage can take a short cut for silence, mono, a beatless or an atonal piece.
fn music() -> io::Result<File> {
    let file = tempfile::tempfile()?;
    let mut out = BufWriter::new(file.try_clone()?);
    write_header(&mut out)?;
    let mut noise = 1u32;
    for index in 0..SECONDS * RATE {
        // A linear congruential generator (Numerical Recipes, 3rd edition, section 7.1) is noise enough for a hat.
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (left, right) = frame(index, (noise >> 16) as f32 / 32_768.0 - 1.0);
        for sample in [left, right] {
            out.write_all(&((sample * 32_767.0) as i16).to_le_bytes())?;
        }
    }
    out.flush()?;
    Ok(file)
}

fn frame(index: u32, noise: f32) -> (f32, f32) {
    // C, A minor, F and G, two seconds each; the phase is taken within the chord, so that an f32 holds it.
    const CHORDS: [[f32; 3]; 4] =
        [[261.6, 329.6, 392.0], [220.0, 261.6, 329.6], [174.6, 220.0, 261.6], [196.0, 246.9, 293.7]];
    let chord = CHORDS[(index / (2 * RATE)) as usize % CHORDS.len()];
    let time = (index % (2 * RATE)) as f32 / RATE as f32;
    let beat = time % 0.5;
    let kick = 0.5 * (-beat * 18.0).exp() * (TAU * 55.0 * beat).sin();
    let hat = 0.1 * (-((time + 0.25) % 0.5) * 60.0).exp() * noise;
    let (mut left, mut right) = (kick + hat, kick - 0.5 * hat);
    for (voice, pitch) in chord.into_iter().enumerate() {
        let tone: f32 = (1..=8u8).map(f32::from).map(|it| (TAU * pitch * it * time).sin() / it).sum();
        let side = 0.02 * voice as f32;
        left += (0.05 + side) * tone;
        right += (0.09 - side) * tone;
    }
    (left.clamp(-1.0, 1.0), right.clamp(-1.0, 1.0))
}

/// RIFF WAVE, PCM, two channels of 16 bits.
fn write_header(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"RIFF")?;
    out.write_all(&(36 + BYTES).to_le_bytes())?;
    out.write_all(b"WAVEfmt ")?;
    for word in [16, 0x0002_0001, RATE, RATE * 4, 0x0010_0004] {
        out.write_all(&u32::to_le_bytes(word))?;
    }
    out.write_all(b"data")?;
    out.write_all(&BYTES.to_le_bytes())
}
