//! Arguments of `loadtest corpus`.

use super::copies::Means;
use super::format::Format;
use super::style::Genre;
use super::theory::Key;
use clap::{Args, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  loadtest corpus --out /tmp/music                                   ten WAV files of 20 s
  loadtest corpus --out /tmp/music --count 50 --seconds 180 --formats flac,mp3
  loadtest corpus --out /tmp/music --genre house --bpm 124 --key 'A minor' --count 1
  loadtest corpus --out /tmp/small --files 10000 --size 1k --rate 8000 --channels 1
  loadtest corpus copies loadtest/samples --count 1000 --out /tmp/thousand

The same seed gives the same samples on every machine. Compressed formats are encoded by ffmpeg, whose version decides their bytes.
DIR/truth.json says of every file what an analysis should find.

Exit codes: 0 done · 1 something failed, and its file is named · 2 wrong usage";

/// Generate pieces of music whose tempo, key and metre are known
///
/// Each piece has drums, a bass line, a chord progression and a melody in its key, drawn from the seed: piece N of --seed S is the same as
/// the first piece of --seed S+N. What you set is kept, the rest follows from the seed.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = EXAMPLES)]
pub(crate) struct Corpus {
    #[command(subcommand)]
    pub(super) command: Option<Other>,
    #[command(flatten)]
    pub(super) generate: Generate,
}

/// What else there is to do.
#[derive(Debug, Subcommand)]
pub(super) enum Other {
    /// Write the dozen pieces and the bad files that the tests use, with their truths
    Samples {
        /// Folder to write to; files of the same names are replaced
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Fill a folder with many paths to the same few files: distinct paths, same audio
    ///
    /// Files of FROM are taken in turn, round after round, each round in a folder of its own. truth.json and hidden files are left out.
    Copies {
        /// Folder whose files are copied
        from: PathBuf,
        /// Paths to make, all together
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        count: u32,
        /// Folder to write to, which must not exist or be empty
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// How the second and later paths to a file are made
        #[arg(long = "as", value_enum, value_name = "MEANS", default_value_t = Means::Link)]
        means: Means,
    },
}

/// What to generate.
#[derive(Debug, Args)]
pub(super) struct Generate {
    /// Folder to write to, which must not exist or be empty
    // Not needed by the subcommands, and always there without one.
    #[arg(long, value_name = "DIR", required = true)]
    pub(super) out: Option<PathBuf>,
    /// Seed of the first piece; each further piece has the next one
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Pieces to generate, each in every format
    #[arg(long, visible_alias = "files", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) count: u32,
    /// Length of a piece, 0.01 to 3600. A minute of it takes some 60 MB of memory per job
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0, value_parser = seconds)]
    pub(super) seconds: f64,
    /// Size of a file instead of its length: bytes, or with k or m for 1024 or 1024² of them. Exact to a frame for uncompressed formats, about
    /// right for the others
    #[arg(long, value_name = "SIZE", conflicts_with = "seconds", value_parser = size)]
    pub(super) size: Option<u64>,
    /// Formats, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "wav")]
    pub(super) formats: Vec<Format>,
    /// Further paths to each file, as hard links in copies/0001, copies/0002 …: distinct paths, same audio
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) copies: u32,
    /// Measure loudness and true peak with ffmpeg for the truth
    #[arg(long)]
    pub(super) measure: bool,
    /// Pieces made at the same time [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) jobs: Option<u16>,
    #[command(flatten)]
    pub(super) samples: SampleFormat,
    #[command(flatten)]
    pub(super) music: Music,
}

/// How samples are stored.
#[derive(Debug, Args)]
#[command(next_help_heading = "Samples")]
pub(super) struct SampleFormat {
    /// Sample rate in Hz, 8000 to 192000
    #[arg(long, value_name = "HZ", default_value_t = 44_100, value_parser = clap::value_parser!(u32).range(8_000..=192_000))]
    pub(super) rate: u32,
    /// 1 or 2
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=2))]
    pub(super) channels: u16,
    /// 16 or 24, for lossless formats
    #[arg(long, value_name = "BITS", default_value_t = 16, value_parser = bits)]
    pub(super) bits: u16,
    /// Bit rate of lossy formats in kbit/s, 8 to 512
    #[arg(long, value_name = "KBPS", default_value_t = 128, value_parser = clap::value_parser!(u32).range(8..=512))]
    pub(super) bitrate: u32,
}

/// What is played.
#[derive(Debug, Args)]
#[command(next_help_heading = "Music, drawn from the seed unless set")]
pub(super) struct Music {
    /// Genre: decides patterns, instruments, metre and the usual tempo
    #[arg(long, value_enum, value_name = "GENRE")]
    pub(super) genre: Option<Genre>,
    /// Tempo in beats per minute, 20 to 400
    #[arg(long, value_parser = |text: &str| number(text, 20.0, 400.0))]
    pub(super) bpm: Option<f64>,
    /// Tonic and mode, such as 'F# minor'
    #[arg(long)]
    pub(super) key: Option<Key>,
    /// Share of a pair of notes that the first takes, 0.5 (even) to 0.75 [default: the genre's]
    #[arg(long, value_name = "SHARE", value_parser = |text: &str| number(text, 0.5, 0.75))]
    pub(super) swing: Option<f64>,
    /// Largest deviation of a note from its place in milliseconds, 0 to 50 [default: 0]
    #[arg(long, value_name = "MS", value_parser = |text: &str| number(text, 0.0, 50.0))]
    pub(super) humanise: Option<f64>,
    /// Fade at the start, in seconds [default: 0]
    #[arg(long, value_name = "SECONDS", value_parser = |text: &str| number(text, 0.0, 3600.0))]
    pub(super) fade_in: Option<f64>,
    /// Fade at the end, in seconds [default: 0.5, at most a twentieth of the piece]
    #[arg(long, value_name = "SECONDS", value_parser = |text: &str| number(text, 0.0, 3600.0))]
    pub(super) fade_out: Option<f64>,
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.01, 3600.0)
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(format!("not a number from {least} to {most}")),
    }
}

fn bits(text: &str) -> Result<u16, String> {
    match text {
        "16" => Ok(16),
        "24" => Ok(24),
        _ => Err("must be 16 or 24".to_owned()),
    }
}

fn size(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.as_bytes().last() {
        Some(b'k') => (&lower[..lower.len() - 1], 1024),
        Some(b'm') => (&lower[..lower.len() - 1], 1024 * 1024),
        _ => (lower.as_str(), 1),
    };
    // A GiB is what an hour at the highest rate takes.
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|bytes| (1..=1 << 30).contains(bytes))
        .ok_or_else(|| "not a size from 1 to 1024m, such as 1k, 100k or 1m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("1k"), Ok(1024));
        assert_eq!(size("100K"), Ok(102_400));
        assert_eq!(size("1m"), Ok(1_048_576));
        assert_eq!(size("77"), Ok(77));
        for wrong in ["", "k", "0", "-1", "1.5k", "2000m", "99999999999999999999m", "é"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
