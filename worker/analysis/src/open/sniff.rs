//! What a file is, by its bytes. Its name only helps to word what is wrong with it.

use super::bytes::{be16, read_up_to};
use super::mpeg::{self, Stream};
use super::{Found, Kind, envelope, foreign};
use crate::Error;
use std::fs::File;

/// Bytes that are enough for every magic number and for telling text from data.
const HEAD: usize = 4096;
/// How far into a file the frames of an MPEG stream may begin: broken tags leave some hundred kilobytes of picture behind.
const SEARCH: usize = 1 << 20;
/// Bytes to look at for frames that do not state their length.
const FREE_FORMAT: usize = 16 * 1024;
/// Extensions of the formats that are read. A file that has one of these and holds no audio is damaged; any other is simply
/// something else.
const OURS: [&str; 24] = [
    "wav", "wave", "bwf", "rf64", "aif", "aiff", "aifc", "flac", "mp1", "mp2", "mp3", "ogg", "oga", "aac",
    "adts", "m4a", "m4b", "mp4", "mov", "qt", "caf", "mka", "mkv", "webm",
];

/// Finds out what the file is.
pub(crate) fn sniff(file: &File, extension: Option<&str>) -> Result<Found, Error> {
    let len = file.metadata()?.len();
    if len == 0 {
        return Err(Error::Corrupt { detail: "the file is empty".to_owned() });
    }
    let start = envelope::skip_leading(file)?;
    if start >= len {
        return Err(Error::Corrupt { detail: "the file ends inside a tag, without any audio".to_owned() });
    }
    let head = read_up_to(file, start, HEAD)?;
    let found = |kind| Found { kind, start, end: len };
    if let Some(container) = foreign::recognise(&head) {
        return foreign::accept(file, found(Kind::Foreign(container)), container);
    }
    if let Some(kind) = container(&head) {
        return Ok(found(kind));
    }
    if let Some(name) = unread(&head) {
        return Err(Error::Unsupported { detail: name.to_owned() });
    }
    let window = read_up_to(file, start, SEARCH)?;
    let at_end = window.len() < SEARCH;
    let Some(stream) = mpeg::find_stream(&window, at_end) else {
        if mpeg::is_free_format(&window[..window.len().min(FREE_FORMAT)]) {
            return Err(Error::Unsupported { detail: "MPEG audio (MP3) in free format".to_owned() });
        }
        return Err(no_audio(&head, extension));
    };
    let (kind, offset) = match stream {
        Stream::Mpeg { offset } => {
            let frame = &window[offset..];
            let counted = mpeg::MpegHeader::parse(frame).is_some_and(|header| header.counts_frames(frame));
            (Kind::Mpeg { counted }, offset)
        }
        Stream::Adts { offset } => (Kind::Adts, offset),
    };
    let start = start + offset as u64;
    Ok(Found { kind, start, end: envelope::strip_trailing(file, start, len)? })
}

fn container(head: &[u8]) -> Option<Kind> {
    let form = head.get(8..12).unwrap_or_default();
    match head.get(..4)? {
        b"RIFF" | b"RF64" | b"BW64" | b"RIFX" if form == b"WAVE" => Some(Kind::Wav),
        b"FORM" if form == b"AIFF" || form == b"AIFC" => Some(Kind::Aiff),
        b"fLaC" => Some(Kind::Flac),
        b"OggS" => Some(Kind::Ogg),
        b"caff" => Some(Kind::Caf),
        [0x1a, 0x45, 0xdf, 0xa3] => Some(Kind::Mkv),
        _ => match head.get(4..8)? {
            b"ftyp" | b"moov" | b"mdat" | b"wide" | b"pnot" | b"skip" => Some(Kind::Mp4),
            _ => None,
        },
    }
}

