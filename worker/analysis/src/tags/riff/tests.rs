use super::super::collect::collect;
use super::super::cursor::tests::file;
use super::*;
use proptest::prelude::*;
use report::Tags;

fn chunk(id: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let padding = vec![0; content.len() % 2];
    [id.as_slice(), &(content.len() as u32).to_le_bytes(), content, &padding].concat()
}

fn reversed(id: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = chunk(id, content);
    chunk[4..8].reverse();
    chunk
}

fn list(texts: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let texts: Vec<u8> = texts.iter().flat_map(|(id, text)| chunk(id, text)).collect();
    chunk(b"LIST", &[b"INFO".as_slice(), &texts].concat())
}

fn id3(title: &str) -> Vec<u8> {
    let len = title.len() as u8 + 1;
    [b"ID3\x03\0\0\0\0\0".as_slice(), &[len + 10], b"TIT2\0\0\0", &[len], b"\0\0\0", title.as_bytes()]
        .concat()
}

fn wave_of(form: &[u8; 4], chunks: &[Vec<u8>]) -> Tags {
    let bytes = [form.as_slice(), &[0xff; 4], b"WAVE", &chunks.concat()].concat();
    collect(&wave(&file(&bytes), 0, bytes.len() as u64))
}

#[test]
fn texts_of_info() {
    let tags = wave_of(
        b"RIFF",
        &[
            chunk(b"data", &[0; 7]),
            list(&[
                (b"INAM", b"Good Title\0"),
                (b"IART", b"Caf\xe9 del Mar\0"),
                (b"IPRD", "Über".as_bytes()),
                (b"ICRD", b"12.05.2004"),
                (b"ITRK", b"07/12"),
                (b"IGNR", b"Jazz\0Soul"),
                (b"ICMT", b""),
            ]),
        ],
    );
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Good Title"), Some("Café del Mar")));
    assert_eq!((tags.album.as_deref(), tags.year), (Some("Über"), Some(2004)));
    assert_eq!((tags.track_number, tags.track_total), (Some(7), Some(12)));
    assert_eq!((tags.genres.len(), tags.comment), (2, None));
}

#[test]
fn id3_counts_more_than_info() {
    for id in [b"id3 ", b"ID3 "] {
        let tags =
            wave_of(b"RIFF", &[list(&[(b"INAM", b"Info"), (b"IART", b"Artist")]), chunk(id, &id3("Title"))]);
        assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Title"), Some("Artist")));
    }
}

#[test]
fn long_files_keep_their_lengths_elsewhere() {
    for form in [b"RF64", b"BW64"] {
        let mut sizes = vec![0; 28];
        sizes[8..16].copy_from_slice(&1000u64.to_le_bytes());
        sizes[24] = 1;
        sizes.extend(b"junk");
        sizes.extend(50u64.to_le_bytes());
        let mut data = chunk(b"data", &[0; 1000]);
        data[4..8].fill(0xff);
        let mut junk = chunk(b"junk", &[0; 50]);
        junk[4..8].fill(0xff);
        let tags = wave_of(form, &[chunk(b"ds64", &sizes), junk, data, list(&[(b"INAM", b"Title")])]);
        assert_eq!(tags.title.as_deref(), Some("Title"));
    }
}

#[test]
fn big_endian_waves() {
    let texts = reversed(b"INAM", b"Title");
    let list = reversed(b"LIST", &[b"INFO".as_slice(), &texts].concat());
    assert_eq!(wave_of(b"RIFX", &[list]).title.as_deref(), Some("Title"));
}

#[test]
fn a_chunk_that_is_not_padded_is_followed_by_the_next() {
    let mut odd = chunk(b"bext", &[1; 7]);
    odd.pop();
    let mut text = chunk(b"INAM", b"Odd");
    text.pop();
    let texts = [text, chunk(b"IART", b"Artist")].concat();
    let tags = wave_of(b"RIFF", &[odd, chunk(b"LIST", &[b"INFO".as_slice(), &texts].concat())]);
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Odd"), Some("Artist")));
}

#[test]
fn a_false_length_is_named() {
    let mut list = list(&[(b"INAM", b"Good"), (b"IART", b"Long")]);
    let at = list.len() - 8;
    list[at..at + 4].copy_from_slice(&9999u32.to_le_bytes());
    let tags = wave_of(b"RIFF", &[list]);
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Good"), Some("Long")));
    assert_eq!(tags.unread, ["IART: it is longer than its list"]);
}

#[test]
fn texts_of_aiff() {
    let chunks = [
        reversed(b"COMM", &[0; 18]),
        reversed(b"NAME", b"Own"),
        reversed(b"AUTH", b"Caf\xe9"),
        reversed(b"ANNO", b"One"),
        reversed(b"ANNO", b"Two"),
        reversed(b"ID3 ", &id3("Title")),
    ];
    let bytes = [b"FORM\0\0\0\0AIFF".as_slice(), &chunks.concat()].concat();
    let tags = collect(&aiff(&file(&bytes), 0, bytes.len() as u64));
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Title"), Some("Café")));
    assert_eq!(tags.comment.as_deref(), Some("One; Two"));
}

proptest! {
    #[test]
    fn any_damage_is_survived(
        form in 0usize..5, places in proptest::collection::vec((0usize..200, any::<u8>()), 0..12), cut in 1usize..200,
    ) {
        let form = [b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM"][form];
        let chunks = [chunk(b"ds64", &[1; 40]), list(&[(b"INAM", b"T")]), chunk(b"id3 ", &id3("T")), chunk(b"NAME", b"N")];
        let mut bytes = [form.as_slice(), &[0; 4], b"WAVE", &chunks.concat()].concat();
        for (place, byte) in places {
            if let Some(it) = bytes.get_mut(place) {
                *it = byte;
            }
        }
        bytes.truncate(cut);
        let end = bytes.len() as u64;
        let file = file(&bytes);
        let _ = (collect(&wave(&file, 0, end)), collect(&aiff(&file, 0, end)));
    }
}
