use super::super::collect::collect;
use super::super::cursor::tests::file;
use super::*;
use data_encoding::BASE64;
use proptest::prelude::*;
use report::Tags;

/// Pages of one stream, each packet beginning a page of its own; 50 segments to a page.
fn pages(serial: u32, packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut pages = Vec::new();
    for (number, packet) in packets.iter().enumerate() {
        let mut lacing = vec![255u8; packet.len() / 255];
        lacing.push((packet.len() % 255) as u8);
        let mut rest = packet.as_slice();
        for (part, lacing) in lacing.chunks(50).enumerate() {
            let (body, behind) = rest.split_at(lacing.iter().map(|it| usize::from(*it)).sum());
            rest = behind;
            let flags = if number == 0 { 2 } else { u8::from(part > 0) };
            let mut page = [b"OggS\0".as_slice(), &[flags], &[0; 8], &serial.to_le_bytes(), &[0; 8]].concat();
            page.push(lacing.len() as u8);
            page.extend(lacing);
            page.extend(body);
            pages.push(page);
        }
    }
    pages
}

fn comments(texts: &[&[u8]]) -> Vec<u8> {
    let counted = |text: &[u8]| [(text.len() as u32).to_le_bytes().as_slice(), text].concat();
    let all: Vec<u8> = texts.iter().flat_map(|it| counted(it)).collect();
    [counted(b"vendor"), (texts.len() as u32).to_le_bytes().to_vec(), all].concat()
}

fn tags_of(bytes: &[u8]) -> Tags {
    collect(&read(&file(bytes), 0, bytes.len() as u64).into_iter().collect::<Vec<_>>())
}

fn opus(texts: &[&[u8]]) -> Vec<u8> {
    let tags = [b"OpusTags".as_slice(), &comments(texts)].concat();
    pages(7, &[b"OpusHead\x01\x02\0\0\0\0\0\0\0\0\0".to_vec(), tags, vec![1; 700]]).concat()
}

/// A picture block.
fn picture(size: usize) -> Vec<u8> {
    let numbers = [0u32; 4].map(u32::to_be_bytes).concat();
    let head = [b"\0\0\0\x03\0\0\0\x09image/png\0\0\0\0".as_slice(), &numbers].concat();
    [head.as_slice(), &(size as u32).to_be_bytes(), &vec![7; size]].concat()
}

#[test]
fn flac_in_ogg() {
    let block = |kind: u8, content: &[u8]| {
        [[kind].as_slice(), &(content.len() as u32).to_be_bytes()[1..], content].concat()
    };
    let texts: [&[u8]; 3] = [b"TITLE=Good Title", b"REPLAYGAIN_TRACK_GAIN=-6.48 dB", b"ARTIST=A"];
    let first = [b"\x7fFLAC\x01\0\0\x03fLaC".as_slice(), &block(0, &[0; 34])].concat();
    let packets = [
        first,
        block(4, &comments(&texts)),
        block(6, &picture(300_000)),
        block(0x81, &[0; 20]),
        vec![0xff; 90],
    ];
    let tags = tags_of(&pages(1, &packets).concat());
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Good Title"), Some("A")));
    assert_eq!(tags.replaygain.unwrap().track_gain_db, Some(-6.48));
    let cover = tags.cover_art.unwrap();
    assert_eq!((cover.mime.as_deref(), cover.size_bytes), (Some("image/png"), 300_000));
}

#[test]
fn comments_between_the_pages_of_another_stream() {
    let long = [b"COMMENT=".as_slice(), &[b'x'; 40_000]].concat();
    let vorbis = [b"\x03vorbis".as_slice(), &comments(&[&long, b"title=T"])].concat();
    let sound = pages(1, &[b"\x01vorbis".to_vec(), vorbis]);
    let film = pages(2, &[b"\x80theora".to_vec(), vec![9; 3000], vec![9; 30_000]]);
    let mut mixed = vec![film[0].clone(), sound[0].clone()];
    for at in 1..sound.len().max(film.len()) {
        mixed.extend(film.get(at).cloned());
        mixed.extend(sound.get(at).cloned());
    }
    let tags = tags_of(&mixed.concat());
    assert_eq!((tags.title.as_deref(), tags.comment.map(|it| it.len())), (Some("T"), Some(1024)));
}

