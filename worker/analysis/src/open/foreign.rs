//! Containers that libav alone reads: how they begin, and what they are called. A build without libav names them as well.

use super::bytes::{le16, le64, read_up_to};
use super::{Found, Kind};
use crate::Error;
use crate::decode::needs_libav;
use std::fs::File;

/// A container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// As it stands in reports.
    pub(crate) name: &'static str,
    /// libav's demuxer for it.
    pub(crate) demuxer: &'static str,
    /// For people.
    pub(crate) label: &'static str,
    /// Its header counts the frames, so that a missing one is damage.
    pub(crate) exact: bool,
}

const fn container(name: &'static str, demuxer: &'static str, label: &'static str) -> Foreign {
    Foreign { name, demuxer, label, exact: false }
}

const fn counted(name: &'static str, demuxer: &'static str, label: &'static str) -> Foreign {
    Foreign { name, demuxer, label, exact: true }
}

const DTS: Foreign = container("dts", "dts", "DTS");
const AC3: Foreign = container("ac3", "ac3", "AC-3 (Dolby Digital)");
const EAC3: Foreign = container("eac3", "eac3", "E-AC-3 (Dolby Digital Plus)");
const ATRAC_WAV: Foreign = container("wav", "wav", "ATRAC in WAV");

/// What stands at a place of the file.
const MAGIC: [(usize, &[u8], Foreign); 24] = [
    (0, b"MAC ", counted("ape", "ape", "Monkey's Audio (APE)")),
    (0, b"wvpk", counted("wavpack", "wv", "WavPack")),
    (0, b"TTA1", counted("tta", "tta", "True Audio (TTA)")),
    (0, b"tBaK", counted("tak", "tak", "TAK")),
    (0, b"MPCK", container("musepack", "mpc8", "Musepack")),
    (0, b"MP+", container("musepack", "mpc", "Musepack")),
    (0, &ASF_HEADER, container("asf", "asf", "Windows Media (WMA, ASF)")),
    (0, b"DSD ", container("dsf", "dsf", "DSD (DSF)")),
    (12, b"DSD ", container("dsdiff", "iff", "DSD (DSDIFF)")),
    (0, b"#!AMR\n", container("amr", "amr", "AMR")),
    (0, b"#!AMR-WB\n", container("amr", "amr", "AMR, wide band")),
    (0, b".RMF", container("realmedia", "rm", "RealMedia")),
    (0, b".ra\xfd", container("realaudio", "rm", "RealAudio")),
    (0, b"ea3\x03", container("oma", "oma", "ATRAC (Sony OpenMG)")),
    (0, b"EA3\x01", container("oma", "oma", "ATRAC (Sony OpenMG)")),
    (0, b"\x0b\x77", AC3),
    (0, b"\x7f\xfe\x80\x01", DTS),
    (0, b"\xfe\x7f\x01\x80", DTS),
    (0, b"\x1f\xff\xe8\x00", DTS),
    (0, b"\xff\x1f\x00\xe8", DTS),
    (0, b"DTSHDHDR", container("dts", "dtshd", "DTS-HD")),
    (0, b"\x64\x58\x20\x25", DTS),
    (4, b"\xf8\x72\x6f\xba", container("truehd", "truehd", "Dolby TrueHD")),
    (4, b"\xf8\x72\x6f\xbb", container("mlp", "mlp", "Meridian Lossless Packing (MLP)")),
];

/// Recognises a container by its first bytes.
pub(super) fn recognise(head: &[u8]) -> Option<Foreign> {
    let begins = |at: usize, magic: &[u8]| head.get(at..).is_some_and(|it| it.starts_with(magic));
    let found = MAGIC.iter().find(|(at, magic, _)| begins(*at, magic)).map(|it| it.2);
    match found {
        // Of the form types of FRM8, DSD is the only one in use.
        Some(Foreign { name: "dsdiff", .. }) if !begins(0, b"FRM8") => None,
        // The version of the syntax tells the two apart (ETSI TS 102 366 §E.1.3.1.6).
        Some(AC3) if head.get(5).is_some_and(|byte| byte >> 3 > 10) => Some(EAC3),
        None => atrac_in_wav(head),
        found => found,
    }
}

/// Format tags of WAV whose codec libav alone reads, as they stand in a format chunk: ATRAC3, and ATRAC3+ by its identifier.
const ATRAC3: u16 = 0x0270;
const ATRAC3_PLUS: [u8; 16] = *b"\xbf\xaa\x23\xe9\x58\xcb\x71\x44\xa1\x19\xff\xfa\x01\xe4\xce\x62";

