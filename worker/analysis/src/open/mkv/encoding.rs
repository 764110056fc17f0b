//! What a Matroska track does to its packets before they are stored (RFC 9559 §5.1.4.1.31).

use super::ebml::Element;
use crate::Error;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use std::borrow::Cow;
use std::fs::File;

const ENCODING: u32 = 0x6240;
const ORDER: u32 = 0x5031;
const SCOPE: u32 = 0x5032;
const TYPE: u32 = 0x5033;
const COMPRESSION: u32 = 0x5034;
const ALGORITHM: u32 = 0x4254;
const SETTINGS: u32 = 0x4255;

/// Bits of the scope: all packets, and the codec's configuration.
const PACKETS: u64 = 1;
const CONFIGURATION: u64 = 2;

/// The longest start of packets that is believed to be left out. MP3 and AC-3 have four bytes.
const MAX_STRIPPED: u64 = 4096;
/// The largest packet that compression may stand for. Those of lossless codecs come to some hundred kilobytes.
const MAX_UNPACKED: usize = 1 << 24;
/// Encodings of one track. There is one.
const MAX_ENCODINGS: usize = 4;

#[derive(Debug, Clone, PartialEq)]
enum Method {
    Zlib,
    /// These bytes were left out at the start.
    Stripped(Vec<u8>),
}

/// The encodings of a track, the one to be undone first in front.
#[derive(Debug, Clone, Default)]
pub(super) struct Encodings(Vec<(u64, Method)>);

impl Encodings {
    /// Reads the list, or says by name what keeps the track from being read.
    pub(super) fn read(file: &File, list: &Element) -> Result<Result<Self, String>, Error> {
        let mut encodings = Vec::new();
        for entry in list.children(file)?.iter().filter(|it| it.id == ENCODING).take(MAX_ENCODINGS) {
            let (mut order, mut scope, mut kind, mut compression) = (0, PACKETS, 0, None);
            for child in entry.children(file)? {
                match child.id {
                    ORDER => order = child.unsigned(file)?,
                    SCOPE => scope = child.unsigned(file)?,
                    TYPE => kind = child.unsigned(file)?,
                    COMPRESSION => compression = Some(child),
                    _ => {}
                }
            }
            if kind != 0 {
                return Ok(Err("an encrypted (protected) track".to_owned()));
            }
            match method(file, compression)? {
                Ok(method) => encodings.push((order, scope, method)),
                Err(name) => return Ok(Err(format!("a track compressed with {name}"))),
            }
        }
        // The last that was applied is the first to be undone.
        encodings.sort_by_key(|(order, ..)| std::cmp::Reverse(*order));
        Ok(Ok(Self(encodings.into_iter().map(|(_, scope, method)| (scope, method)).collect())))
    }

    pub(super) fn packet<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        self.undo(PACKETS, bytes)
    }

    pub(super) fn configuration<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        self.undo(CONFIGURATION, bytes)
    }

    fn undo<'a>(&self, scope: u64, bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        self.0.iter().filter(|(it, _)| it & scope != 0).try_fold(
            Cow::Borrowed(bytes),
            |bytes, (_, method)| {
                Some(Cow::Owned(match method {
                    Method::Zlib => decompress_to_vec_zlib_with_limit(&bytes, MAX_UNPACKED).ok()?,
                    Method::Stripped(start) => [start, &bytes[..]].concat(),
                }))
            },
        )
    }
}

fn method(file: &File, compression: Option<Element>) -> Result<Result<Method, &'static str>, Error> {
    let (mut algorithm, mut settings) = (0, Vec::new());
    for child in compression.map_or_else(|| Ok(Vec::new()), |it| it.children(file))? {
        match child.id {
            ALGORITHM => algorithm = child.unsigned(file)?,
            SETTINGS => settings = child.bytes(file, MAX_STRIPPED)?,
            _ => {}
        }
    }
    Ok(match algorithm {
        0 => Ok(Method::Zlib),
        1 => Err("bzip2"),
        2 => Err("LZO"),
        3 => Ok(Method::Stripped(settings)),
        _ => Err("an unknown method"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_undone_where_they_apply() {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(b"quite quite quite a packet", 6);
        let encodings =
            Encodings(vec![(PACKETS, Method::Zlib), (PACKETS, Method::Stripped(b"not ".to_vec()))]);
        assert_eq!(encodings.packet(&packed).as_deref(), Some(&b"not quite quite quite a packet"[..]));
        assert_eq!(encodings.configuration(b"as it is").as_deref(), Some(&b"as it is"[..]));
        assert_eq!(encodings.packet(b"no zlib"), None);
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; MAX_UNPACKED + 1], 9);
        assert_eq!(Encodings(vec![(PACKETS, Method::Zlib)]).packet(&bomb), None);
    }
}
