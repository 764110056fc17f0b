use super::super::collect::collect;
use super::super::cursor::tests::file;
use super::*;
use proptest::prelude::*;
use report::Tags;

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;

fn id(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

fn element(kind: u32, content: &[u8]) -> Vec<u8> {
    [id(kind), (1u64 << 56 | content.len() as u64).to_be_bytes().to_vec(), content.to_vec()].concat()
}

/// An element that does not state its length.
fn open(kind: u32, content: &[u8]) -> Vec<u8> {
    [id(kind), vec![0xff], content.to_vec()].concat()
}

fn simple(name: &str, value: &str) -> Vec<u8> {
    let parts = [element(element::TAG_NAME, name.as_bytes()), element(element::TAG_STRING, value.as_bytes())];
    element(element::SIMPLE_TAG, &parts.concat())
}

fn tag(targets: &[u8], values: &[(&str, &str)]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|(name, value)| simple(name, value)).collect();
    element(element::TAG, &[element(element::TARGETS, targets), values].concat())
}

fn level(value: u8) -> Vec<u8> {
    element(element::TARGET_TYPE_VALUE, &[value])
}

fn matroska(children: &[Vec<u8>]) -> Vec<u8> {
    [element(0x1a45_dfa3, &[]), element(SEGMENT, &children.concat())].concat()
}

fn tags_of(bytes: &[u8]) -> Tags {
    collect(&read(&file(bytes), 0, bytes.len() as u64))
}

fn tagged(tags: &[Vec<u8>]) -> Tags {
    let info = element(element::INFO, &element(element::TITLE, b"Segment"));
    let clusters = [element(CLUSTER, &[0; 50]), element(CLUSTER, &[0; 50])];
    tags_of(&matroska(
        &[vec![info], clusters.to_vec(), vec![element(element::TAGS, &tags.concat())]].concat(),
    ))
}

#[test]
fn a_compilation_as_ffmpeg_writes_it() {
    let tags = tagged(&[
        tag(
            &[],
            &[
                ("ARTIST", "Track Artist"),
                ("ALBUM_ARTIST", "Various Artists"),
                ("ALBUM", "Album"),
                ("PART_NUMBER", "3/12"),
                ("DISC", "1/2"),
                ("REPLAYGAIN_TRACK_GAIN", "-6,48 dB"),
                ("MUSICBRAINZ_ALBUMID", "rel1"),
                ("ENCODER", "Lavf"),
            ],
        ),
        tag(
            &element(element::TAG_TRACK_UID, &[1]),
            &[("ENCODER", "Lavc libvorbis"), ("DURATION", "00:00:02")],
        ),
    ]);
    assert_eq!(
        (tags.artist.as_deref(), tags.album_artist.as_deref()),
        (Some("Track Artist"), Some("Various Artists"))
    );
    assert_eq!((tags.title.as_deref(), tags.album.as_deref()), (Some("Segment"), Some("Album")));
    assert_eq!((tags.track_number, tags.track_total), (Some(3), Some(12)));
    assert_eq!((tags.disc_number, tags.disc_total), (Some(1), Some(2)));
    assert_eq!(tags.replaygain.unwrap().track_gain_db, Some(-6.48));
    assert_eq!(tags.musicbrainz.unwrap().release_id.as_deref(), Some("rel1"));
}

