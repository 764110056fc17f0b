//! The committed samples: a dozen short pieces, one for each kind of file, and the damaged ones in `bad/`.

use super::error::{Error, writing};
use super::ffmpeg;
use super::format::Format;
use super::mix::render;
use super::pcm::Layout;
use super::piece::{Piece, Wishes};
use super::style::Genre;
use super::truth::{self, FileTruth, Truth};
use std::fs;
use std::path::Path;

mod bad;
mod damage;
mod table;

/// One committed piece.
#[derive(Debug)]
struct Sample {
    name: &'static str,
    format: Format,
    layout: Layout,
    /// For the lossy codecs.
    kbps: u32,
    seed: u64,
    genre: Genre,
    bpm: f64,
    key: &'static str,
    seconds: f64,
    /// In seconds.
    humanise: f64,
}

impl Sample {
    fn piece(&self) -> Piece {
        // A name of a key that does not parse would show up as another key in the truth; the test of the table forbids it.
        let key = self.key.parse().ok();
        let wishes = Wishes {
            genre: Some(self.genre),
            bpm: Some(self.bpm),
            key,
            humanise: Some(self.humanise),
            ..Wishes::default()
        };
        Piece { album: "Test Pressings".to_owned(), ..Piece::new(self.seed, self.seconds, &wishes) }
    }

    fn file_name(&self) -> String {
        format!("{}.{}", self.name, self.format.facts().extension)
    }
}

/// Files the samples consist of, for the progress display.
pub(crate) fn count() -> usize {
    table::SAMPLES.len() + bad::BAD.len()
}

/// Writes all samples and their truths into `out`. `done` hears of every file.
pub(crate) fn write(out: &Path, done: &dyn Fn()) -> Result<(), Error> {
    fs::create_dir_all(out).map_err(writing(out))?;
    let mut files = Vec::new();
    for sample in table::SAMPLES {
        let name = sample.file_name();
        let path = out.join(&name);
        let piece = sample.piece();
        let pcm = render(&piece, sample.layout);
        sample.format.write(&pcm, &truth::tags(&piece), sample.kbps, &path)?;
        let bytes = fs::read(&path).map_err(super::error::reading(&path))?;
        let mut file = FileTruth::new(name.clone(), &piece, sample.format, &pcm, &bytes);
        (file.integrated_lufs, file.true_peak_dbtp) = ffmpeg::loudness(&path)?;
        files.push(file);
        done();
    }
    truth::write(out, &Truth::new(files))?;
    bad::write(&out.join("bad"), done)
}

#[cfg(test)]
mod tests;
