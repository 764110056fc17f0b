//! Files to load a fleet with: real encoded music of given kinds and sizes, each file different audio, made in seconds.
//!
//! A few pieces are rendered; each file is another stretch of one of them. WAV and FLAC are written here, MP3 and AAC by
//! ffmpeg: one encoding of a piece, of which each file is a copy of another length, cut between two packets.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::ValueEnum;

use super::error::{Error, writing};
use super::ffmpeg;
use super::mix::render;
use super::pcm::{Layout, Pcm};
use super::piece::{Piece, Wishes};
use super::random::Random;
use super::truth;
use super::write::{Tags, flac, wav};

/// What most music is.
const LAYOUT: Layout = Layout { rate: 44_100, channels: 2, bits: 16 };

/// Length of the pieces that short files are stretches of.
const PIECE_SECONDS: f64 = 30.0;

/// More pieces would sound no more different to a decoder.
const PIECES: usize = 8;

/// Files for which one more piece is worth rendering.
const FILES_PER_PIECE: usize = 32;

/// Pieces begin with a short silence.
const INTRO_FRAMES: usize = 44_100;

/// Between the beginnings of two stretches.
const STEP_FRAMES: usize = 441;

/// By so much a copy of a long file is shorter than the one before it: more than a packet of any codec here.
const STEP_SECONDS: f64 = 0.1;

/// Of the length of a FLAC file: by a factor of 2, 1.4, 1.2 … the last of 3 %.
const CORRECTIONS: usize = 6;

/// Files in a folder, so that no folder grows unwieldy.
const PER_FOLDER: usize = 1000;

/// What files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Kind {
    /// FLAC files of 1 KiB: some ten milliseconds of music, all of it overhead
    #[value(name = "flac-1k")]
    Flac1k,
    /// FLAC files of 100 KiB: a second of music
    #[value(name = "flac-100k")]
    Flac100k,
    /// WAV files of 1 MiB: six seconds of music
    #[value(name = "wav-1m")]
    Wav1m,
    /// MP3 files of a song's length, 192 kbit/s (needs ffmpeg)
    Mp3,
    /// AAC files (M4A) of a song's length, 160 kbit/s (needs ffmpeg)
    Aac,
    /// 60 % FLAC of 1 KiB, 35 % FLAC of 100 KiB, 5 % WAV of 1 MiB
    Mixed,
}

impl Kind {
    /// In words, for reports.
    pub(crate) fn about(self, song_seconds: f64) -> String {
        match self {
            Self::Flac1k => "FLAC of 1 KiB (about 10 ms of music)".to_owned(),
            Self::Flac100k => "FLAC of 100 KiB (about 0.9 s of music)".to_owned(),
            Self::Wav1m => "WAV of 1 MiB (5.9 s of music)".to_owned(),
            Self::Mp3 => format!("MP3, 192 kbit/s, {song_seconds} s"),
            Self::Aac => format!("AAC in MP4, 160 kbit/s, {song_seconds} s"),
            Self::Mixed => "60 % FLAC of 1 KiB, 35 % FLAC of 100 KiB, 5 % WAV of 1 MiB".to_owned(),
        }
    }

    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The kind of one of many files.
    fn of(self, index: usize) -> Self {
        match (self, index % 20) {
            // 12, 7 and 1 of 20, spread evenly.
            (Self::Mixed, 9) => Self::Wav1m,
            (Self::Mixed, 1 | 4 | 6 | 11 | 14 | 16 | 19) => Self::Flac100k,
            (Self::Mixed, _) => Self::Flac1k,
            (kind, _) => kind,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Flac1k => 1 << 10,
            Self::Flac100k => 100 << 10,
            _ => 1 << 20,
        }
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Made {
    /// Below the folder.
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
}

/// Makes so many different files below `root`. `song_seconds` is a song's length.
pub(crate) fn make(
    kind: Kind,
    count: usize,
    song_seconds: f64,
    seed: u64,
    root: &Path,
) -> Result<Vec<Made>, Error> {
    match kind {
        Kind::Mp3 => songs(count, song_seconds, seed, root, ("mp3", &MP3)),
        Kind::Aac => songs(count, song_seconds, seed, root, ("m4a", &AAC)),
        kind => stretches(kind, count, seed, root),
    }
}

const MP3: [&str; 6] = ["-c:a", "libmp3lame", "-b:a", "192k", "-f", "mp3"];
const AAC: [&str; 6] = ["-c:a", "aac", "-b:a", "160k", "-f", "ipod"];

fn piece(seed: u64, seconds: f64) -> (Piece, Pcm) {
    let piece = Piece::new(seed, seconds, &Wishes::default());
    let pcm = render(&piece, LAYOUT);
    (piece, pcm)
}

fn path(index: usize, extension: &str) -> PathBuf {
    format!("{:03}/{index:06}.{extension}", index / PER_FOLDER).into()
}

fn folder_of(path: &Path) -> Result<(), Error> {
    path.parent().map_or(Ok(()), |folder| fs::create_dir_all(folder).map_err(writing(folder)))
}

/// Several at a time, in their order.
fn in_parallel<T: Send>(
    count: usize,
    make: impl Fn(usize) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok::<_, Error>(made);
            }
            made.push((index, make(index)?));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(count.max(1));
    let mut all = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| Error::Panicked)??);
        }
        Ok::<_, Error>(all)
    })?;
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, made)| made).collect())
}