#[test]
fn levels_as_the_standard_has_them() {
    let tags = tagged(&[
        tag(
            &level(50),
            &[("TITLE", "Album"), ("ARTIST", "Band"), ("TOTAL_PARTS", "2"), ("DATE_RELEASED", "2004")],
        ),
        tag(&level(40), &[("PART_NUMBER", "1"), ("TOTAL_PARTS", "12"), ("TITLE", "First disc")]),
        tag(&level(30), &[("TITLE", "Track"), ("ARTIST", "Singer"), ("PART_NUMBER", "7"), ("GENRE", "Jazz")]),
        tag(&level(20), &[("TITLE", "Movement")]),
        tag(&level(60), &[("TITLE", "Collection"), ("ARTIST", "Nobody")]),
    ]);
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Track"), Some("Singer")));
    assert_eq!((tags.album.as_deref(), tags.album_artist.as_deref()), (Some("Album"), Some("Band")));
    assert_eq!((tags.track_number, tags.track_total), (Some(7), Some(12)));
    assert_eq!((tags.disc_number, tags.disc_total, tags.year), (Some(1), Some(2), Some(2004)));
    let single = tagged(&[tag(&level(50), &[("TITLE", "Album"), ("ARTIST", "Band"), ("TOTAL_PARTS", "12")])]);
    assert_eq!((single.title.as_deref(), single.artist.as_deref()), (Some("Segment"), Some("Band")));
    assert_eq!((single.track_total, single.disc_total), (Some(12), None));
}

#[test]
fn what_has_no_level_is_the_album_where_the_track_has_the_same() {
    let tags = tagged(&[
        tag(&[], &[("TITLE", "Album"), ("ARTIST", "Band"), ("GENRE", "Jazz"), ("GENRE", "Soul")]),
        tag(&level(30), &[("TITLE", "Track"), ("ARTIST", "Singer")]),
    ]);
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Track"), Some("Singer")));
    assert_eq!((tags.album.as_deref(), tags.album_artist.as_deref()), (Some("Album"), Some("Band")));
    assert_eq!(tags.genres, ["Jazz", "Soul"]);
    assert_eq!(tagged(&[tag(&[], &[("TITLE", "Track")])]).title.as_deref(), Some("Track"));
}

#[test]
fn tags_behind_clusters_without_length_are_found_by_the_index() {
    let seek = |position: u64| {
        let parts = [element(0x53ab, &element::TAGS.to_be_bytes()), element(0x53ac, &position.to_be_bytes())];
        element(0x114d_9b74, &element(0x4dbb, &parts.concat()))
    };
    let cluster = open(CLUSTER, &[0; 333]);
    let place = (seek(0).len() + cluster.len()) as u64;
    let tags = element(element::TAGS, &tag(&[], &[("ARTIST", "A")]));
    let body = [seek(place), cluster, tags].concat();
    let bytes = [element(0x1a45_dfa3, &[]), open(SEGMENT, &body)].concat();
    assert_eq!(tags_of(&bytes).artist.as_deref(), Some("A"));
}

#[test]
fn attached_covers_are_measured() {
    let attached = |name: &str, mime: &str, size: usize| {
        let parts = [
            element(element::FILE_NAME, name.as_bytes()),
            element(element::FILE_MIME_TYPE, mime.as_bytes()),
            element(element::FILE_DATA, &vec![0; size]),
        ];
        element(element::ATTACHED_FILE, &parts.concat())
    };
    let files = [
        attached("font.ttf", "font/ttf", 9),
        attached("a.png", "image/png", 5),
        attached("cover.jpg", "image/jpeg", 20 << 20),
    ];
    let tags = tags_of(&matroska(&[element(element::ATTACHMENTS, &files.concat())]));
    let cover = tags.cover_art.unwrap();
    assert_eq!((cover.mime.as_deref(), cover.size_bytes), (Some("image/jpeg"), 20 << 20));
}

proptest! {
    #[test]
    fn any_damage_is_survived(places in proptest::collection::vec((0usize..400, any::<u8>()), 0..12), cut in 1usize..400) {
        let tags = element(element::TAGS, &[tag(&level(50), &[("TITLE", "A")]), tag(&[], &[("ARTIST", "B")])].concat());
        let mut bytes = matroska(&[element(element::INFO, &element(element::TITLE, b"T")), element(CLUSTER, &[0; 50]), tags]);
        for (place, byte) in places {
            if let Some(it) = bytes.get_mut(place) {
                *it = byte;
            }
        }
        let _ = tags_of(&bytes);
        bytes.truncate(cut);
        let _ = tags_of(&bytes);
    }
}
