use super::super::collect::collect;
use super::super::cursor::tests::file;
use super::*;
use miniz_oxide::deflate::compress_to_vec_zlib;
use proptest::prelude::*;
use report::Tags;

fn synchsafe(len: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (len >> shift & 0x7f) as u8)
}

fn framed(version: u8, id: &str, flags: [u8; 2], content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let size = match version {
        2 => (len as u32).to_be_bytes()[1..].to_vec(),
        3 => (len as u32).to_be_bytes().to_vec(),
        _ => synchsafe(len).to_vec(),
    };
    let flags = if version == 2 { &[] } else { flags.as_slice() };
    [id.as_bytes(), &size, flags, content].concat()
}

fn frame(id: &str, content: &[u8]) -> Vec<u8> {
    framed(3, id, [0, 0], content)
}

fn latin(id: &str, text: &str) -> Vec<u8> {
    frame(id, &[b"\0".as_slice(), text.as_bytes()].concat())
}

fn tag(version: u8, flags: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let body = frames.concat();
    [b"ID3".as_slice(), &[version, 0, flags], &synchsafe(body.len()), &body].concat()
}

fn tags_of(bytes: &[u8]) -> Tags {
    collect(&read(&file(bytes), 0, bytes.len() as u64))
}

/// The odd frame between good ones, and padding.
fn among(version: u8, odd: &[u8]) -> Tags {
    let good = |id, text: &str| framed(version, id, [0, 0], &[b"\0".as_slice(), text.as_bytes()].concat());
    let names = if version == 2 { ["TT2", "TP1", "TAL"] } else { ["TIT2", "TPE1", "TALB"] };
    let tags = tags_of(&tag(
        version,
        0,
        &[
            good(names[0], "Good Title"),
            odd.to_vec(),
            good(names[1], "Good Artist"),
            good(names[2], "Good Album"),
            vec![0; 64],
        ],
    ));
    assert_eq!(tags.title.as_deref(), Some("Good Title"));
    assert_eq!((tags.artist.as_deref(), tags.album.as_deref()), (Some("Good Artist"), Some("Good Album")));
    tags
}

#[test]
fn an_odd_frame_costs_itself_alone_and_is_named() {
    let cases: [(&str, &[u8], Option<&str>); 14] = [
        ("COMM", b"\0eng", None),
        ("COMM", b"\0en", Some("COMM: 3 bytes are too few for a comment")),
        ("COMM", b"\x09eng\0text", Some("COMM: text encoding 9 is not known")),
        ("TCOM", b"\x01\xff\xfeA\0B", None),
        ("TCOM", b"", None),
        ("TCOM", b"\x01", None),
        ("POPM", b"a@b\0", None),
        ("TXXX", b"\0no end", Some("TXXX: its name has no end")),
        ("APIC", b"\0image/png", Some("APIC: its media type has no end")),
        ("APIC", b"\0image/png\0", Some("APIC: it is too short for a picture")),
        ("RVA2", b"track\0\x01\xf3", Some("RVA2: it ends within a channel")),
        ("RVA2", b"track\0\x01\xf3\0\x10\x7d", Some("RVA2: it ends within a peak")),
        ("TDRC", b"\0circa", Some("date: no year in \"circa\"")),
        ("TBPM", b"\0fast", Some("bpm: \"fast\" is not understood")),
    ];
    for (id, content, wanted) in cases {
        for version in [3, 4] {
            let tags = among(version, &framed(version, id, [0, 0], content));
            let wanted: Vec<&str> = wanted.into_iter().collect();
            assert_eq!(tags.unread, wanted, "{id} {content:?} in version {version}");
        }
    }
    assert_eq!(among(2, b"COM\0\0\x02\0e").unread, ["COM: 2 bytes are too few for a comment"]);
}

