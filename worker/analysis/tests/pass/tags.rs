//! Tags of whole files, and a second opinion on them.

use crate::build::{Sound, identified, riff};
use lofty::config::WriteOptions;
use lofty::file::{AudioFile, TaggedFileExt};
use lofty::picture::{MimeType, Picture, PictureType};
use lofty::probe::Probe;
use lofty::tag::{ItemKey, ItemValue, Tag, TagItem};
use report::Tags;
use std::fs;
use std::path::Path;

fn sample(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../loadtest/samples").join(name)).unwrap()
}

fn tags(bytes: &[u8]) -> Tags {
    identified(bytes).unwrap().tags.unwrap_or_default()
}

const WRITTEN: [(ItemKey, &str); 24] = [
    (ItemKey::TrackTitle, "Title"),
    (ItemKey::TrackArtist, "Ärtist"),
    (ItemKey::AlbumTitle, "Album"),
    (ItemKey::AlbumArtist, "Various Artists"),
    (ItemKey::Composer, "Composer"),
    (ItemKey::Genre, "Jazz"),
    (ItemKey::Comment, "Comment"),
    (ItemKey::TrackNumber, "7"),
    (ItemKey::TrackTotal, "12"),
    (ItemKey::DiscNumber, "1"),
    (ItemKey::DiscTotal, "2"),
    (ItemKey::RecordingDate, "2004-05-12"),
    (ItemKey::InitialKey, "Am"),
    (ItemKey::Isrc, "DEAB12345678"),
    (ItemKey::EncoderSoftware, "Encoder"),
    (ItemKey::MusicBrainzRecordingId, "11111111-1111-1111-1111-111111111111"),
    (ItemKey::MusicBrainzReleaseId, "22222222-2222-2222-2222-222222222222"),
    (ItemKey::MusicBrainzArtistId, "33333333-3333-3333-3333-333333333333"),
    (ItemKey::ReplayGainTrackGain, "-6.48 dB"),
    (ItemKey::ReplayGainTrackPeak, "0.987654"),
    (ItemKey::ReplayGainAlbumGain, "-7.25 dB"),
    (ItemKey::ReplayGainAlbumPeak, "1.000000"),
    (ItemKey::MusicBrainzReleaseGroupId, "44444444-4444-4444-4444-444444444444"),
    (ItemKey::MusicBrainzReleaseArtistId, "55555555-5555-5555-5555-555555555555"),
];

/// What the report says of an item.
fn found(tags: &Tags, key: ItemKey) -> Option<String> {
    let ids = tags.musicbrainz.clone().unwrap_or_default();
    let gain = tags.replaygain.clone().unwrap_or_default();
    let number = |it: Option<u32>| it.map(|it| it.to_string());
    match key {
        ItemKey::TrackTitle => tags.title.clone(),
        ItemKey::TrackArtist => tags.artist.clone(),
        ItemKey::AlbumTitle => tags.album.clone(),
        ItemKey::AlbumArtist => tags.album_artist.clone(),
        ItemKey::Composer => tags.composer.clone(),
        ItemKey::Genre => tags.genre.clone(),
        ItemKey::Comment => tags.comment.clone(),
        ItemKey::TrackNumber => number(tags.track_number),
        ItemKey::TrackTotal => number(tags.track_total),
        ItemKey::DiscNumber => number(tags.disc_number),
        ItemKey::DiscTotal => number(tags.disc_total),
        ItemKey::RecordingDate => tags.date.clone(),
        ItemKey::InitialKey => tags.initial_key.clone(),
        ItemKey::Isrc => tags.isrc.clone(),
        ItemKey::EncoderSoftware => tags.encoder.clone(),
        ItemKey::MusicBrainzRecordingId => ids.recording_id,
        ItemKey::MusicBrainzReleaseId => ids.release_id,
        ItemKey::MusicBrainzArtistId => ids.artist_id,
        ItemKey::MusicBrainzReleaseGroupId => ids.release_group_id,
        ItemKey::MusicBrainzReleaseArtistId => ids.release_artist_id,
        ItemKey::ReplayGainTrackGain => gain.track_gain_db.map(|it| format!("{it:.2} dB")),
        ItemKey::ReplayGainAlbumGain => gain.album_gain_db.map(|it| format!("{it:.2} dB")),
        ItemKey::ReplayGainTrackPeak => gain.track_peak.map(|it| format!("{it:.6}")),
        ItemKey::ReplayGainAlbumPeak => gain.album_peak.map(|it| format!("{it:.6}")),
        _ => None,
    }
}

