//! Contents of the frames that the report is made of.

use super::super::content::{MAX_TEXT_BYTES, TagContent};
use super::super::cursor::{Bytes, Cursor};
use super::super::field::Field;
use super::super::genres;
use super::Reading;
use super::frame::Frame;
use crate::open::be32;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use std::fs::File;

/// Bytes in which the header of a picture lies: its type and its description.
const PICTURE_HEADER: usize = 4096;

/// Reads a frame whose content is next, without passing it.
///
/// # Errors
/// The cause why it cannot be read.
pub(super) fn read(
    frame: &Frame,
    file: &File,
    cursor: &mut Cursor<'_>,
    into: &mut Reading,
) -> Result<(), String> {
    let picture = matches!(&frame.id, b"APIC" | b"PIC\0");
    let known = picture
        || matches!(&frame.id, b"COMM" | b"COM\0" | b"UFID" | b"UFI\0")
        || matches!(&frame.id, b"RVA2" | b"XRVA" | b"RGAD" | b"TXXX" | b"TXX\0")
        || field(&frame.id).is_some();
    // A frame without content says nothing, which is nothing wrong.
    if !known || frame.size == 0 {
        return Ok(());
    }
    if frame.encrypted {
        return Err("it is encrypted".to_owned());
    }
    let wanted = if picture { PICTURE_HEADER } else { MAX_TEXT_BYTES };
    let content = decoded(frame, cursor, wanted)?;
    match &frame.id {
        b"APIC" | b"PIC\0" => {
            let size = || decoded_size(frame, file, cursor);
            picture_of(&content, frame.id == *b"PIC\0", size, &mut into.main)
        }
        b"COMM" | b"COM\0" => comment(&content, into),
        b"TXXX" | b"TXX\0" => user_text(&content, &mut into.user),
        b"UFID" | b"UFI\0" => {
            identifier(&content, &mut into.main);
            Ok(())
        }
        b"RVA2" | b"XRVA" => volume(&content, &mut into.main),
        b"RGAD" => replay_gain(&content, &mut into.main),
        id => field(id).map_or(Ok(()), |field| text(field, &content, &mut into.main)),
    }
}

/// The fields of the text frames, with the names of version 2.2 at the end.
fn field(id: &[u8; 4]) -> Option<Field> {
    Some(match id {
        b"TIT2" | b"TT2\0" => Field::Title,
        b"TPE1" | b"TP1\0" => Field::Artist,
        b"TALB" | b"TAL\0" => Field::Album,
        b"TPE2" | b"TP2\0" => Field::AlbumArtist,
        b"TCOM" | b"TCM\0" => Field::Composer,
        b"TCON" | b"TCO\0" => Field::Genre,
        b"TPUB" | b"TPB\0" => Field::Publisher,
        b"TRCK" | b"TRK\0" => Field::Track,
        b"TPOS" | b"TPA\0" => Field::Disc,
        b"TDRC" => Field::RecordingDate,
        b"TYER" | b"TYE\0" => Field::Year,
        b"TDAT" | b"TDA\0" => Field::DayMonth,
        b"TIME" | b"TIM\0" => Field::HourMinute,
        b"TDRL" => Field::ReleaseDate,
        b"TBPM" | b"TBP\0" => Field::Bpm,
        b"TKEY" | b"TKE\0" => Field::InitialKey,
        b"TSRC" | b"TRC\0" => Field::Isrc,
        b"TSSE" | b"TSS\0" => Field::Encoder,
        b"TENC" | b"TEN\0" => Field::EncodedBy,
        _ => return None,
    })
}

/// The first bytes of the content as they were before they were unsynchronised and compressed.
fn decoded(frame: &Frame, cursor: &mut Cursor<'_>, wanted: usize) -> Result<Vec<u8>, String> {
    // Unsynchronised bytes are at most twice as many.
    let len = frame.size.min(2 * wanted as u64 + 64) as usize;
    let mut raw = cursor.peek(len).to_vec();
    let body = if frame.unsynchronised {
        raw = synchronised(&raw);
        &raw
    } else {
        &raw
    };
    let body = body.get(frame.prefix..).ok_or("it is shorter than its header")?;
    if !frame.compressed {
        return Ok(body[..body.len().min(wanted)].to_vec());
    }
    match decompress_to_vec_zlib_with_limit(body, wanted) {
        Ok(bytes) => Ok(bytes),
        // What came before the damage, or before the end of what was fetched, is good; zeros follow it.
        Err(error) if error.output.iter().any(|byte| *byte != 0) => Ok(error.output),
        Err(error) => Err(format!("it cannot be decompressed: {error}")),
    }
}

fn synchronised(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut after_ff = false;
    for byte in bytes {
        if !(after_ff && *byte == 0) {
            plain.push(*byte);
        }
        after_ff = *byte == 0xff;
    }
    plain
}