#[test]
fn a_frame_with_a_false_length_costs_itself_alone() {
    // Longer than the tag, and shorter than its content.
    for size in [u32::MAX, 1 << 24, 2] {
        let mut odd = latin("TCOM", "Somebody with a long name");
        odd[4..8].copy_from_slice(&size.to_be_bytes());
        let tags = among(3, &odd);
        assert_eq!(tags.unread.len(), 1, "{size} {:?}", tags.unread);
        if size > 2 {
            assert_eq!(tags.composer.as_deref(), Some("Somebody with a long name"));
            assert_eq!(tags.unread, ["TCOM: it is longer than the tag"]);
        }
    }
    let rubbish = among(4, b"??????????????");
    assert_eq!(rubbish.unread, ["ID3v2: 14 bytes that are no frame"]);
    let cut = tags_of(&tag(3, 0, &[latin("TIT2", "Title"), latin("TPE1", "Artist")])[..40]);
    assert_eq!((cut.title.as_deref(), cut.artist.as_deref()), (Some("Title"), Some("Art")));
}

#[test]
fn sizes_as_the_other_version_writes_them() {
    let long = "x".repeat(300);
    let text = [b"\0".as_slice(), long.as_bytes()].concat();
    for (version, size) in [(4, 301u32.to_be_bytes()), (3, synchsafe(301))] {
        let mut odd = framed(version, "TCOM", [0, 0], &text);
        odd[4..8].copy_from_slice(&size);
        let tags = among(version, &odd);
        assert_eq!((tags.composer.as_deref(), tags.unread.len()), (Some(long.as_str()), 0), "{version}");
    }
}

#[test]
fn short_names_in_a_later_version() {
    let tags = tags_of(&tag(3, 0, &[latin("TT2\0", "Title"), latin("TP1 ", "Artist")]));
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Title"), Some("Artist")));
}

#[test]
fn encodings() {
    let title = |content: &[u8]| tags_of(&tag(3, 0, &[frame("TIT2", content)])).title.unwrap_or_default();
    assert_eq!(title(b"\0Don\x92t Stop \x96 Live"), "Don’t Stop – Live");
    assert_eq!(title(b"\0Caf\xe9"), "Café");
    assert_eq!(title("\0Café".as_bytes()), "Café");
    assert_eq!(title(b"\0\x82\xb3\x82\xad\x82\xe7"), "さくら");
    assert_eq!(title("\x03Über".as_bytes()), "Über");
    assert_eq!(title(b"\x03Caf\xe9"), "Café");
    assert_eq!(title(b"\x01\xff\xfe\xdc\0b\0"), "Üb");
    assert_eq!(title(b"\x01\xfe\xff\0\xdc\0b"), "Üb");
    assert_eq!(title(b"\x01\xdc\0b\0"), "Üb");
    assert_eq!(title(b"\x02\0\xdc\0b"), "Üb");
    assert_eq!(title(b"\x02\xff\xfe\xdc\0b\0"), "Üb");
    assert_eq!(title(b"\x01Not UTF-16"), "Not UTF-16");
    assert_eq!(title(b"No encoding"), "No encoding");
    assert_eq!(title(b"\x01\xff\xfe\x3d\xd8"), "\u{fffd}");
}

#[test]
fn the_comment_is_that_without_description() {
    let comment = |description: &[u8], text: &[u8]| {
        frame("COMM", &[b"\0eng".as_slice(), description, b"\0", text].concat())
    };
    let technical = [
        comment(b"iTunNORM", b" 00000A1B"),
        comment(b"iTunPGAP", b"0"),
        comment(b"iTunSMPB", b" 00000000"),
        comment(b"ID3v1 Comment", b"cut"),
        comment(b"Songs-DB_Custom1", b"x"),
    ];
    let of = |frames: &[Vec<u8>]| tags_of(&tag(3, 0, frames)).comment;
    assert_eq!(of(&technical), None);
    assert_eq!(of(&[technical.concat(), comment(b"", b"Mine")]).as_deref(), Some("Mine"));
    assert_eq!(of(&[comment(b"Review", b"Good"), comment(b"", b"Mine")]).as_deref(), Some("Mine"));
    assert_eq!(of(&[technical.concat(), comment(b"Review", b"Good")]).as_deref(), Some("Good"));
    let wide = frame("COMM", b"\x01eng\xff\xfei\0T\0u\0n\0S\0M\0P\0B\0\0\0\xff\xfe0\0");
    assert_eq!(of(&[wide]), None);
    let wide = frame("COMM", b"\x01eng\xff\xfe\0\0\xff\xfeM\0e\0");
    assert_eq!(of(&[wide]).as_deref(), Some("Me"));
}

