use super::*;
use crate::corpus::pcm::{Layout, Pcm};

fn pcm() -> Pcm {
    Pcm { layout: Layout { rate: 44_100, channels: 2, bits: 16 }, samples: vec![1, -1, 0x1234, -0x1234] }
}

fn title() -> Tags {
    Tags { title: "Ab".to_owned(), ..Tags::default() }
}

/// Parts of a file side by side, as the specification lists them.
fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn wav_by_the_book() {
    let expected = join(&[
        b"RIFF",
        &[44, 0, 0, 0],
        b"WAVEfmt ",
        &[16, 0, 0, 0, 1, 0, 2, 0],
        &[0x44, 0xac, 0, 0],
        &[0x10, 0xb1, 2, 0],
        &[4, 0, 16, 0],
        b"data",
        &[8, 0, 0, 0],
        &[1, 0, 0xff, 0xff, 0x34, 0x12, 0xcc, 0xed],
    ]);
    assert_eq!(wav(&pcm(), &Tags::default()), expected);
}

#[test]
fn wav_tags_are_terminated_and_padded() {
    let file = wav(&pcm(), &title());
    assert_eq!(file[36..60], join(&[b"LIST", &[16, 0, 0, 0], b"INFOINAM", &[3, 0, 0, 0], b"Ab\0\0"]));
    assert_eq!(file[4..8], (file.len() as u32 - 8).to_le_bytes());
    assert_eq!(&file[60..64], b"data");
}

#[test]
fn aiff_by_the_book() {
    let expected = join(&[
        b"FORM",
        &[0, 0, 0, 54],
        b"AIFFCOMM",
        &[0, 0, 0, 18, 0, 2, 0, 0, 0, 2, 0, 16],
        // 44100 as the 68881 writes it.
        &[0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0],
        b"SSND",
        &[0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 1, 0xff, 0xff, 0x12, 0x34, 0xed, 0xcc],
    ]);
    assert_eq!(aiff(&pcm(), &Tags::default()), expected);
}

#[test]
fn aifc_by_the_book() {
    let expected = join(&[
        b"FORM",
        &[0, 0, 0, 72],
        b"AIFCFVER",
        &[0, 0, 0, 4, 0xa2, 0x80, 0x51, 0x40],
        b"COMM",
        &[0, 0, 0, 24, 0, 2, 0, 0, 0, 2, 0, 16],
        &[0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0],
        b"sowt\0\0SSND",
        &[0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0],
        &[1, 0, 0xff, 0xff, 0x34, 0x12, 0xcc, 0xed],
    ]);
    assert_eq!(aifc(&pcm(), &Tags::default()), expected);
}

#[test]
fn aifc_of_24_bits_is_big_endian() {
    let pcm = Pcm { layout: Layout { rate: 8_000, channels: 1, bits: 24 }, samples: vec![0x01_02_03] };
    let file = aifc(&pcm, &Tags::default());
    assert_eq!(&file[50..54], b"NONE");
    assert_eq!(file[file.len() - 4..], [1, 2, 3, 0]);
}

#[test]
fn aiff_tags_are_an_id3_chunk() {
    let file = aiff(&pcm(), &title());
    let expected = join(&[
        b"ID3 ",
        &[0, 0, 0, 27],
        b"ID3\x03\0\0",
        &[0, 0, 0, 17],
        b"TIT2",
        &[0, 0, 0, 7, 0, 0, 1, 0xff, 0xfe],
        b"A\0b\0",
        &[0],
    ]);
    assert_eq!(file[62..], expected);
    assert_eq!(file[4..8], (file.len() as u32 - 8).to_be_bytes());
}

#[test]
fn caf_by_the_book() {
    let expected = join(&[
        b"caff\0\x01\0\0desc",
        &[0, 0, 0, 0, 0, 0, 0, 32],
        &44_100_f64.to_be_bytes(),
        b"lpcm",
        &[0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 16],
        b"info",
        &[0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 1],
        b"title\0Ab\0data",
        &[0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0],
        &[1, 0, 0xff, 0xff, 0x34, 0x12, 0xcc, 0xed],
    ]);
    assert_eq!(caf(&pcm(), &title()), expected);
}

#[test]
fn odd_bodies_are_padded() {
    let pcm = Pcm { layout: Layout { rate: 8_000, channels: 1, bits: 24 }, samples: vec![5] };
    let file = wav(&pcm, &Tags::default());
    assert_eq!(file[40..], [3, 0, 0, 0, 5, 0, 0, 0]);
    assert_eq!(file[4..8], [40, 0, 0, 0]);
}
