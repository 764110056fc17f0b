//! What the file says of itself. Reading alone; and whatever is wrong with a tag, the audio is still analysed.
//!
//! A file may hold several tags, in several formats. Each is read by itself into a [`content::TagContent`], as far as it makes
//! sense; [`collect`] then takes every field from the first that has it. Nothing but texts is kept in memory: pictures are
//! measured, not read.

mod around;
mod charset;
mod collect;
mod content;
mod core_audio;
mod cursor;
mod dates;
mod field;
mod foreign;
mod genres;
mod id3v2;
mod matroska;
mod mp4;
mod numbers;
mod ogg;
mod picture;
mod riff;
mod vorbis;

pub(crate) use ogg::without_large_comments;

use crate::guard::contain;
use crate::open::{Kind, read_up_to};
use crate::source::Source;
use content::TagContent;
use report::Tags;
use std::fs::File;

/// Reads the tags of the file that the source was opened from. `None` if there are none.
pub(crate) fn read(file: &File, source: &mut Source) -> Option<Tags> {
    let tags = contain("tag reader", || {
        let len = file.metadata().map_or(0, |it| it.len());
        let mut contents = container(file, source.start(), len);
        contents.extend(around::leading(file));
        contents.extend(around::trailing(file, len));
        if matches!(source.kind(), Kind::Foreign(_)) {
            contents.extend(foreign::read(source.reader()));
        }
        collect::collect(&contents)
    })?;
    (tags != Tags::default()).then_some(tags)
}

/// The tags within the container. That they are looked for by the first bytes keeps them apart from what is decoded.
fn container(file: &File, start: u64, end: u64) -> Vec<TagContent> {
    let head = read_up_to(file, start, 12).unwrap_or_default();
    let form = head.get(8..12).unwrap_or_default();
    match head.get(..4).unwrap_or_default() {
        b"RIFF" | b"RIFX" | b"RF64" | b"BW64" if form == b"WAVE" => riff::wave(file, start, end),
        b"FORM" if form == b"AIFF" || form == b"AIFC" => riff::aiff(file, start, end),
        b"fLaC" => vec![vorbis::flac(file, start + 4, end)],
        b"OggS" => ogg::read(file, start, end).into_iter().collect(),
        b"caff" => core_audio::read(file, start).into_iter().collect(),
        [0x1a, 0x45, 0xdf, 0xa3] => matroska::read(file, start, end),
        _ => match head.get(4..8).unwrap_or_default() {
            b"ftyp" | b"moov" | b"mdat" | b"wide" | b"pnot" | b"free" | b"skip" => {
                mp4::read(file, start, end)
            }
            _ => Vec::new(),
        },
    }
}