#[test]
fn dates_of_either_version_in_the_other() {
    let date = |version, frames: &[(&str, &str)]| {
        let frames: Vec<_> = frames
            .iter()
            .map(|(id, text)| framed(version, id, [0, 0], &[b"\0".as_slice(), text.as_bytes()].concat()))
            .collect();
        let tags = tags_of(&tag(version, 0, &frames));
        (tags.date.unwrap_or_default(), tags.year)
    };
    for version in [3, 4] {
        assert_eq!(date(version, &[("TYER", "2004")]), ("2004".into(), Some(2004)));
        assert_eq!(date(version, &[("TYER", "2004-05-12")]), ("2004-05-12".into(), Some(2004)));
        assert_eq!(date(version, &[("TYER", "2004"), ("TDAT", "1205")]), ("2004-05-12".into(), Some(2004)));
        let stamp = "2004-05-12T10:00:00";
        assert_eq!(date(version, &[("TDRC", stamp)]), (stamp.into(), Some(2004)));
        assert_eq!(date(version, &[("TDRC", "12/05/2004")]), ("12/05/2004".into(), Some(2004)));
        assert_eq!(date(version, &[("TDRL", "12.05.2004")]), ("12.05.2004".into(), Some(2004)));
        assert_eq!(date(version, &[("TDRC", ""), ("TYER", "2004")]), ("2004".into(), Some(2004)));
    }
    assert_eq!(date(2, &[("TYE", "2004"), ("TDA", "1205")]), ("2004-05-12".into(), Some(2004)));
}

#[test]
fn repeated_frames_and_several_values() {
    let frames = [
        latin("TPE1", "A"),
        latin("TPE1", "B\0C"),
        latin("TPE1", ""),
        latin("TCON", "(17)Rock"),
        latin("TCON", "8"),
    ];
    let tags = tags_of(&tag(4, 0, &frames));
    assert_eq!(
        (tags.artist.as_deref(), tags.artists),
        (Some("A; B; C"), ["A", "B", "C"].map(String::from).into())
    );
    assert_eq!(
        (tags.genre.as_deref(), tags.genres),
        (Some("Rock; Jazz"), ["Rock", "Jazz"].map(String::from).into())
    );
    let wide = frame("TPE1", b"\x01\xff\xfeA\0\0\0\xff\xfeB\0");
    assert_eq!(tags_of(&tag(4, 0, &[wide])).artists, ["A", "B"].map(String::from));
}

#[test]
fn user_defined_frames_count_less() {
    let frames = [
        latin("TXXX", "ARTIST\0Other"),
        latin("TPE1", "Artist"),
        latin("TXXX", "ARTISTS\0A\0B"),
        latin("TXXX", "MusicBrainz Album Id\0rel1"),
        latin("TXXX", "replaygain_track_gain\0-6,48 dB"),
        latin("TXXX", "REPLAYGAIN_TRACK_PEAK\x009.87654e-1"),
        frame("UFID", b"http://musicbrainz.org\0rec1"),
    ];
    let tags = tags_of(&tag(3, 0, &frames));
    assert_eq!((tags.artist.as_deref(), tags.artists.len()), (Some("Artist"), 2));
    let (ids, gain) = (tags.musicbrainz.unwrap(), tags.replaygain.unwrap());
    assert_eq!((ids.release_id.as_deref(), ids.recording_id.as_deref()), (Some("rel1"), Some("rec1")));
    assert_eq!((gain.track_gain_db, gain.track_peak), (Some(-6.48), Some(0.987_654)));
}

