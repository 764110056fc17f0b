//! What keeps the identity of a piece of audio, and what does not.

use crate::build::{Sound, analysed, content_of, identified, riff};
use analysis::Identity;
use lofty::config::WriteOptions;
use lofty::file::{AudioFile, TaggedFileExt};
use lofty::picture::{MimeType, Picture, PictureType};
use lofty::probe::Probe;
use lofty::tag::{Accessor, Tag};
use std::fs;
use std::path::{Path, PathBuf};

fn sample(name: &str) -> Vec<u8> {
    fs::read(samples().join(name)).unwrap()
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../loadtest/samples")
}

#[track_caller]
fn identity(bytes: &[u8]) -> Identity {
    let quick = identified(bytes).unwrap().identity;
    assert_eq!(quick, analysed(bytes).unwrap().identity, "identify and analyze must agree");
    quick
}

#[test]
fn chunks_around_the_samples_do_not_count() {
    let sound = Sound::tone(-20.0, 1.0);
    let (format, data) = (sound.format(), sound.data());
    let plain = identity(&sound.wav());
    let list: &[u8] = b"INFOINAM\x06\0\0\0title\0";
    let tagged = riff(&[
        (b"junk", &[0; 333]),
        (b"fmt ", &format),
        (b"LIST", list),
        (b"data", &data),
        (b"id3 ", b"ID3\x04\0\0\0\0\0\0"),
    ]);
    assert_eq!(identity(&tagged), plain);
    // The format may be spelt in a longer way.
    let spelt = riff(&[(b"fmt ", &[format.clone(), vec![0, 0]].concat()), (b"data", &data)]);
    assert_eq!(identity(&spelt), plain);
}

#[test]
fn samples_and_format_count() {
    let sound = Sound::tone(-20.0, 1.0);
    let plain = identity(&sound.wav());
    let mut changed = sound.wav();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    assert_ne!(identity(&changed), plain);
    let mut faster = sound.wav();
    let format = content_of(&faster, b"fmt ");
    faster[format + 4..format + 8].copy_from_slice(&44_100u32.to_le_bytes());
    assert_ne!(identity(&faster), plain);
}

/// Writes tags with a tagger, on a copy.
fn retagged(name: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, sample(name)).unwrap();
    let mut tagged = Probe::open(&path).unwrap().read().unwrap();
    let mut tag = Tag::new(tagged.primary_tag_type());
    tag.set_title("Another title, quite a long one, so that everything behind it moves".to_owned());
    tag.set_artist("Someone else".to_owned());
    let picture = Picture::unchecked(vec![7; 70_000])
        .pic_type(PictureType::CoverFront)
        .mime_type(MimeType::Png)
        .build();
    tag.push_picture(picture);
    tagged.clear();
    tagged.insert_tag(tag);
    tagged.save_to_path(&path, WriteOptions::default()).unwrap();
    fs::read(&path).unwrap()
}

#[test]
fn a_tagger_does_not_change_the_identity() {
    for name in
        ["waltz.flac", "trance.mp3", "drum_and_bass.ogg", "house.wav", "slow_waltz.aiff", "ballad.alac.m4a"]
    {
        let (before, after) = (sample(name), retagged(name));
        assert_ne!(before, after, "{name}");
        let tags = identified(&after).unwrap().tags.unwrap();
        assert_eq!(tags.artist.as_deref(), Some("Someone else"), "{name}");
        assert_eq!(identity(&before), identity(&after), "{name}");
        if !name.ends_with(".wav") {
            let cover = tags.cover_art.unwrap();
            assert_eq!((cover.mime.as_deref(), cover.size_bytes), (Some("image/png"), 70_000), "{name}");
        }
    }
}

#[test]
fn tags_around_an_mp3_do_not_count() {
    let plain = sample("steady_house.mp3");
    let start = plain.windows(2).position(|it| it[0] == 0xff && it[1] & 0xe0 == 0xe0).unwrap();
    let naked = &plain[start..];
    let mut ape = *b"APETAGEX\xd0\x07\0\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    ape[8..12].copy_from_slice(&2000u32.to_le_bytes());
    let tagged =
        [b"ID3\x03\0\0\0\0\x02\x00".as_slice(), &[0; 256], naked, &ape, b"TAG", &[b' '; 125]].concat();
    assert_eq!(identity(naked), identity(&plain));
    assert_eq!(identity(&tagged), identity(&plain));
}

#[test]
fn a_packet_counts() {
    for name in ["waltz.flac", "trance.mp3", "drum_and_bass.ogg", "hip_hop.m4a", "reggae.aac", "rock.mka"] {
        let mut bytes = sample(name);
        let before = identified(&bytes).unwrap().identity;
        // In the middle there is nothing but packets.
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        let after = identified(&bytes).unwrap().identity;
        assert_ne!(before, after, "{name}");
    }
}
