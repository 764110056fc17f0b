//! What libav decodes, held against ffmpeg: the length to the frame, the loudness to 0.1 LU, tempo and key against the music
//! before it was encoded. Needs ffmpeg on the path.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod files;
mod tool;

use analysis::{Analysis, Error, Features, Input, Options, Verdict, analyze, identify};
use files::Folder;
use std::fs::File;
use std::path::Path;

fn input(path: &Path) -> Input {
    let extension = path.extension().map(|it| it.to_string_lossy().into_owned());
    Input { file: File::open(path).unwrap(), extension }
}

fn options() -> Options {
    Options { features: "tags,loudness,tempo,key".parse::<Features>().unwrap(), ..Options::default() }
}

fn analysed(path: &Path) -> Result<Analysis, Error> {
    analyze(input(path), &options(), &mut |_| {})
}

fn whole(path: &Path) -> Analysis {
    let name = path.display();
    let analysis = analysed(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(analysis.verdict, Verdict::Complete, "{name}");
    let identified = identify(input(path), &options(), &mut |_| {}).unwrap();
    assert_eq!(identified.identity, analysis.identity, "{name}");
    assert_eq!(identified.tags, analysis.report.tags, "{name}");
    assert!(analysis.report.audio.decoder.starts_with("libavcodec-"), "{name}: {:?}", analysis.report.audio);
    analysis
}

/// Holds a file against what ffmpeg makes of it.
fn agrees_with_ffmpeg(path: &Path) -> Analysis {
    let name = path.display();
    let analysis = whole(path);
    let (audio, measured) = (&analysis.report.audio, tool::measure(path, audio_format(&analysis)));
    let apart = (audio.frames as f64 - measured.frames as f64).abs() / f64::from(audio.sample_rate_hz);
    // FFmpeg plays MP4 to the end of its last packet, which lies behind the end that the file states.
    let stated = (audio.container == "mp4").then_some(audio.declared_duration_seconds).flatten();
    let ends_as_stated = stated.is_some_and(|stated| (audio.duration_seconds - stated).abs() <= 0.001);
    assert!(
        apart <= 0.001 || ends_as_stated,
        "{name}: {} frames, ffmpeg has {}",
        audio.frames,
        measured.frames
    );
    let loudness = analysis.report.loudness.as_ref().and_then(|it| it.integrated_lufs).unwrap();
    assert!((loudness - measured.lufs).abs() <= 0.1, "{name}: {loudness} LUFS, ffmpeg has {}", measured.lufs);
    analysis
}

/// Rate and channels, which ffmpeg must decode to as well.
fn audio_format(analysis: &Analysis) -> (u32, u16) {
    (analysis.report.audio.sample_rate_hz, analysis.report.audio.channels)
}

/// Name, what ffmpeg is told to make it, and the container and codec of the report.
const ENCODED: [(&str, &str, &str, &str); 17] = [
    ("a.v1.wma", "-c:a wmav1 -b:a 128k", "asf", "wmav1"),
    ("a.v2.wma", "-c:a wmav2 -b:a 128k", "asf", "wmav2"),
    ("a.wv", "-c:a wavpack", "wavpack", "wavpack"),
    ("a.24.wv", "-c:a wavpack -sample_fmt s32p", "wavpack", "wavpack"),
    ("a.tta", "-c:a tta", "tta", "tta"),
    ("a.ac3", "-c:a ac3 -b:a 192k", "ac3", "ac3"),
    ("a.eac3", "-c:a eac3 -b:a 192k", "eac3", "eac3"),
    ("a.dts", "-c:a dca -strict -2 -ar 48000 -b:a 768k", "dts", "dts"),
    ("a.thd", "-c:a truehd -strict -2", "truehd", "truehd"),
    ("a.mlp", "-c:a mlp -strict -2", "mlp", "mlp"),
    ("a.dnet.rm", "-c:a ac3 -b:a 192k", "realmedia", "ac3"),
    ("a.ac3.mka", "-c:a ac3 -b:a 192k", "mkv", "ac3"),
    ("a.ac3.mp4", "-c:a ac3 -b:a 192k", "mp4", "ac3"),
    ("a.eac3.mp4", "-c:a eac3 -b:a 192k", "mp4", "eac3"),
    ("a.dts.mka", "-c:a dca -strict -2 -ar 48000 -b:a 768k", "mkv", "dts"),
    ("surround.m4a", "-c:a aac -ac 6 -ar 48000 -b:a 256k", "mp4", "aac"),
    ("surround.aac", "-c:a aac -ac 6 -ar 48000 -b:a 256k", "adts", "aac"),
];

#[test]
fn what_ffmpeg_encodes_is_what_it_decodes() {
    let folder = Folder::new();
    let original = folder.music();
    let before = analysed(&original).unwrap().report;
    let (tempo, key) = (before.tempo.unwrap(), before.key.unwrap());
    for (name, arguments, container, codec) in ENCODED {
        let path = folder.encode(&original, name, arguments);
        let report = agrees_with_ffmpeg(&path).report;
        assert_eq!(
            (report.audio.container.as_str(), report.audio.codec.as_str()),
            (container, codec),
            "{name}"
        );
        let bpm = report.tempo.unwrap_or_else(|| panic!("{name}: no tempo")).bpm;
        assert!((bpm - tempo.bpm).abs() < 0.1, "{name}: {bpm} BPM, the music has {}", tempo.bpm);
        let found = report.key.unwrap_or_else(|| panic!("{name}: no key"));
        assert_eq!((&found.tonic, found.mode), (&key.tonic, key.mode), "{name}");
    }
}

#[test]
fn what_ffmpeg_cannot_encode_is_built_or_kept() {
    let folder = Folder::new();
    let table = [
        ("a.dsf", files::dsf(2_822_400, 1.5), "dsf", "dsd", 352_800),
        ("a.256.dsf", files::dsf(11_289_600, 1.0), "dsf", "dsd", 1_411_200),
        ("a.dff", files::dff(2_822_400, 1.5), "dsdiff", "dsd", 352_800),
        ("a.amr", files::amr(150), "amr", "amr_nb", 8000),
        ("a.awb", files::amr_wide(150), "amr", "amr_wb", 16_000),
        ("he_v1.m4a", include_bytes!("he_v1.m4a").to_vec(), "mp4", "aac", 44_100),
        ("he_v1.aac", include_bytes!("he_v1.aac").to_vec(), "adts", "aac", 44_100),
        ("he_v2.aac", include_bytes!("he_v2.aac").to_vec(), "adts", "aac", 44_100),
    ];
    for (name, bytes, container, codec, rate) in table {
        let path = folder.write(name, &bytes);
        // ffmpeg leaves the end that this file's edit list cuts off.
        let analysis = if name == "he_v1.m4a" { whole(&path) } else { agrees_with_ffmpeg(&path) };
        let audio = analysis.report.audio;
        assert_eq!((audio.container.as_str(), audio.codec.as_str()), (container, codec), "{name}");
        assert_eq!(audio.sample_rate_hz, rate, "{name}");
    }
}

/// Replication doubles the rate, and parametric stereo makes two channels of one.
#[test]
fn he_aac_is_decoded_whole() {
    let folder = Folder::new();
    let table = [
        ("he_v1.m4a", &include_bytes!("he_v1.m4a")[..], "he", 6.0),
        ("he_v1.aac", &include_bytes!("he_v1.aac")[..], "he", 6.1),
        ("he_v2.aac", &include_bytes!("he_v2.aac")[..], "he-v2", 6.1),
    ];
    for (name, bytes, profile, seconds) in table {
        let audio = whole(&folder.write(name, bytes)).report.audio;
        assert_eq!(audio.codec_profile.as_deref(), Some(profile), "{name}");
        assert_eq!((audio.sample_rate_hz, audio.channels), (44_100, 2), "{name}");
        assert!((audio.duration_seconds - seconds).abs() < 0.15, "{name}: {} s", audio.duration_seconds);
    }
}

#[test]
fn lossless_codecs_keep_every_bit() {
    let folder = Folder::new();
    let original = folder.music();
    let before = analysed(&original).unwrap().report;
    for (name, arguments) in
        [("a.wv", "-c:a wavpack"), ("a.tta", "-c:a tta"), ("a.mlp", "-c:a mlp -strict -2")]
    {
        let report = whole(&folder.encode(&original, name, arguments)).report;
        assert_eq!(report.loudness, before.loudness, "{name}");
        assert_eq!(
            (report.audio.frames, report.audio.sample_rate_hz),
            (before.audio.frames, before.audio.sample_rate_hz)
        );
    }
}

#[test]
fn tags_are_read_and_change_no_identity() {
    let folder = Folder::new();
    let original = folder.music();
    for (name, codec) in
        [("a.wma", "-c:a wmav2"), ("a.wv", "-c:a wavpack"), ("a.tta", "-c:a tta"), ("a.rm", "-c:a ac3")]
    {
        let plain = whole(&folder.encode(&original, &format!("plain.{name}"), codec));
        let tagged =
            format!("{codec} -metadata title=Largo -metadata artist=Somebody -metadata author=Somebody");
        let tagged = whole(&folder.encode(&original, name, &tagged));
        let tags = tagged.report.tags.unwrap();
        assert_eq!(
            (tags.title.as_deref(), tags.artist.as_deref()),
            (Some("Largo"), Some("Somebody")),
            "{name}"
        );
        assert_eq!(tagged.identity, plain.identity, "{name}");
    }
}

/// Cut in the middle: the part that is there is measured, and the file is not called whole. (Of a WMA file that was cut libav
/// does not tell the length that it had.)
#[test]
fn a_file_that_breaks_off_is_partial() {
    let folder = Folder::new();
    let original = folder.music();
    for (name, codec) in [("a.wv", "-c:a wavpack"), ("a.tta", "-c:a tta")] {
        let bytes = std::fs::read(folder.encode(&original, name, codec)).unwrap();
        let path = folder.write(&format!("cut.{name}"), &bytes[..bytes.len() * 3 / 5]);
        let analysis = analysed(&path).unwrap();
        let Verdict::Partial { decoded_fraction, .. } = analysis.verdict else {
            panic!("{name}: {:?}", analysis.verdict)
        };
        assert!((0.4..0.8).contains(&decoded_fraction), "{name}: {decoded_fraction}");
    }
}

#[test]
fn a_damaged_lossless_file_is_partial() {
    let folder = Folder::new();
    let mut bytes = std::fs::read(folder.encode(&folder.music(), "a.wv", "-c:a wavpack")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    let analysis = analysed(&folder.write("damaged.wv", &bytes)).unwrap();
    assert!(matches!(analysis.verdict, Verdict::Partial { .. }), "{:?}", analysis.verdict);
}

/// A list of other files, which FFmpeg's own tools would follow.
#[test]
fn a_file_that_names_others_opens_none() {
    let folder = Folder::new();
    let music = folder.music();
    let list =
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n", music.display());
    for (name, text) in
        [("a.wma", list.clone()), ("b.wma", format!("ffconcat version 1.0\nfile '{}'\n", music.display()))]
    {
        let error = analysed(&folder.write(name, text.as_bytes())).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. } | Error::Corrupt { .. }), "{name}: {error}");
    }
}