/// A tagger writes everything it can into each format; what it reads of that, the report must say as well.
#[test]
fn well_formed_tags_are_read_as_a_tagger_reads_them() {
    for name in
        ["waltz.flac", "trance.mp3", "drum_and_bass.ogg", "house.wav", "slow_waltz.aiff", "ballad.alac.m4a"]
    {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        fs::write(&path, sample(name)).unwrap();
        let mut file = Probe::open(&path).unwrap().read().unwrap();
        let mut tag = Tag::new(file.primary_tag_type());
        for (key, value) in WRITTEN {
            tag.insert(TagItem::new(key, ItemValue::Text(value.to_owned())));
        }
        file.clear();
        file.insert_tag(tag);
        file.save_to_path(&path, WriteOptions::default()).unwrap();
        let read = Probe::open(&path).unwrap().read().unwrap();
        let theirs = read.primary_tag().unwrap();
        let ours = tags(&fs::read(&path).unwrap());
        let mut compared = 0;
        for (key, _) in WRITTEN {
            if let Some(value) = theirs.get_string(key) {
                assert_eq!(found(&ours, key).as_deref(), Some(value), "{key:?} of {name}");
                compared += 1;
            }
        }
        assert!(compared >= 7, "{name}: {compared}");
        assert!(ours.unread.is_empty(), "{name}: {:?}", ours.unread);
    }
}

/// An ID3v2.3 tag of these frames.
fn id3(frames: &[(&str, &[u8])]) -> Vec<u8> {
    let body: Vec<u8> = frames
        .iter()
        .flat_map(|(id, content)| {
            [id.as_bytes(), &(content.len() as u32).to_be_bytes(), &[0, 0], content].concat()
        })
        .collect();
    let size = [21, 14, 7, 0].map(|shift| (body.len() >> shift & 0x7f) as u8);
    [b"ID3\x03\0\0".as_slice(), &size, &body].concat()
}

#[test]
fn a_second_tag_that_is_empty_takes_nothing_away() {
    let full = id3(&[("TIT2", b"\0Title"), ("TPE1", b"\0Artist"), ("COMM", b"\0e")]);
    let empty = id3(&[("TIT2", b"\0"), ("TPE1", b"\x03"), ("TALB", b"\0Album")]);
    let plain = sample("steady_house.mp3");
    let start = plain.windows(2).position(|it| it[0] == 0xff && it[1] & 0xe0 == 0xe0).unwrap();
    let tags = tags(&[full.as_slice(), &empty, &plain[start..]].concat());
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Title"), Some("Artist")));
    assert_eq!((tags.album.as_deref(), tags.unread.len()), (Some("Album"), 1));
}

#[test]
fn long_wave_files_have_the_same_tags_as_short_ones() {
    let sound = Sound::tone(-20.0, 1.0);
    let (format, data) = (sound.format(), sound.data());
    let list: &[u8] = b"INFOINAM\x05\0\0\0title\0IART\x04\0\0\0Caf\xe9";
    let mut sizes = [0; 28];
    sizes[8..16].copy_from_slice(&(data.len() as u64).to_le_bytes());
    let mut bytes = riff(&[(b"ds64", &sizes), (b"fmt ", &format), (b"data", &data), (b"LIST", list)]);
    let at = crate::build::content_of(&bytes, b"data");
    bytes[at - 4..at].fill(0xff);
    for form in [b"RF64", b"BW64"] {
        bytes[..4].copy_from_slice(form);
        let tags = tags(&bytes);
        assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("title"), Some("Café")));
    }
}

#[test]
fn a_cover_that_is_too_large_for_the_demuxer_is_measured_and_the_sound_is_the_same() {
    for (name, size) in
        [("drum_and_bass.ogg", 20 << 20), ("progressive.opus", 20 << 20), ("waltz.flac", 15 << 20)]
    {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        fs::write(&path, sample(name)).unwrap();
        let mut file = Probe::open(&path).unwrap().read().unwrap();
        let mut tag = Tag::new(file.primary_tag_type());
        tag.insert(TagItem::new(ItemKey::TrackTitle, ItemValue::Text("Title".to_owned())));
        let picture =
            Picture::unchecked(vec![7; size]).pic_type(PictureType::CoverFront).mime_type(MimeType::Png);
        tag.push_picture(picture.build());
        file.clear();
        file.insert_tag(tag);
        file.save_to_path(&path, WriteOptions::default()).unwrap();
        let (before, after) =
            (identified(&sample(name)).unwrap(), identified(&fs::read(&path).unwrap()).unwrap());
        let tags = after.tags.unwrap();
        assert_eq!(
            (tags.title.as_deref(), tags.cover_art.unwrap().size_bytes),
            (Some("Title"), size as u64),
            "{name}"
        );
        assert_eq!(before.identity, after.identity, "{name}");
    }
}
