//! What a lane of the worker's own binary takes at its peak, beside music of two lengths.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use worker::lanes::{LaneSettings, Lanes};

use crate::support::{acquire, below, settings};

/// Far above what two hours of audio need in an unoptimised worker on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(100);

const MIB: u64 = 1 << 20;

/// Of four minutes of stereo at 44.1 kHz.
const SHORT_LIMIT: u64 = 32 * MIB;

/// Of ten hours (`deploy/bench-files.sh --long 10` measures those), so of two all the more.
const LONG_LIMIT: u64 = 64 * MIB;

pub async fn a_song_takes_little_memory() -> anyhow::Result<()> {
    peak_stays_below(SHORT_LIMIT, Wav { rate: 44_100, channels: 2, seconds: 240 }).await
}

/// At 8 kHz, since what is kept of the past is by the second and not by the sample.
pub async fn a_mix_of_two_hours_takes_little_more() -> anyhow::Result<()> {
    peak_stays_below(LONG_LIMIT, Wav { rate: 8000, channels: 1, seconds: 7200 }).await
}

async fn peak_stays_below(limit: u64, wav: Wav) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    wav.write(&folder.path().join("music.wav"))?;
    let program = env!("CARGO_BIN_EXE_worker").into();
    let lanes = Lanes::start(LaneSettings { program, timeout: TIMEOUT, ..settings(1)? }).await?;
    let mut lane = acquire(&lanes).await?;
    let pid = lane.pid().context("alive")?;
    let analysed = lane.analyze(&below(folder.path(), "music.wav")).await?;
    let peak = peak_bytes(pid)?;
    ensure!(analysed.verdict == analysis::Verdict::Complete, "{:?}", analysed.verdict);
    // Of silence nothing would be kept.
    ensure!(analysed.report.tempo.is_some() && analysed.report.key.is_some(), "this was to be music");
    ensure!(peak <= limit, "{} KiB, more than {} KiB", peak / 1024, limit / 1024);
    drop(lane);
    lanes.stop(false).await;
    Ok(())
}

/// The largest resident size that a process has had.
fn peak_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// RIFF WAVE of 16 bits: eight seconds of music over and over.
struct Wav {
    rate: u32,
    channels: u16,
    seconds: u32,
}

impl Wav {
    fn write(&self, path: &Path) -> io::Result<()> {
        const LOOP_SECONDS: u32 = 8;
        let block = self.channels * 2;
        let bytes = self.seconds * self.rate * u32::from(block);
        let mut out = BufWriter::new(File::create(path)?);
        out.write_all(b"RIFF")?;
        out.write_all(&(36 + bytes).to_le_bytes())?;
        out.write_all(b"WAVEfmt \x10\0\0\0\x01\0")?;
        out.write_all(&self.channels.to_le_bytes())?;
        out.write_all(&self.rate.to_le_bytes())?;
        out.write_all(&(self.rate * u32::from(block)).to_le_bytes())?;
        out.write_all(&block.to_le_bytes())?;
        out.write_all(b"\x10\0data")?;
        out.write_all(&bytes.to_le_bytes())?;
        let mut music = Vec::new();
        for index in 0..LOOP_SECONDS * self.rate {
            let sample = self.sample(index).to_le_bytes();
            (0..self.channels).for_each(|_| music.extend_from_slice(&sample));
        }
        for _ in 0..self.seconds / LOOP_SECONDS {
            out.write_all(&music)?;
        }
        out.flush()
    }

    /// Four chords in C major, two seconds each, under a drum twice a second.
    fn sample(&self, index: u32) -> i16 {
        const CHORDS: [[f64; 3]; 4] =
            [[261.6, 329.6, 392.0], [220.0, 261.6, 329.6], [174.6, 220.0, 261.6], [196.0, 246.9, 293.7]];
        let time = f64::from(index) / f64::from(self.rate);
        let beat = time % 0.5;
        let wave = |hertz: f64| (std::f64::consts::TAU * hertz * time).sin();
        let drum = 0.5 * (-beat * 30.0).exp() * (wave(60.0) + 0.5 * wave(1900.0));
        let chord = &CHORDS[(index / (2 * self.rate)) as usize % CHORDS.len()];
        let tones: f64 = chord.iter().map(|it| wave(*it) + 0.5 * wave(2.0 * it)).sum();
        ((drum + 0.06 * tones) * 32_767.0) as i16
    }
}
