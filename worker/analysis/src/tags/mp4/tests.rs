use super::super::collect::collect;
use super::super::cursor::tests::file;
use super::*;
use proptest::prelude::*;
use report::Tags;

fn atom(kind: &[u8], content: &[u8]) -> Vec<u8> {
    [(content.len() as u32 + 8).to_be_bytes().as_slice(), kind, content].concat()
}

fn data(class: u32, value: &[u8]) -> Vec<u8> {
    atom(b"data", &[class.to_be_bytes().as_slice(), &[0; 4], value].concat())
}

fn text_item(kind: &[u8], text: &str) -> Vec<u8> {
    atom(kind, &data(1, text.as_bytes()))
}

fn user_item(name: &str, values: &[&str]) -> Vec<u8> {
    let boxed = |kind: &[u8], text: &str| atom(kind, &[[0; 4].as_slice(), text.as_bytes()].concat());
    let values: Vec<u8> = values.iter().flat_map(|it| data(1, it.as_bytes())).collect();
    atom(b"----", &[boxed(b"mean", "com.apple.iTunes"), boxed(b"name", name), values].concat())
}

fn movie(content: &[u8]) -> Vec<u8> {
    [atom(b"ftyp", b"M4A \0\0\0\0"), atom(b"mdat", &[0; 100]), atom(b"moov", content)].concat()
}

fn itunes(items: &[Vec<u8>]) -> Vec<u8> {
    let meta = [vec![0; 4], atom(b"hdlr", &[0; 25]), atom(b"ilst", &items.concat())].concat();
    movie(&[atom(b"mvhd", &[0; 100]), atom(b"udta", &atom(b"meta", &meta))].concat())
}

fn tags_of(bytes: &[u8]) -> Tags {
    collect(&read(&file(bytes), 0, bytes.len() as u64))
}

#[test]
fn items_of_the_standard_and_of_the_user() {
    let tags = tags_of(&itunes(&[
        text_item(b"\xa9nam", "Title"),
        atom(b"\xa9ART", &[data(1, b"A"), data(1, b"B")].concat()),
        text_item(b"aART", "Various Artists"),
        text_item(b"\xa9day", "2004-05-12T07:00:00Z"),
        atom(b"trkn", &data(0, &[0, 0, 0, 7, 0, 12, 0, 0])),
        atom(b"disk", &data(0, &[0, 0, 0, 1, 0, 0])),
        atom(b"gnre", &data(0, &[0, 18])),
        atom(b"tmpo", &data(21, &[0, 128])),
        user_item("iTunNORM", &[" 00000A1B"]),
        user_item("MusicBrainz Album Id", &["rel1"]),
        user_item("replaygain_track_gain", &["-6,48 dB"]),
        user_item("ARTISTS", &["A", "B", "C"]),
        user_item("LABEL", &["Label"]),
    ]));
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Title"), Some("A; B")));
    assert_eq!((tags.artists.len(), tags.album_artist.as_deref()), (3, Some("Various Artists")));
    assert_eq!((tags.track_number, tags.track_total), (Some(7), Some(12)));
    assert_eq!((tags.disc_number, tags.disc_total, tags.year), (Some(1), None, Some(2004)));
    assert_eq!((tags.genre.as_deref(), tags.bpm), (Some("Rock"), Some(128.0)));
    assert_eq!((tags.label.as_deref(), tags.comment.as_deref()), (Some("Label"), None));
    assert_eq!(tags.musicbrainz.unwrap().release_id.as_deref(), Some("rel1"));
    assert_eq!(tags.replaygain.unwrap().track_gain_db, Some(-6.48));
    assert!(tags.unread.is_empty(), "{:?}", tags.unread);
}