#[test]
fn values_of_comments() {
    let tags = tags_of(&opus(&[
        b"artist=A",
        b"ARTIST=B",
        b"genre=Jazz",
        b"GENRE=",
        b"no name",
        b"",
        b"album=Caf\xe9",
        b"DESCRIPTION=Described",
        b"R128_TRACK_GAIN=-1280",
        b"TRACKNUMBER=07 of 12",
        b"DISCNUMBER=1",
        b"DISCTOTAL=2",
        b"DATE=12.05.2004",
    ]));
    assert_eq!((tags.artist.as_deref(), tags.artists.len()), (Some("A; B"), 2));
    assert_eq!((tags.genre.as_deref(), tags.album.as_deref()), (Some("Jazz"), Some("Café")));
    assert_eq!((tags.comment.as_deref(), tags.year), (Some("Described"), Some(2004)));
    assert_eq!((tags.track_number, tags.track_total), (Some(7), Some(12)));
    assert_eq!((tags.disc_number, tags.disc_total), (Some(1), Some(2)));
    assert_eq!(tags.replaygain.unwrap().track_gain_db, Some(0.0));
    assert_eq!(tags.unread, ["Vorbis comment: one has no name"]);
}

#[test]
fn a_false_length_costs_what_follows() {
    let mut bytes = opus(&[b"title=T", b"artist=A", b"album=B"]);
    let at = bytes.windows(8).position(|it| it == b"artist=A").unwrap();
    bytes[at - 4..at].copy_from_slice(&u32::MAX.to_le_bytes());
    let tags = tags_of(&bytes);
    assert_eq!((tags.title.as_deref(), tags.album), (Some("T"), None));
    assert_eq!(tags.unread, ["Vorbis comment: it ends after 1 of 3 comments"]);
}

#[test]
fn pictures_in_comments_of_any_size() {
    let encoded = |name: &str, bytes: &[u8]| format!("{name}={}", BASE64.encode(bytes)).into_bytes();
    let cover = |comment: Vec<u8>| {
        let tags = tags_of(&opus(&[&comment, b"title=T"]));
        assert_eq!(tags.title.as_deref(), Some("T"));
        tags.cover_art.map(|it| (it.mime.unwrap_or_default(), it.size_bytes))
    };
    for size in [1, 1000, 100_000, 20 << 20] {
        let wanted = Some(("image/png".to_owned(), size as u64));
        assert_eq!(cover(encoded("METADATA_BLOCK_PICTURE", &picture(size))), wanted);
        let bare = [b"\x89PNG\r\n\x1a\n\0\0\0\0".as_slice(), &vec![0; size]].concat();
        let (mime, bytes) = cover(encoded("coverart", &bare)).unwrap();
        assert_eq!(mime, "image/png");
        assert!(bytes.abs_diff(bare.len() as u64) <= 2);
    }
    assert_eq!(cover(b"METADATA_BLOCK_PICTURE=????".to_vec()), None);
}

proptest! {
    #[test]
    fn any_damage_is_survived(places in proptest::collection::vec((0usize..2000, any::<u8>()), 0..12), cut in 0usize..2000) {
        let mut bytes = opus(&[b"title=T", b"METADATA_BLOCK_PICTURE=AAAA", b"coverart=AAAAAAAAAAAA", b"artist=A"]);
        for (place, byte) in places {
            if let Some(it) = bytes.get_mut(place) {
                *it = byte;
            }
        }
        bytes.truncate(cut.max(1));
        let _ = tags_of(&bytes);
    }
}