fn atrac_in_wav(head: &[u8]) -> Option<Foreign> {
    let wave = head.starts_with(b"RIFF") && head.get(8..16) == Some(b"WAVEfmt ");
    let atrac = le16(head, 20) == Some(ATRAC3) || head.get(44..60) == Some(&ATRAC3_PLUS);
    (wave && atrac).then_some(ATRAC_WAV)
}

/// What a recognised container comes to: something to open, or the reason why this build does not.
pub(super) fn accept(file: &File, found: Found, foreign: Foreign) -> Result<Found, Error> {
    if foreign.name == "asf" && is_protected(file, &found)? {
        let detail = "Windows Media protected by DRM: only the player that has its licence can read it";
        return Err(Error::Unsupported { detail: detail.to_owned() });
    }
    if cfg!(feature = "libav") {
        return Ok(Found { kind: Kind::Foreign(foreign), ..found });
    }
    Err(Error::Unsupported { detail: needs_libav(foreign.label) })
}

/// Identifiers of ASF objects (Advanced Systems Format specification 01.20.05 §10): header, content encryption, extended content
/// encryption, and the one of the newer PlayReady.
const ASF_HEADER: [u8; 16] = *b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
const ENCRYPTION: [[u8; 16]; 3] = [
    *b"\xfb\xb3\x11\x22\x23\xbd\xd2\x11\xb4\xb7\x00\xa0\xc9\x55\xfc\x6e",
    *b"\x14\xe6\x8a\x29\x22\x26\x17\x4c\xb9\x35\xda\xe0\x7e\xe9\x28\x9c",
    *b"\x60\x0d\x8b\xd4\x9b\x25\x4c\x41\xab\x0c\x9c\xe4\x85\x20\x62\xbb",
];
/// Objects of a header to look at; there are some ten.
const MAX_OBJECTS: usize = 256;
const OBJECT_HEAD: usize = 24;

/// Whether an ASF file's header announces encryption.
fn is_protected(file: &File, found: &Found) -> Result<bool, Error> {
    let header = read_up_to(file, found.start, OBJECT_HEAD)?;
    // Lengths may be anything; the kernel refuses to read at places that no file can have.
    let end = found.start.saturating_add(le64(&header, 16).unwrap_or(0)).min(found.end);
    // The header's own fields take 30 bytes.
    let mut at = found.start + 30;
    for _ in 0..MAX_OBJECTS {
        if at >= end {
            break;
        }
        let object = read_up_to(file, at, OBJECT_HEAD)?;
        let Some(len) = le64(&object, 16).filter(|len| *len >= OBJECT_HEAD as u64) else { break };
        if ENCRYPTION.iter().any(|it| object.starts_with(it)) {
            return Ok(true);
        }
        let Some(next) = at.checked_add(len) else { break };
        at = next;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn name(head: &[u8]) -> Option<&'static str> {
        recognise(head).map(|it| it.name)
    }

    #[test]
    fn containers_are_recognised_by_their_first_bytes() {
        assert_eq!(name(b"MAC \x96\x0f"), Some("ape"));
        assert_eq!(name(b"FRM8\0\0\0\0\0\0\0\0DSD "), Some("dsdiff"));
        assert_eq!(name(b"RIFF\0\0\0\0\0\0\0\0DSD "), None);
        assert_eq!(name(b"\x0b\x77\x12\x34\x14\x40\x43"), Some("ac3"));
        assert_eq!(name(b"\x0b\x77\x02\xff\x34\x80\x43"), Some("eac3"));
        assert_eq!(name(b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x70\x02\x02\0"), Some("wav"));
        assert_eq!(name(b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0"), None);
        assert_eq!(name(b"ID3\x04"), None);
    }

    #[test]
    fn protected_windows_media_is_named() {
        let object = |id: &[u8; 16], len: u64| [&id[..], &len.to_le_bytes()].concat();
        let asf = |inner: &[u8; 16]| {
            let head = object(&ASF_HEADER, 30 + 24 + 24);
            [head, vec![0; 6], object(&[7; 16], 24), object(inner, 24)].concat()
        };
        let accepted = |bytes: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            let found = Found { kind: Kind::Wav, start: 0, end: bytes.len() as u64 };
            accept(&file, found, recognise(bytes).unwrap()).map(drop).map_err(|error| error.to_string())
        };
        assert!(accepted(&asf(&ENCRYPTION[0])).unwrap_err().contains("protected by DRM"));
        let plain = accepted(&asf(&[8; 16]));
        assert_eq!(plain.is_ok(), cfg!(feature = "libav"));
        if let Err(detail) = plain {
            assert!(detail.starts_with("unsupported: Windows Media (WMA, ASF)"), "{detail}");
        }
    }
}