/// Size of the whole content before it was unsynchronised and compressed.
fn decoded_size(frame: &Frame, file: &File, cursor: &mut Cursor<'_>) -> u64 {
    let prefix = frame.prefix as u64;
    if let Some(size) = frame.decoded_size(cursor.peek(frame.prefix)) {
        return size;
    }
    match cursor.position() {
        Some(start) if frame.unsynchronised => {
            let mut content = Cursor::unsynchronised(file, start, start.saturating_add(frame.size));
            let mut size = 0u64;
            loop {
                let len = content.peek(PICTURE_HEADER).len() as u64;
                if len == 0 {
                    break size.saturating_sub(prefix);
                }
                content.skip(len);
                size += len;
            }
        }
        _ => frame.size.saturating_sub(prefix),
    }
}

/// A text frame: the encoding, then values separated by 0.
fn text(field: Field, content: &[u8], into: &mut TagContent) -> Result<(), String> {
    let (encoding, body) = encoding(content)?;
    if field != Field::Genre {
        add(field, encoding, body, into);
        return Ok(());
    }
    let mut plain = TagContent::default();
    add(field, encoding, body, &mut plain);
    // Only code points of ASCII matter here, so that the encoding may still be unknown.
    let numbered = plain.values(field).any(genres::is_numbered);
    if numbered {
        plain.values(field).flat_map(genres::resolved).for_each(|it| into.add(field, &it));
    } else {
        add(field, encoding, body, into);
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Encoding {
    /// ISO 8859-1 as the frame says, or whatever the program took for it.
    EightBit,
    /// With a mark that tells the order of bytes.
    Utf16,
    Utf16BigEndian,
    Utf8,
}

/// The encoding that the first byte states, and the rest.
fn encoding(content: &[u8]) -> Result<(Encoding, &[u8]), String> {
    let Some((first, rest)) = content.split_first() else { return Err("it is empty".to_owned()) };
    match first {
        0 => Ok((Encoding::EightBit, rest)),
        1 => Ok((Encoding::Utf16, rest)),
        2 => Ok((Encoding::Utf16BigEndian, rest)),
        3 => Ok((Encoding::Utf8, rest)),
        // The byte was forgotten.
        0x20..=0x7e => Ok((Encoding::EightBit, content)),
        other => Err(format!("text encoding {other} is not known")),
    }
}

fn add(field: Field, encoding: Encoding, body: &[u8], into: &mut TagContent) {
    match encoding {
        Encoding::EightBit | Encoding::Utf8 => into.add_bytes(field, body),
        Encoding::Utf16 | Encoding::Utf16BigEndian => match utf16(encoding, body) {
            Some(text) => into.add(field, &text),
            None => into.add_bytes(field, body),
        },
    }
}

/// UTF-16, in which every value may have its own mark. A last odd byte belongs to nothing. `None` if it is no UTF-16 at all but
/// plain ASCII.
fn utf16(encoding: Encoding, body: &[u8]) -> Option<String> {
    let marked = matches!(body, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    if !marked && body.len() > 1 && body.iter().all(|it| (0x20..0x7f).contains(it)) {
        return None;
    }
    let zeros = |parity: usize| body.iter().skip(parity).step_by(2).filter(|it| **it == 0).count();
    // Without a mark, text of mostly Latin letters has its zeros in the upper bytes.
    let mut big = match encoding {
        Encoding::Utf16BigEndian => zeros(0) >= zeros(1),
        _ => zeros(0) > zeros(1),
    };
    let mut units = Vec::with_capacity(body.len() / 2);
    for pair in body.chunks_exact(2) {
        match pair {
            [0xff, 0xfe] => big = false,
            [0xfe, 0xff] => big = true,
            [first, second] if big => units.push(u16::from_be_bytes([*first, *second])),
            [first, second] => units.push(u16::from_le_bytes([*first, *second])),
            _ => {}
        }
    }
    Some(String::from_utf16_lossy(&units))
}

/// A text of this encoding that ends with 0, and what follows it. `None` if there is no such end.
fn terminated(encoding: Encoding, body: &[u8]) -> Option<(&[u8], &[u8])> {
    match encoding {
        Encoding::EightBit | Encoding::Utf8 => {
            let end = body.iter().position(|byte| *byte == 0)?;
            Some((&body[..end], &body[end + 1..]))
        }
        Encoding::Utf16 | Encoding::Utf16BigEndian => {
            let end = 2 * body.chunks_exact(2).position(|pair| pair == [0, 0])?;
            Some((&body[..end], &body[end + 2..]))
        }
    }
}

/// A short text, such as a description.
fn short(encoding: Encoding, body: &[u8]) -> String {
    match encoding {
        Encoding::EightBit | Encoding::Utf8 => String::from_utf8_lossy(body).into_owned(),
        Encoding::Utf16 | Encoding::Utf16BigEndian => {
            utf16(encoding, body).unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
        }
    }
}

/// Beginnings of the descriptions of comments that programs write for themselves.
const TECHNICAL: [&str; 8] =
    ["itun", "id3v1", "songs-db_", "musicmatch_", "mediajukebox", "mm_", "cddb", "replaygain"];

/// A comment: encoding, language, description, text. That without description is the comment; others are told from each other
/// by their description, and count only where there is no such one.
fn comment(content: &[u8], into: &mut Reading) -> Result<(), String> {
    let (encoding, body) = encoding(content)?;
    let body = body.get(3..).ok_or_else(|| format!("{} bytes are too few for a comment", content.len()))?;
    let (description, text) = terminated(encoding, body).unwrap_or((&[], body));
    let description = short(encoding, description).to_lowercase();
    let description = description.trim();
    if description.is_empty() {
        add(Field::Comment, encoding, text, &mut into.main);
    } else if !TECHNICAL.iter().any(|it| description.starts_with(it)) {
        add(Field::Description, encoding, text, &mut into.user);
    }
    Ok(())
}

/// A user-defined text: encoding, name, values.
fn user_text(content: &[u8], into: &mut TagContent) -> Result<(), String> {
    let (encoding, body) = encoding(content)?;
    let (name, text) = terminated(encoding, body).ok_or("its name has no end")?;
    if let Some(field) = Field::named(&short(encoding, name)) {
        add(field, encoding, text, into);
    }
    Ok(())
}

/// A unique file identifier: who assigned it, and what it is.
fn identifier(content: &[u8], into: &mut TagContent) {
    if let Some((owner, id)) = terminated(Encoding::EightBit, content)
        && owner.ends_with(b"musicbrainz.org")
    {
        into.add_bytes(Field::MusicBrainzRecording, id);
    }
}

/// Relative volume adjustment (ID3v2.4 §4.11): what it is for, then by channel its type, the gain in 1/512 dB, and the peak in
/// a stated number of bits, of which the first stands for 1.0.
fn volume(content: &[u8], into: &mut TagContent) -> Result<(), String> {
    const MASTER: u8 = 1;
    let (name, mut body) = terminated(Encoding::EightBit, content).ok_or("its name has no end")?;
    let album = name.eq_ignore_ascii_case(b"album");
    let (gain_field, peak_field) =
        if album { (Field::AlbumGain, Field::AlbumPeak) } else { (Field::TrackGain, Field::TrackPeak) };
    loop {
        let (channel, gain, bits) = match body {
            [] => return Ok(()),
            [channel, high, low, bits, ..] => (*channel, i16::from_be_bytes([*high, *low]), *bits),
            _ => return Err("it ends within a channel".to_owned()),
        };
        let len = usize::from(bits).div_ceil(8);
        let peak = body.get(4..4 + len).ok_or("it ends within a peak")?;
        if channel == MASTER {
            into.add(gain_field, &format!("{}", f64::from(gain) / 512.0));
            let value = peak.iter().fold(0.0, |sum, byte| sum * 256.0 + f64::from(*byte));
            if value > 0.0 {
                // The bits fill the bytes from the top.
                let peak = value / 2f64.powi(8 * len as i32 - 1);
                into.add(peak_field, &format!("{peak}"));
            }
        }
        body = &body[4 + len..];
    }
}

/// The frame that ReplayGain first proposed: the peak as a float, then gains in 1/10 dB with nine bits and a sign, below three
/// bits that tell track (1) from album (2) and three for who set it, 0 being nobody.
fn replay_gain(content: &[u8], into: &mut TagContent) -> Result<(), String> {
    let short = || "it is too short for a gain".to_owned();
    let peak = f32::from_bits(be32(content, 0).ok_or_else(short)?);
    if peak > 0.0 {
        into.add(Field::TrackPeak, &format!("{peak}"));
    }
    for code in content.get(4..8).ok_or_else(short)?.chunks_exact(2) {
        let code = u16::from_be_bytes([code[0], code[1]]);
        let field = match code >> 13 {
            1 => Field::TrackGain,
            2 => Field::AlbumGain,
            _ => continue,
        };
        if code >> 10 & 7 != 0 {
            let gain = f64::from(code & 0x1ff) / 10.0;
            into.add(field, &format!("{}", if code & 0x200 != 0 { -gain } else { gain }));
        }
    }
    Ok(())
}

/// An attached picture: encoding, media type, what it shows, description, data. Version 2 has a name of three letters in place
/// of the media type.
fn picture_of(
    content: &[u8],
    three_letters: bool,
    size: impl FnOnce() -> u64,
    into: &mut TagContent,
) -> Result<(), String> {
    const FRONT_COVER: u8 = 3;
    let (encoding, body) = encoding(content)?;
    let (mime, body) = if three_letters {
        body.split_at_checked(3).ok_or("it is too short for a picture")?
    } else {
        terminated(Encoding::EightBit, body).ok_or("its media type has no end")?
    };
    let (kind, body) = body.split_first().ok_or("it is too short for a picture")?;
    // Descriptions that state UTF-16 and are not end with one 0.
    let end = terminated(encoding, body).or_else(|| terminated(Encoding::EightBit, body));
    let data = end.map_or(body, |it| it.1);
    let header = (content.len() - data.len()) as u64;
    let mime: &[u8] = match mime {
        b"-->" => return Ok(()),
        b"JPG" => b"image/jpeg",
        b"PNG" => b"image/png",
        b"BMP" => b"image/bmp",
        b"GIF" => b"image/gif",
        other => other,
    };
    into.add_picture(*kind == FRONT_COVER, mime, size().saturating_sub(header));
    Ok(())
}