/// Formats that are known but not read by any build, by what stands at a place of theirs.
const UNREAD: [(usize, &[u8], &str); 40] = [
    (0, b"TTA2", "True Audio (TTA)"),
    (0, b"OFR ", "OptimFROG"),
    (0, b"ajkg", "Shorten"),
    (0, b"MThd", "MIDI: notes, not audio"),
    (8, b"RMID", "MIDI: notes, not audio"),
    (0, b"riff\x2e\x91\xcf\x11", "Sony Wave64"),
    (8, b"AVI ", "AVI"),
    (0, b"FLV\x01", "Flash Video"),
    (0, b".snd", "Sun AU"),
    (0, b"ADIF", "AAC in ADIF"),
    (0, b"Creative Voice File", "Creative Voice"),
    (0, b"8SVX", "IFF 8SVX"),
    (8, b"8SVX", "IFF 8SVX"),
    (0, b"NIST_1A", "NIST Sphere"),
    (0, b"Extended Module", "tracker module (XM)"),
    (0, b"IMPM", "tracker module (IT)"),
    (44, b"SCRM", "tracker module (S3M)"),
    (1080, b"M.K.", "tracker module (MOD)"),
    (1080, b"M!K!", "tracker module (MOD)"),
    (1080, b"4CHN", "tracker module (MOD)"),
    (1080, b"6CHN", "tracker module (MOD)"),
    (1080, b"8CHN", "tracker module (MOD)"),
    (1080, b"FLT4", "tracker module (MOD)"),
    (0, b"PSID", "SID tune"),
    (0, b"RSID", "SID tune"),
    (0, b"\x00\x00\x01\xba", "MPEG program stream"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (8, b"WEBP", "a WebP picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ", "an XZ archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"SQLite format 3", "a database"),
    (257, b"ustar", "a tar archive"),
];

fn unread(head: &[u8]) -> Option<&'static str> {
    UNREAD
        .iter()
        .find(|(at, magic, _)| head.get(*at..).is_some_and(|it| it.starts_with(magic)))
        .map(|it| it.2)
}

fn no_audio(head: &[u8], extension: Option<&str>) -> Error {
    let looks = if head.iter().all(|byte| *byte == 0) {
        "it begins with zeros alone"
    } else if is_text(head) {
        "it looks like text"
    } else {
        "its bytes are of no known format"
    };
    let detail = format!("no audio found: {looks}");
    let ours = extension.is_some_and(|it| OURS.iter().any(|ours| ours.eq_ignore_ascii_case(it)));
    if ours { Error::Corrupt { detail } } else { Error::Unsupported { detail } }
}

/// Text in UTF-8 (which may be cut at the end of `head`) or marked UTF-16, without control characters.
fn is_text(head: &[u8]) -> bool {
    if matches!(be16(head, 0), Some(0xfeff | 0xfffe)) {
        return true;
    }
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty() && !valid.chars().any(|it| it.is_control() && !it.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn sniffed(bytes: &[u8], extension: Option<&str>) -> Result<Found, Error> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        sniff(&file, extension)
    }

    fn detail(bytes: &[u8], extension: &str) -> String {
        sniffed(bytes, Some(extension)).unwrap_err().to_string()
    }

    #[test]
    fn content_decides() {
        assert_eq!(sniffed(b"fLaC\0\0\0\0", Some("mp3")).unwrap().kind, Kind::Flac);
        assert_eq!(sniffed(b"RIFF\0\0\0\0WAVEfmt ", None).unwrap().kind, Kind::Wav);
        let behind_a_tag = sniffed(b"ID3\x04\0\0\0\0\0\x02xxfLaC\0\0\0\0", None).unwrap();
        assert_eq!((behind_a_tag.kind, behind_a_tag.start), (Kind::Flac, 12));
    }

    #[test]
    fn what_is_no_audio_is_named() {
        assert_eq!(detail(b"", "mp3"), "corrupt: the file is empty");
        assert_eq!(detail(b"Dear diary,\n", "mp3"), "corrupt: no audio found: it looks like text");
        assert_eq!(detail(b"Dear diary,\n", "txt"), "unsupported: no audio found: it looks like text");
        assert_eq!(detail(&[0; 5000], "WAV"), "corrupt: no audio found: it begins with zeros alone");
        assert_eq!(detail(b"MThd\0\0\0\x06", "mid"), "unsupported: MIDI: notes, not audio");
        assert_eq!(detail(b"\xff\xd8\xff\xe0\0\x10JFIF", "flac"), "unsupported: a JPEG picture");
        assert_eq!(
            detail(b"ID3\x04\0\0\0\0\x7f\x00", "mp3"),
            "corrupt: the file ends inside a tag, without any audio"
        );
        assert_eq!(detail("Größe".as_bytes(), ""), "unsupported: no audio found: it looks like text");
    }
}
