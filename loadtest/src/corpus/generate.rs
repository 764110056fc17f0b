//! A corpus of any size, several pieces at a time.

use super::arguments::Generate;
use super::copies::{self, Means};
use super::error::{Error, reading, writing};
use super::ffmpeg;
use super::format::Format;
use super::mix::render;
use super::pcm::{Layout, Pcm};
use super::piece::{Piece, Wishes};
use super::truth::{self, FileTruth, Truth};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// Files in a folder, so that no folder grows unwieldy.
const PER_FOLDER: u32 = 1000;
/// What a lossless codec leaves of this music, for guessing lengths from sizes.
const LOSSLESS_SHARE: f64 = 0.6;

/// Writes the pieces and their truth into `out`; gives the number of paths. `done` hears of every piece.
pub(super) fn generate(arguments: &Generate, out: &Path, done: &(dyn Fn() + Sync)) -> Result<usize, Error> {
    let rate = arguments.samples.rate;
    if let Some(format) = arguments.formats.iter().find(|format| format.coded_rate(rate).is_none()) {
        return Err(Error::Rate { rate, format: format.facts().extension });
    }
    copies::refuse_filled(out)?;
    fs::create_dir_all(out).map_err(writing(out))?;
    let next = AtomicU32::new(0);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.map_or(cores, usize::from);
    let mut files = thread::scope(|scope| {
        let work = || work(arguments, out, &next, done);
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let mut files = Vec::new();
        for thread in threads {
            files.extend(thread.join().map_err(|_| Error::Panicked)??);
        }
        Ok::<_, Error>(files)
    })?;
    files.sort_by_key(|(index, _)| *index);
    let paths = files.len() * (1 + arguments.copies as usize);
    truth::write(out, &Truth::new(files.into_iter().map(|(_, file)| file).collect()))?;
    Ok(paths)
}

/// Makes pieces until none is left. After an error no thread begins another piece.
fn work(
    arguments: &Generate,
    out: &Path,
    next: &AtomicU32,
    done: &(dyn Fn() + Sync),
) -> Result<Vec<(u32, FileTruth)>, Error> {
    let mut files = Vec::new();
    loop {
        let index = next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |i| (i < arguments.count).then_some(i + 1));
        let Ok(index) = index else { return Ok(files) };
        match piece(arguments, out, index) {
            Ok(made) => files.extend(made.into_iter().map(|file| (index, file))),
            Err(error) => {
                next.store(arguments.count, Ordering::Relaxed);
                return Err(error);
            }
        }
        done();
    }
}

/// Makes one piece in all formats, with its copies.
fn piece(arguments: &Generate, out: &Path, index: u32) -> Result<Vec<FileTruth>, Error> {
    let mut rendered: Option<(Piece, Pcm)> = None;
    let mut files = Vec::new();
    for (i, format) in arguments.formats.iter().enumerate() {
        if arguments.formats[..i].contains(format) {
            continue;
        }
        let piece = plan(arguments, index, *format)?;
        let (piece, pcm) = match rendered.take().filter(|(same, _)| *same == piece) {
            Some(known) => known,
            None => {
                let pcm = render(&piece, layout(arguments));
                (piece, pcm)
            }
        };
        files.push(file(arguments, out, index, *format, &piece, &pcm)?);
        rendered = Some((piece, pcm));
    }
    Ok(files)
}

fn file(
    arguments: &Generate,
    out: &Path,
    index: u32,
    format: Format,
    piece: &Piece,
    pcm: &Pcm,
) -> Result<FileTruth, Error> {
    let name = name(arguments, index, format, piece);
    let path = out.join(&name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(writing(folder))?;
    }
    format.write(pcm, &truth::tags(piece), arguments.samples.bitrate, &path)?;
    let bytes = fs::read(&path).map_err(reading(&path))?;
    let mut file = FileTruth::new(name.clone(), piece, format, pcm, &bytes);
    if arguments.measure {
        (file.integrated_lufs, file.true_peak_dbtp) = ffmpeg::loudness(&path)?;
    }
    let mut original = path;
    for copy in 1..=arguments.copies {
        copies::again(&mut original, &out.join(format!("copies/{copy:04}")).join(&name), Means::Link)?;
    }
    Ok(file)
}

/// The path of a file in the corpus, with `/`.
fn name(arguments: &Generate, index: u32, format: Format, piece: &Piece) -> String {
    let title = piece.title.to_ascii_lowercase().replace(' ', "-");
    let name = format!("{index:06}-{title}.{}", format.facts().extension);
    if arguments.count > PER_FOLDER { format!("{:04}/{name}", index / PER_FOLDER) } else { name }
}

fn layout(arguments: &Generate) -> Layout {
    let samples = &arguments.samples;
    Layout { rate: samples.rate, channels: samples.channels, bits: samples.bits }
}

fn plan(arguments: &Generate, index: u32, format: Format) -> Result<Piece, Error> {
    let music = &arguments.music;
    let wishes = Wishes {
        genre: music.genre,
        bpm: music.bpm,
        key: music.key,
        swing: music.swing,
        humanise: music.humanise.map(|ms| ms / 1000.0),
        fade_in: music.fade_in,
        fade_out: music.fade_out,
    };
    let seed = arguments.seed.wrapping_add(u64::from(index));
    let piece = Piece::new(seed, arguments.seconds, &wishes);
    let Some(size) = arguments.size else { return Ok(piece) };
    let seconds = seconds_in(arguments, format, size, &piece)?;
    Ok(Piece::new(seed, seconds, &wishes))
}

/// Length of a piece whose file has `size` bytes.
fn seconds_in(arguments: &Generate, format: Format, size: u64, piece: &Piece) -> Result<f64, Error> {
    let layout = layout(arguments);
    let frame = layout.bytes_per_frame() as u64;
    if !format.is_ours() {
        let bytes_per_second = if format.facts().lossless {
            LOSSLESS_SHARE * frame as f64 * f64::from(layout.rate)
        } else {
            f64::from(arguments.samples.bitrate) * 125.0
        };
        // One frame at the least: a lossy file cannot be smaller than its headers anyway.
        return Ok((size as f64 / bytes_per_second).max(1.0 / f64::from(layout.rate)));
    }
    let around = format.bytes(&Pcm::silence(layout, 0.0), &truth::tags(piece)).len() as u64;
    let frames = size.saturating_sub(around) / frame;
    if frames == 0 {
        return Err(Error::TooSmall { bytes: size, format: format.facts().extension, least: around + frame });
    }
    Ok(frames as f64 / f64::from(layout.rate))
}