fn stretches(kind: Kind, count: usize, seed: u64, root: &Path) -> Result<Vec<Made>, Error> {
    let pieces = count.div_ceil(FILES_PER_PIECE).clamp(1, PIECES);
    let pieces = in_parallel(pieces, |index| Ok(piece(seed.wrapping_add(index as u64), PIECE_SECONDS).1))?;
    in_parallel(count, |index| {
        let (pcm, kind) = (&pieces[index % pieces.len()], kind.of(index));
        let from = index / pieces.len() * STEP_FRAMES;
        let mut noise = Random::new(seed.wrapping_add(index as u64), "stretch");
        let (bytes, seconds) = stretch(pcm, from, kind, &mut noise);
        let path = path(index, if kind == Kind::Wav1m { "wav" } else { "flac" });
        let to = root.join(&path);
        folder_of(&to)?;
        fs::write(&to, &bytes).map_err(writing(&to))?;
        Ok(Made { path, bytes: bytes.len() as u64, seconds })
    })
}

/// A stretch of a piece as a file of about the size of its kind, and its seconds.
fn stretch(pcm: &Pcm, from: usize, kind: Kind, noise: &mut Random) -> (Vec<u8>, f64) {
    let channels = usize::from(LAYOUT.channels);
    let mut cut = |frames: usize| {
        // Beyond the middle of a piece it begins again: still another stretch, by its noise.
        let from = INTRO_FRAMES + from % (pcm.frames() / 2);
        let end = (from + frames).min(pcm.frames());
        let mut samples = pcm.samples[from * channels..end * channels].to_vec();
        // Noise of one step: two short stretches of a pause would be the same file.
        samples.iter_mut().for_each(|sample| *sample = *sample & !1 | (noise.next() >> 63) as i32);
        Pcm { layout: LAYOUT, samples }
    };
    let wanted = kind.bytes();
    if kind == Kind::Wav1m {
        let around = wav(&cut(0), &Tags::default()).len();
        let pcm = cut((wanted - around) / LAYOUT.bytes_per_frame());
        return (wav(&pcm, &Tags::default()), pcm.seconds());
    }
    // How well music packs changes along it; a longer stretch is a larger file all the same.
    let (mut frames, mut step) = (2 * wanted / LAYOUT.bytes_per_frame(), 2.0_f64);
    let mut best: Option<(Vec<u8>, f64)> = None;
    for _ in 0..CORRECTIONS {
        let pcm = cut(frames);
        let file = flac(&pcm);
        frames = (frames as f64 * if file.len() > wanted { 1.0 / step } else { step }).round() as usize;
        step = step.sqrt();
        if best.as_ref().is_none_or(|(best, _)| file.len().abs_diff(wanted) < best.len().abs_diff(wanted)) {
            best = Some((file, pcm.seconds()));
        }
    }
    best.unwrap_or_default()
}

fn songs(
    count: usize,
    seconds: f64,
    seed: u64,
    root: &Path,
    (extension, encoder): (&str, &[&str]),
) -> Result<Vec<Made>, Error> {
    fs::create_dir_all(root).map_err(writing(root))?;
    let encoder: Vec<String> = encoder.iter().map(|&argument| argument.to_owned()).collect();
    let copies = count.div_ceil(2).max(1);
    // Long enough for every copy to be as long as asked for, at least.
    let whole = seconds + copies as f64 * STEP_SECONDS;
    let originals = in_parallel(count.clamp(1, 2), |index| {
        let (piece, pcm) = piece(seed.wrapping_add(index as u64), whole);
        let original = root.join(format!(".song-{index}.{extension}"));
        ffmpeg::encode(&wav(&pcm, &Tags::default()), &encoder, &truth::tags(&piece), &original)?;
        Ok(original)
    })?;
    let made = in_parallel(count, |index| {
        let path = path(index, extension);
        let to = root.join(&path);
        folder_of(&to)?;
        let length = seconds + (index / originals.len()) as f64 * STEP_SECONDS;
        ffmpeg::cut(&originals[index % originals.len()], length, &to)?;
        let bytes = fs::metadata(&to).map_err(writing(&to))?.len();
        Ok(Made { path, bytes, seconds: length })
    })?;
    originals.iter().try_for_each(|original| fs::remove_file(original).map_err(writing(original)))?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn files_are_different_audio_of_the_size_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        for (kind, size) in [(Kind::Flac1k, 1 << 10), (Kind::Flac100k, 100 << 10), (Kind::Wav1m, 1 << 20)] {
            let root = folder.path().join(kind.name());
            let made = make(kind, 40, 1.0, 7, &root).unwrap();
            let read = |made: &Made| fs::read(root.join(&made.path)).unwrap();
            assert_eq!(made.iter().map(read).collect::<BTreeSet<_>>().len(), 40);
            // A block has one Rice parameter: where a pause ends, the next sample may cost as much as all before.
            let fits = |file: &&Made| (size * 4 / 5..size * 6 / 5).contains(&file.bytes);
            assert!(made.iter().filter(fits).count() >= 35, "{made:?}");
        }
    }

    #[test]
    fn a_mix_is_what_it_says() {
        let count = |kind| (0..100).filter(|index| Kind::Mixed.of(*index) == kind).count();
        assert_eq!([Kind::Flac1k, Kind::Flac100k, Kind::Wav1m].map(count), [60, 35, 5]);
    }
}
