//! `loadtest corpus`: music with a known tempo and key, from a seed.
//!
//! A [`piece::Piece`] says what is to be played, [`compose`] writes its notes, [`voices`] sound them, [`mix`] puts them together,
//! [`mod@format`] and [`mod@write`] make files of them and [`truth`] says what an analysis should find. Up to the samples it is our own arithmetic
//! from additions, multiplications and square roots, so that a seed gives the same samples on every machine; the compressed formats are
//! encoded by the ffmpeg program.

mod arguments;
mod compose;
mod copies;
mod error;
mod ffmpeg;
mod format;
mod generate;
mod load;
mod math;
mod mix;
mod pcm;
mod piece;
mod random;
mod samples;
mod style;
mod theory;
mod truth;
mod voices;
mod write;

pub(crate) use arguments::Corpus;
use arguments::Other;
pub(crate) use error::Error;
use indicatif::{ProgressBar, ProgressStyle};
pub(crate) use load::{Kind, Made, make};
pub(crate) use random::Random;
pub(crate) use truth::{FILE_NAME as TRUTH_FILE, FileTruth, Truth};

/// Runs the command and gives the line that sums it up.
pub(crate) fn run(arguments: &Corpus) -> Result<String, Error> {
    match &arguments.command {
        None => {
            let generate = &arguments.generate;
            let out = generate.out.as_deref().ok_or(Error::NoOut)?;
            let bar = bar(u64::from(generate.count), "pieces");
            let paths = generate::generate(generate, out, &|| bar.inc(1))?;
            bar.finish_and_clear();
            Ok(format!("{paths} files and their truth in {}", out.display()))
        }
        Some(Other::Samples { out }) => {
            let bar = bar(samples::count() as u64, "files");
            samples::write(out, &|| bar.inc(1))?;
            bar.finish_and_clear();
            Ok(format!("{} files and their truth in {}", samples::count(), out.display()))
        }
        Some(Other::Copies { from, count, out, means }) => {
            let bar = bar(u64::from(*count), "paths");
            copies::fill(from, out, *count, *means, &|| bar.inc(1))?;
            bar.finish_and_clear();
            Ok(format!("{count} paths to the files of {} in {}", from.display(), out.display()))
        }
    }
}

/// Progress on standard error; nothing if that is no terminal.
fn bar(total: u64, what: &str) -> ProgressBar {
    let template = format!("{{bar:30}} {{pos}}/{{len}} {what} · {{per_sec}} · {{eta}} left");
    ProgressBar::new(total)
        .with_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}