#[test]
fn gains_in_frames_of_their_own() {
    let frames = [
        // Another channel first, then the master volume, −6.5 dB with a peak of 16 bits.
        framed(4, "RVA2", [0, 0], b"track\0\x02\x00\x00\x00\x01\xf3\x00\x10\x7d\x00"),
        framed(4, "RVA2", [0, 0], b"ALBUM\0\x01\xf1\x00\x00"),
    ];
    let gain = tags_of(&tag(4, 0, &frames)).replaygain.unwrap();
    assert_eq!((gain.track_gain_db, gain.album_gain_db), (Some(-6.5), Some(-7.5)));
    assert_eq!((gain.track_peak, gain.album_peak), (Some(f64::from(0x7d00) / 32768.0), None));
    let old = [0.5f32.to_bits().to_be_bytes().as_slice(), &[0x2e, 0x41, 0x4c, 0x23]].concat();
    let gain = tags_of(&tag(3, 0, &[frame("RGAD", &old)])).replaygain.unwrap();
    assert_eq!((gain.track_gain_db, gain.album_gain_db, gain.track_peak), (Some(-6.5), Some(3.5), Some(0.5)));
}

#[test]
fn pictures_of_any_size_are_measured() {
    let picture = |size: usize| [b"\0image/jpeg\0\x03\0".as_slice(), &vec![0xff; size]].concat();
    let cover =
        |bytes: &[u8]| tags_of(bytes).cover_art.map(|it| (it.mime.unwrap_or_default(), it.size_bytes));
    let jpeg = |size| Some(("image/jpeg".to_owned(), size));
    assert_eq!(cover(&tag(3, 0, &[frame("APIC", &picture(20 << 20))])), jpeg(20 << 20));
    assert_eq!(cover(&tag(2, 0, &[framed(2, "PIC", [0, 0], b"\0JPG\x03\0data")])), jpeg(4));
    let wide = b"\x01image/jpeg\0\x03\xff\xfed\0\0\0data";
    assert_eq!(cover(&tag(3, 0, &[frame("APIC", wide)])), jpeg(4));
    assert_eq!(cover(&tag(3, 0, &[frame("APIC", b"\0-->\0\x03\0http://a/b.jpg")])), None);
    // Each 0xFF is followed by a 0 that does not count: of the whole tag, and of a frame.
    let stuffed: Vec<u8> = picture(9000).iter().flat_map(|it| [*it, 0]).collect();
    let stuffed: Vec<u8> =
        stuffed.chunks(2).flat_map(|it| if it[0] == 0xff { it.to_vec() } else { vec![it[0]] }).collect();
    let mut whole = frame("APIC", &stuffed);
    whole[4..8].copy_from_slice(&(picture(9000).len() as u32).to_be_bytes());
    assert_eq!(cover(&tag(3, 0x80, &[whole])), jpeg(9000));
    assert_eq!(cover(&tag(4, 0, &[framed(4, "APIC", [0, 2], &stuffed)])), jpeg(9000));
    let counted = [synchsafe(picture(9000).len()).as_slice(), &stuffed].concat();
    assert_eq!(cover(&tag(4, 0, &[framed(4, "APIC", [0, 3], &counted)])), jpeg(9000));
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec_zlib(bytes, 6)
}

#[test]
fn compressed_grouped_and_encrypted_frames() {
    let title = |version, flags, content: &[u8]| {
        let tags = tags_of(&tag(version, 0, &[framed(version, "TIT2", flags, content)]));
        (tags.title, tags.unread)
    };
    let good = (Some("Title".to_owned()), Vec::new());
    let body = deflated(b"\0Title");
    assert_eq!(title(3, [0, 0x80], &[b"\0\0\0\x06".as_slice(), &body].concat()), good);
    assert_eq!(title(4, [0, 9], &[b"\0\0\0\x06".as_slice(), &body].concat()), good);
    assert_eq!(title(3, [0, 0x20], b"g\0Title"), good);
    assert_eq!(title(4, [0, 0x40], b"g\0Title"), good);
    assert_eq!(title(4, [0, 0x04], b"\x80secret").1, ["TIT2: it is encrypted"]);
    assert!(title(3, [0, 0x80], b"\0\0\0\x06nonsense").1[0].starts_with("TIT2: it cannot be decompressed"));
    assert_eq!(title(4, [0, 0x09], b"\0").1, ["TIT2: it is shorter than its header"]);
    // A bomb is read as far as a text may go.
    let bomb = [b"\0\0\0\x06".as_slice(), &deflated(&vec![b'a'; 16 << 20])].concat();
    assert_eq!(title(3, [0, 0x80], &bomb).0.unwrap().len(), 1024);
}

