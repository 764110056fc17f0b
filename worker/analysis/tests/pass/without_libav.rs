//! Files that libav alone reads, in a build without it: named, with the way to get it, and never called corrupt.

use crate::build::{analysed, identified};

const HINT: &str = "which needs libav: use the worker's image, or build the worker with --features libav";

#[test]
fn containers_that_only_libav_reads_are_named() {
    let table: [(&[u8], &str); 14] = [
        (b"MAC \x96\x0f", "Monkey's Audio (APE)"),
        (b"wvpk", "WavPack"),
        (b"TTA1", "True Audio (TTA)"),
        (b"tBaK", "TAK"),
        (b"MPCK", "Musepack"),
        (b"MP+\x07", "Musepack"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", "Windows Media (WMA, ASF)"),
        (b"DSD \x1c", "DSD (DSF)"),
        (b"FRM8\0\0\0\0\0\0\0\0DSD ", "DSD (DSDIFF)"),
        (b"#!AMR\n", "AMR"),
        (b".RMF", "RealMedia"),
        (b"\x0b\x77\0\0\x14\x40", "AC-3 (Dolby Digital)"),
        (b"\x7f\xfe\x80\x01", "DTS"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x70\x02\x02\0", "ATRAC in WAV"),
    ];
    for (head, name) in table {
        let bytes = [head, &[0; 4096]].concat();
        let expected = format!("unsupported: {name}, {HINT}");
        assert_eq!(analysed(&bytes).unwrap_err().to_string(), expected);
        assert_eq!(identified(&bytes).unwrap_err().to_string(), expected);
    }
}

/// Its core alone would be half of the sound.
#[test]
fn he_aac_is_not_measured_by_its_core() {
    let bytes = include_bytes!("../libav/he_v1.m4a");
    let expected = format!("unsupported: HE-AAC in mp4, {HINT}");
    assert_eq!(analysed(bytes).unwrap_err().to_string(), expected);
    assert_eq!(identified(bytes).unwrap_err().to_string(), expected);
}
