//! Damage to audio files, as accidents and as attackers do it. A pure function of the random numbers; it knows no file system.

use super::bombs;
use crate::corpus::Random;

/// Where containers keep what the rest depends on.
const HEAD: usize = 4096;

/// Longest source that is worked on whole: of longer ones the beginning is enough, and ten thousand of them are quick.
const MAX_SOURCE: usize = 96 * 1024;

/// Sizes and counts at the edges of what fields hold, and a little inside.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    7,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x00ff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff0,
    0xffff_ffff,
    u64::MAX,
];

/// Names that a length stands before or behind.
const NAMED: [&[u8]; 40] = [
    b"RIFF",
    b"fmt ",
    b"data",
    b"LIST",
    b"fact",
    b"FORM",
    b"COMM",
    b"SSND",
    b"caff",
    b"desc",
    b"kuki",
    b"pakt",
    b"chan",
    b"ftyp",
    b"moov",
    b"mvhd",
    b"trak",
    b"mdia",
    b"mdhd",
    b"minf",
    b"stbl",
    b"stsd",
    b"stts",
    b"stsc",
    b"stsz",
    b"stco",
    b"mp4a",
    b"esds",
    b"alac",
    b"udta",
    b"meta",
    b"ilst",
    b"mdat",
    b"OggS",
    b"vorbis",
    b"OpusHead",
    b"OpusTags",
    b"ID3",
    b"fLaC",
    b"Xing",
];

/// Elements of Matroska, whose size follows in a coding of its own.
const ELEMENTS: [&[u8]; 9] = [
    &[0x1a, 0x45, 0xdf, 0xa3],
    &[0x18, 0x53, 0x80, 0x67],
    &[0x16, 0x54, 0xae, 0x6b],
    &[0x1f, 0x43, 0xb6, 0x75],
    &[0x1c, 0x53, 0xbb, 0x6b],
    &[0x12, 0x54, 0xc3, 0x67],
    &[0x15, 0x49, 0xa9, 0x66],
    &[0xa3],
    &[0x63, 0xa2],
];

/// How other formats begin.
const MAGICS: [&[u8]; 14] = [
    b"RIFF\x40\x02\0\0WAVE",
    b"RF64\xff\xff\xff\xffWAVE",
    b"FORM\0\0\x10\0AIFF",
    b"FORM\0\0\x10\0AIFC",
    b"fLaC\0\0\0\x22",
    b"OggS\0\x02",
    b"caff\0\x01\0\0",
    b"\x1a\x45\xdf\xa3",
    b"\0\0\0\x20ftypM4A ",
    b"\xff\xfb\x90\x00",
    b"\xff\xf1\x50\x80",
    b"ID3\x04\0\0\0\0\x01\0",
    b"MThd\0\0\0\x06",
    b"#!AMR\n",
];

/// Damage to a file; the second text is another sample.
type Mutation = fn(&mut Random, &[u8], &[u8]) -> Vec<u8>;

/// By name: it is part of the name of the file.
pub(crate) const MUTATIONS: [(&str, Mutation); 18] = [
    ("cut", |random, file, _| file[..random.below(file.len())].to_vec()),
    ("cut-in-head", |random, file, _| file[..random.below(file.len().min(HEAD))].to_vec()),
    ("beheaded", |random, file, _| file[random.below(file.len().min(HEAD))..].to_vec()),
    ("bits", |random, file, _| flip(random, file, file.len(), 64)),
    ("bits-in-head", |random, file, _| flip(random, file, HEAD, 12)),
    ("number-in-head", |random, file, _| {
        let place = random.below(file.len().min(HEAD));
        number(random, file, place)
    }),
    ("length", length),
    ("element-size", element),
    ("other-magic", |random, file, _| {
        let magic = random.pick(&MAGICS);
        let mut file = file.to_vec();
        file.splice(..magic.len().min(file.len()), magic.iter().copied());
        file
    }),
    ("other-head", |random, file, other| {
        let cut = random.below(HEAD);
        [&other[..cut.min(other.len())], &file[cut.min(file.len())..]].concat()
    }),
    ("behind-another", |_, file, other| [other, file].concat()),
    ("noise-behind-magic", |random, _, _| {
        let magic = random.pick(&MAGICS);
        let noise: Vec<u8> = (0..random.below(HEAD)).map(|_| random.next() as u8).collect();
        [magic, noise.as_slice()].concat()
    }),
    ("block-moved", |random, file, _| {
        let (mut file, block) = (file.to_vec(), block(random, file));
        let piece: Vec<u8> = file.drain(block).collect();
        let place = random.below(file.len() + 1);
        file.splice(place..place, piece);
        file
    }),
    ("block-again", |random, file, _| {
        let piece = file[block(random, file)].repeat(1 + random.below(20));
        let mut file = file.to_vec();
        let place = random.below(file.len() + 1);
        file.splice(place..place, piece);
        file
    }),
    ("block-filled", |random, file, _| {
        let (mut file, block) = (file.to_vec(), block(random, file));
        let filler = *random.pick(&[0x00, 0xff, 0x80]);
        file[block].fill(filler);
        file
    }),
    ("nested", |random, file, _| bombs::nest(random, file)),
    ("id3", |random, file, _| bombs::id3(random, file)),
    ("declared", |random, file, _| bombs::declare(random, file)),
];

