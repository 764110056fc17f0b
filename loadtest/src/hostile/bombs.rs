//! Small files that ask for much: nesting without end, tags that announce gigabytes, headers with impossible audio.

use crate::corpus::Random;

/// Deeper than any stack that recurses, and still a small file.
const DEPTHS: [usize; 5] = [2, 17, 200, 3000, 12_000];

/// Boxes of MPEG-4 that hold others.
const BOXES: [[u8; 4]; 5] = [*b"moov", *b"trak", *b"udta", *b"meta", *b"ilst"];

/// Elements of Matroska that hold others: an entry of a track, a cluster, the tracks.
const MASTERS: [&[u8]; 3] = [&[0xae], &[0x1f, 0x43, 0xb6, 0x75], &[0x16, 0x54, 0xae, 0x6b]];

/// The file inside containers inside containers.
pub(super) fn nest(random: &mut Random, file: &[u8]) -> Vec<u8> {
    let depth = *random.pick(&DEPTHS);
    let inside = &file[..file.len().min(16 * 1024)];
    match random.below(6) {
        0 => boxes(depth, random.pick(&BOXES), inside),
        1 => chunks(depth, inside),
        2 => elements(depth, MASTERS[random.below(MASTERS.len())], inside),
        3 => tags(depth.min(3000), inside),
        4 => pages(depth, inside),
        _ => [&b"fLaC"[..], &[0x01, 0, 0, 0].repeat(depth), &[0x84, 0, 0, 0], inside].concat(),
    }
}

/// MPEG-4 boxes in each other, each as long as what is in it.
fn boxes(depth: usize, name: &[u8; 4], inside: &[u8]) -> Vec<u8> {
    let mut file = b"\0\0\0\x14ftypM4A \0\0\0\0M4A ".to_vec();
    for level in (1..=depth).rev() {
        file.extend(((level * 8 + inside.len()) as u32).to_be_bytes());
        file.extend(name);
    }
    file.extend(inside);
    file
}

/// RIFF lists in each other.
fn chunks(depth: usize, inside: &[u8]) -> Vec<u8> {
    let mut file = b"RIFF\xff\xff\xff\x7fWAVE".to_vec();
    for level in (1..=depth).rev() {
        file.extend(b"LIST");
        file.extend(((level * 12 + inside.len()) as u32).to_le_bytes());
        file.extend(b"INFO");
    }
    file.extend(inside);
    file
}

/// Elements of Matroska in each other, of unknown size.
fn elements(depth: usize, id: &[u8], inside: &[u8]) -> Vec<u8> {
    let head = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff";
    let element = [id, &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat();
    [&head[..], &element.repeat(depth), inside].concat()
}

/// ID3 tags one after another.
fn tags(depth: usize, inside: &[u8]) -> Vec<u8> {
    [&b"ID3\x03\0\0\0\0\0\x0aTIT2\0\0\0\0\0\0".repeat(depth), inside].concat()
}

/// Ogg pages, each the first of a stream of its own.
fn pages(depth: usize, inside: &[u8]) -> Vec<u8> {
    let page = |serial: usize| {
        let mut page = b"OggS\0\x02\0\0\0\0\0\0\0\0".to_vec();
        page.extend((serial as u32).to_le_bytes());
        page.extend([0; 8]);
        page.extend([1, 7]);
        page.extend(b"\x01vorbis");
        page
    };
    (0..depth).flat_map(page).chain(inside.iter().copied()).collect()
}

/// A tag of ID3 in front of the file that is not what it says.
pub(super) fn id3(random: &mut Random, file: &[u8]) -> Vec<u8> {
    let version = *random.pick(&[2, 3, 4, 5, 0xff]);
    let flags = random.next() as u8 & 0xf0;
    let frames: Vec<u8> = match random.below(6) {
        // A picture of four gigabytes.
        0 => b"APIC\x7f\xff\xff\xff\0\0\0image/png\0\x03\0".to_vec(),
        // Compressed, and announced to be four gigabytes when unpacked.
        1 => b"TXXX\0\0\0\x20\0\x09\xff\xff\xff\xff\x78\x9c\x63\0\0".to_vec(),
        // Frames without number, and without content.
        2 => b"TXXX\0\0\0\x01\0\0\0".repeat(5000),
        3 => b"TIT2\xff\xff\xff\xff\0\0\x01\xff\xfe".to_vec(),
        // Chapters in chapters.
        4 => b"CHAP\0\0\x0f\x00\0\0a\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff".repeat(400),
        _ => vec![0; random.below(100_000)],
    };
    let size = match random.below(3) {
        0 => frames.len(),
        1 => 0x0fff_ffff,
        _ => random.below(1 << 28),
    };
    let syncsafe = [21, 14, 7, 0].map(|shift| (size >> shift) as u8 & 0x7f);
    [&b"ID3"[..], &[version, 0, flags], &syncsafe, &frames, file].concat()
}

/// Audio that no machine could hold: rates, channels, depths and lengths at their edges, where each format has them.
pub(super) fn declare(random: &mut Random, file: &[u8]) -> Vec<u8> {
    // Name, distance from its beginning, width.
    const FIELDS: [(&[u8], usize, usize); 22] = [
        (b"fmt ", 8, 2),
        (b"fmt ", 10, 2),
        (b"fmt ", 12, 4),
        (b"fmt ", 20, 2),
        (b"fmt ", 22, 2),
        (b"data", 4, 4),
        (b"COMM", 8, 2),
        (b"COMM", 10, 4),
        (b"COMM", 14, 2),
        (b"COMM", 16, 2),
        (b"desc", 12, 8),
        (b"desc", 28, 4),
        (b"desc", 36, 4),
        (b"fLaC", 8, 4),
        (b"fLaC", 18, 8),
        (b"OpusHead", 9, 1),
        (b"OpusHead", 12, 4),
        (b"vorbis", 10, 1),
        (b"vorbis", 11, 4),
        (b"stsz", 12, 4),
        (b"stts", 8, 4),
        (b"mdhd", 16, 8),
    ];
    let places: Vec<(usize, usize)> = FIELDS
        .iter()
        .filter_map(|(name, distance, width)| {
            let place = file.windows(name.len()).position(|window| window == *name)?;
            Some((place + distance, *width))
        })
        .collect();
    let mut file = file.to_vec();
    for _ in 0..=random.below(2) {
        let (place, width) = match places.is_empty() {
            true => (random.below(64), 4),
            false => *random.pick(&places),
        };
        let filler = *random.pick(&[0x00, 0x01, 0x7f, 0x80, 0xff]);
        file.iter_mut().skip(place).take(width).for_each(|byte| *byte = filler);
    }
    file
}
