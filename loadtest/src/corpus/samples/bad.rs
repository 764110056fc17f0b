//! The files that cannot be analysed, or only in part, and how each of them may end.

use super::damage::{flip_bits, truncate};
use super::ffmpeg;
use crate::corpus::error::{Error, reading, writing};
use crate::corpus::format::Format;
use crate::corpus::mix::render;
use crate::corpus::pcm::{Layout, Pcm};
use crate::corpus::piece::{Piece, Wishes};
use crate::corpus::style::Genre;
use crate::corpus::truth;
use crate::corpus::write::Tags;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

mod table;

pub(super) use table::BAD;

/// A way a file may end: an outcome, and the kind of failure where the outcome is `failed`.
type End = (&'static str, Option<&'static str>);

/// One bad file.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) name: &'static str,
    made: Made,
    accept: &'static [End],
    why: &'static str,
}

/// How a bad file comes about.
#[derive(Debug)]
enum Made {
    /// These bytes.
    Bytes(&'static [u8]),
    /// A piece of some seconds, whole.
    Whole(Format, f64),
    /// The first half of a piece of some seconds.
    Truncated(Format, f64),
    /// A piece with a bit flipped in about every so many bytes of its third quarter.
    Flipped(Format, usize),
    /// Some seconds of digital silence.
    Silence(Format, f64),
    /// One frame drawn by ffmpeg, encoded with these arguments.
    Picture(&'static [&'static str]),
    /// A second of a tone, encoded by ffmpeg with these arguments.
    Tone(&'static [&'static str]),
}

/// Truth of the folder of bad files.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BadTruth {
    pub(super) schema_version: u16,
    pub(super) method: String,
    pub(super) files: Vec<BadFile>,
}

/// Truth of one bad file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BadFile {
    pub(super) path: String,
    /// Any of these is right.
    pub(super) accept: Vec<Accepted>,
    pub(super) why: String,
    pub(super) file_blake3: String,
}

/// An acceptable end.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Accepted {
    pub(super) outcome: String,
    /// Kind of failure; `None` for outcomes that have none.
    pub(super) kind: Option<String>,
}

const METHOD: &str = "Each file may end in any of the outcomes under `accept`; kind is null for outcomes other than failed. \
    file_blake3 is the BLAKE3 hash of the whole file.";

/// Small, since each of these files needs the length but not the width.
const LAYOUT: Layout = Layout { rate: 8_000, channels: 1, bits: 16 };
/// The lossy codecs are at home from here on.
const LOSSY_LAYOUT: Layout = Layout { rate: 16_000, ..LAYOUT };
const SECONDS: f64 = 3.0;
const KBPS: u32 = 32;

pub(super) fn write(folder: &Path, done: &dyn Fn()) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(writing(folder))?;
    let mut files = Vec::new();
    for bad in BAD {
        let path = folder.join(bad.name);
        bad.make(&path)?;
        let bytes = fs::read(&path).map_err(reading(&path))?;
        let accept = bad.accept.iter().map(|(outcome, kind)| Accepted {
            outcome: (*outcome).to_owned(),
            kind: kind.map(str::to_owned),
        });
        files.push(BadFile {
            path: bad.name.to_owned(),
            accept: accept.collect(),
            why: bad.why.to_owned(),
            file_blake3: blake3::hash(&bytes).to_hex().to_string(),
        });
        done();
    }
    truth::write(folder, &BadTruth { schema_version: 1, method: METHOD.to_owned(), files })
}

impl Bad {
    /// The bytes of a file that is made without ffmpeg.
    pub(super) fn own_bytes(&self) -> Option<Vec<u8>> {
        let tags = Tags::default();
        match self.made {
            Made::Bytes(bytes) => Some(bytes.to_vec()),
            Made::Whole(format, seconds) if format.is_ours() => {
                Some(format.bytes(&music(format, seconds), &tags))
            }
            Made::Truncated(format, seconds) if format.is_ours() => {
                Some(truncate(&format.bytes(&music(format, seconds), &tags), 0.5))
            }
            Made::Silence(format, seconds) if format.is_ours() => {
                Some(format.bytes(&Pcm::silence(LAYOUT, seconds), &tags))
            }
            _ => None,
        }
    }

    fn make(&self, path: &Path) -> Result<(), Error> {
        if let Some(bytes) = self.own_bytes() {
            return fs::write(path, bytes).map_err(writing(path));
        }
        let encode = |format: Format, pcm: &Pcm| format.write(pcm, &Tags::default(), KBPS, path);
        let rewrite = |damage: &dyn Fn(&[u8]) -> Vec<u8>| {
            let bytes = fs::read(path).map_err(reading(path))?;
            fs::write(path, damage(&bytes)).map_err(writing(path))
        };
        match self.made {
            Made::Bytes(bytes) => fs::write(path, bytes).map_err(writing(path)),
            Made::Whole(format, seconds) => encode(format, &music(format, seconds)),
            Made::Silence(format, seconds) => encode(format, &Pcm::silence(LAYOUT, seconds)),
            Made::Truncated(format, seconds) => {
                encode(format, &music(format, seconds))?;
                rewrite(&|bytes| truncate(bytes, 0.5))
            }
            Made::Flipped(format, spacing) => {
                encode(format, &music(format, SECONDS))?;
                rewrite(&|bytes| flip_bits(bytes, spacing))
            }
            Made::Tone(arguments) => {
                ffmpeg::from_source("sine=frequency=440:sample_rate=16000:duration=1", arguments, path)
            }
            Made::Picture(arguments) => {
                ffmpeg::from_source("testsrc=size=16x16:rate=5:duration=1", arguments, path)
            }
        }
    }
}

/// The piece that is damaged.
fn music(format: Format, seconds: f64) -> Pcm {
    let wishes = Wishes { genre: Some(Genre::Ballad), bpm: Some(120.0), ..Wishes::default() };
    render(&Piece::new(99, seconds, &wishes), if format.facts().lossless { LAYOUT } else { LOSSY_LAYOUT })
}