#[test]
fn an_odd_item_costs_itself_alone() {
    let cut = |kind| atom(kind, &atom(b"data", &[0, 0, 0, 1]));
    let mut long = text_item(b"\xa9alb", "Album");
    let len = long.len() as u32;
    long[8..12].copy_from_slice(&(len + 1000).to_be_bytes());
    let tags = tags_of(&itunes(&[
        cut(b"\xa9nam"),
        cut(b"trkn"),
        cut(b"covr"),
        atom(b"disk", &data(0, &[0])),
        atom(b"\xa9gen", b"x"),
        long,
        text_item(b"\xa9ART", "Artist"),
    ]));
    assert_eq!((tags.artist.as_deref(), tags.album.as_deref()), (Some("Artist"), Some("Album")));
    assert_eq!(
        tags.unread,
        [
            "©nam: it is too short for a value",
            "trkn: it is too short for a value",
            "covr: it is too short for a picture",
            "disk: it is too short for a number",
        ]
    );
}

#[test]
fn encodings_of_values() {
    let title = |class, value: &[u8]| tags_of(&itunes(&[atom(b"\xa9nam", &data(class, value))])).title;
    assert_eq!(title(1, "Über".as_bytes()).as_deref(), Some("Über"));
    assert_eq!(title(0, b"Caf\xe9").as_deref(), Some("Café"));
    assert_eq!(title(2, b"\0\xdc\0b").as_deref(), Some("Üb"));
    assert_eq!(title(3, b"\x82\xb3\x82\xad\x82\xe7").as_deref(), Some("さくら"));
    assert_eq!(title(1, b""), None);
}

#[test]
fn covers_of_any_size_are_measured() {
    let cover = |class, value: &[u8]| {
        let tags = tags_of(&itunes(&[atom(b"covr", &[data(class, value), data(13, b"second")].concat())]));
        tags.cover_art.map(|it| (it.mime.unwrap_or_default(), it.size_bytes))
    };
    assert_eq!(cover(13, &vec![7; 20 << 20]), Some(("image/jpeg".into(), 20 << 20)));
    assert_eq!(cover(0, b"\x89PNG\r\n\x1a\n"), Some(("image/png".into(), 8)));
    assert_eq!(cover(14, b""), Some(("image/jpeg".into(), 6)));
}

#[test]
fn quicktime_and_3gpp() {
    let international = |text: &[u8]| [(text.len() as u16).to_be_bytes().as_slice(), &[0, 0], text].concat();
    let user = [
        atom(b"\xa9nam", &international(b"Caf\x8e")),
        atom(b"\xa9ART", &international("Björk".as_bytes())),
        atom(b"albm", b"\0\0\0\0\x15\xc7\xfe\xff\0A\0l\0\0"),
        atom(b"yrrc", &[0, 0, 0, 0, 0x07, 0xd4]),
    ];
    let tags = tags_of(&movie(&atom(b"udta", &user.concat())));
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Café"), Some("Björk")));
    assert_eq!((tags.album.as_deref(), tags.year), (Some("Al"), Some(2004)));
    let key =
        |name: &str| [(name.len() as u32 + 8).to_be_bytes().as_slice(), b"mdta", name.as_bytes()].concat();
    let keys =
        [b"\0\0\0\0\0\0\0\x02".as_slice(), &key("com.apple.quicktime.title"), &key("album_artist")].concat();
    let items = [atom(&[0, 0, 0, 2], &data(1, b"Various")), atom(&[0, 0, 0, 1], &data(1, b"Title"))].concat();
    let meta = [atom(b"hdlr", &[0; 25]), atom(b"keys", &keys), atom(b"ilst", &items)].concat();
    let tags = tags_of(&movie(&atom(b"meta", &meta)));
    assert_eq!((tags.title.as_deref(), tags.album_artist.as_deref()), (Some("Title"), Some("Various")));
}

proptest! {
    #[test]
    fn any_damage_is_survived(places in proptest::collection::vec((0usize..600, any::<u8>()), 0..12), cut in 1usize..600) {
        let mut bytes = itunes(&[
            text_item(b"\xa9nam", "Title"),
            atom(b"trkn", &data(0, &[0, 0, 0, 7, 0, 12])),
            atom(b"covr", &data(13, &[7; 30])),
            user_item("LABEL", &["A", "B"]),
        ]);
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