/// The damaged file, and what was done to it.
pub(crate) fn mutate(random: &mut Random, file: &[u8], other: &[u8]) -> (&'static str, Vec<u8>) {
    let (file, other) = (&file[..file.len().min(MAX_SOURCE)], &other[..other.len().min(MAX_SOURCE)]);
    let (name, damage) = *random.pick(&MUTATIONS);
    let mut damaged = damage(random, file, other);
    // Damage seldom comes alone.
    if random.chance(0.2) && !damaged.is_empty() {
        damaged = flip(random, &damaged, damaged.len(), 4);
    }
    (name, damaged)
}

fn flip(random: &mut Random, file: &[u8], within: usize, most: usize) -> Vec<u8> {
    let mut file = file.to_vec();
    let within = within.min(file.len());
    for _ in 0..=random.below(most) {
        let place = random.below(within);
        if let Some(byte) = file.get_mut(place) {
            *byte ^= 1 << random.below(8);
        }
    }
    file
}

/// A number at an edge, of any width and either order, over what was there.
fn number(random: &mut Random, file: &[u8], place: usize) -> Vec<u8> {
    let mut file = file.to_vec();
    let value = match random.below(4) {
        // As long as the file, or nearly.
        0 => (file.len() as u64).wrapping_add(random.below(17) as u64).wrapping_sub(8),
        _ => *random.pick(&EDGES),
    };
    let width = *random.pick(&[1, 2, 3, 4, 8]);
    let bytes = match random.chance(0.5) {
        true => value.to_le_bytes()[..width].to_vec(),
        false => value.to_be_bytes()[8 - width..].to_vec(),
    };
    for (byte, value) in file.iter_mut().skip(place).zip(bytes) {
        *byte = value;
    }
    file
}

/// A number at an edge just before or just behind a name that has one there.
fn length(random: &mut Random, file: &[u8], _: &[u8]) -> Vec<u8> {
    let head = &file[..file.len().min(4 * HEAD)];
    let places: Vec<(usize, usize)> = NAMED
        .iter()
        .flat_map(|name| {
            let found = head.windows(name.len()).enumerate().filter(move |(_, window)| window == name);
            found.map(|(place, _)| (place, name.len()))
        })
        .collect();
    if places.is_empty() {
        return flip(random, file, HEAD, 12);
    }
    let (place, name) = *random.pick(&places);
    let place = if random.chance(0.4) { place.saturating_sub(4) } else { place + name + random.below(24) };
    number(random, file, place)
}

/// The size of an element of Matroska: unknown, none, or longer than any file.
fn element(random: &mut Random, file: &[u8], other: &[u8]) -> Vec<u8> {
    let name = random.pick(&ELEMENTS);
    let place = file.windows(name.len()).position(|window| window == *name);
    let Some(place) = place else { return length(random, file, other) };
    let sizes: [&[u8]; 6] = [
        &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x01, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0xff],
        &[0x80],
        &[0x81],
        &[0x00],
    ];
    let mut file = file.to_vec();
    for (byte, value) in file.iter_mut().skip(place + name.len()).zip(*random.pick(&sizes)) {
        *byte = *value;
    }
    file
}

fn block(random: &mut Random, file: &[u8]) -> std::ops::Range<usize> {
    let start = random.below(file.len());
    let end = start + random.below((file.len() - start).min(HEAD));
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_works_on_every_length_and_is_repeatable() {
        let sources: Vec<Vec<u8>> = [1, 2, 45, 5000, 200_000].map(|length| vec![0x52; length]).into();
        for (name, damage) in MUTATIONS {
            for file in &sources {
                for seed in 0..30 {
                    let run = || damage(&mut Random::new(seed, name), file, b"RIFF....WAVEfmt ");
                    assert_eq!(run(), run(), "{name} of {} bytes", file.len());
                }
            }
        }
    }

    #[test]
    fn damage_of_a_length_is_at_a_length() {
        let wav = b"....................RIFF\x24\0\0\0WAVE".to_vec();
        let changed = (0..200)
            .filter(|seed| length(&mut Random::new(*seed, "test"), &wav, &[])[..16] != wav[..16])
            .count();
        assert_eq!(changed, 0, "nothing before the four bytes in front of the name");
    }
}