#[test]
fn extended_headers_are_passed() {
    let title = |version, extended: &[u8]| {
        tags_of(&tag(version, 0x40, &[extended.to_vec(), latin("TIT2", "T")])).title
    };
    assert_eq!(title(3, b"\0\0\0\x06\0\0\0\0\0\0").as_deref(), Some("T"));
    assert_eq!(title(4, b"\0\0\0\x06\x01\0").as_deref(), Some("T"));
    assert_eq!(title(3, b"").as_deref(), Some("T"));
}

#[test]
fn chapters_within_chapters_are_not_followed() {
    let mut nested = latin("TIT2", "Innermost");
    for _ in 0..20_000 {
        let content = [b"id\0".as_slice(), &[0; 16], &nested].concat();
        nested = frame("CHAP", &content);
    }
    let bytes = tag(3, 0, &[nested, latin("TIT2", "Title"), latin("TPE1", "Artist")]);
    // A thread's own stack is small, and it shall be enough.
    let tags = std::thread::Builder::new().stack_size(256 * 1024).spawn(move || tags_of(&bytes)).unwrap();
    let tags = tags.join().unwrap();
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Title"), Some("Artist")));
}

#[test]
fn versions_that_do_not_exist_are_named() {
    assert_eq!(tags_of(&tag(5, 0, &[latin("TIT2", "T")])).unread, ["ID3v2.5 is not known"]);
    assert_eq!(tags_of(&tag(2, 0x40, &[])).unread, ["ID3v2.2 is not known"]);
    assert_eq!(tags_of(b"ID3\x03\0\0\x80\0\0\0"), Tags::default());
    assert_eq!(tags_of(b"ID3"), Tags::default());
}

const IDS: [&str; 12] =
    ["TIT2", "COMM", "TXXX", "APIC", "RVA2", "UFID", "TCON", "RGAD", "CHAP", "TDRC", "TRCK", "????"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_frames_with_any_flags(
        version in 2u8..5, flags: u8,
        frames in proptest::collection::vec(
            (0..IDS.len(), any::<[u8; 2]>(), proptest::collection::vec(any::<u8>(), 0..200), 0i32..3), 0..12),
        cut in 0usize..2000,
    ) {
        let frames: Vec<Vec<u8>> = frames
            .into_iter()
            .map(|(id, flags, content, odd)| {
                let id = if version == 2 { &IDS[id][..3] } else { IDS[id] };
                let mut frame = framed(version, id, flags, &content);
                if odd == 0 {
                    frame[4] ^= 0x81;
                }
                frame
            })
            .collect();
        let bytes = tag(version, flags, &frames);
        let _ = tags_of(&bytes[..bytes.len().min(cut)]);
        let _ = tags_of(&bytes);
    }

    #[test]
    fn texts_come_back_in_every_encoding(text in "[ -~À-ÿĀ-ɏ가-힣]{1,40}", encoding in 1u8..4) {
        let units: Vec<u16> = text.encode_utf16().collect();
        let body: Vec<u8> = match encoding {
            1 => [0xff, 0xfe].into_iter().chain(units.iter().flat_map(|it| it.to_le_bytes())).collect(),
            2 => [0xfe, 0xff].into_iter().chain(units.iter().flat_map(|it| it.to_be_bytes())).collect(),
            _ => text.as_bytes().to_vec(),
        };
        let title = tags_of(&tag(4, 0, &[framed(4, "TIT2", [0, 0], &[[encoding].as_slice(), &body].concat())])).title;
        prop_assert_eq!(title.unwrap_or_default(), text.trim());
    }
}
