//! The same sound in every uncompressed format.

use crate::build::{Coding, Sound, analysed, riff, sine};
use analysis::Verdict;

const CODINGS: [(Coding, &str, u16); 6] = [
    (Coding::U8, "pcm_u8", 8),
    (Coding::S16, "pcm_s16le", 16),
    (Coding::S24, "pcm_s24le", 24),
    (Coding::S32, "pcm_s32le", 32),
    (Coding::F32, "pcm_f32le", 32),
    (Coding::F64, "pcm_f64le", 64),
];

fn sound(coding: Coding) -> Sound {
    let left = sine(44_100, 997.0, 0.25, 1.2345);
    let right = sine(44_100, 1500.0, 0.5, 1.2345);
    Sound::new(44_100, coding, vec![left, right])
}

#[track_caller]
fn near(value: Option<f64>, expected: f64, tolerance: f64) {
    let value = value.unwrap();
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected} ± {tolerance}");
}

#[test]
fn wav_in_every_coding() {
    for (coding, codec, bits) in CODINGS {
        let analysis = analysed(&sound(coding).wav()).unwrap();
        assert_eq!(analysis.verdict, Verdict::Complete, "{codec}");
        let audio = analysis.report.audio;
        assert_eq!((audio.container.as_str(), audio.codec.as_str()), ("wav", codec));
        assert_eq!((audio.bit_depth, audio.frames, audio.channels), (Some(bits), 54_441, 2));
        assert_eq!((audio.sample_rate_hz, audio.lossless), (44_100, Some(true)));
        assert_eq!(audio.channel_layout.as_deref(), Some("FL+FR"));
        assert_eq!(audio.bitrate_bps, Some(44_100 * 16 * u32::from(coding.bytes())));
        near(Some(audio.duration_seconds), 54_441.0 / 44_100.0, 1e-12);
        assert_eq!(audio.declared_duration_seconds, Some(audio.duration_seconds));
        let loudness = analysis.report.loudness.unwrap();
        near(loudness.sample_peak_dbfs, -6.02, 0.08);
        near(loudness.true_peak_dbtp, -6.02, 0.08);
    }
}

#[test]
fn aiff_is_the_same_sound_as_wav() {
    for coding in [Coding::S16, Coding::S24, Coding::S32] {
        let wav = analysed(&sound(coding).wav()).unwrap();
        let aiff = analysed(&sound(coding).aiff()).unwrap();
        assert_eq!(aiff.verdict, Verdict::Complete);
        assert_eq!(aiff.report.audio.container, "aiff");
        assert_eq!(aiff.report.audio.bit_depth, Some(coding.bytes() * 8));
        assert_eq!(aiff.report.audio.frames, wav.report.audio.frames);
        assert_eq!(aiff.report.loudness, wav.report.loudness);
        assert_eq!(aiff.report.waveform, wav.report.waveform);
        assert_ne!(aiff.identity, wav.identity);
    }
}

#[test]
fn surround_wav_knows_its_speakers() {
    let level = |amplitude| sine(48_000, 997.0, amplitude, 1.0);
    let channels = vec![level(0.1), level(0.1), level(0.1), level(0.9), level(0.1), level(0.1)];
    let sound = Sound::new(48_000, Coding::S24, channels);
    let bytes = riff(&[(b"fmt ", &sound.extensible(0x3f)), (b"data", &sound.data())]);
    let report = analysed(&bytes).unwrap().report;
    assert_eq!(report.audio.channel_layout.as_deref(), Some("FL+FR+FC+LFE+BL+BR"));
    // Three channels at −23.01 LUFS each and two that count 1.41 times; the loud bass channel does not count.
    near(report.loudness.unwrap().integrated_lufs, -23.01 + 10.0 * (3.0f64 + 2.82).log10(), 0.05);
}

#[test]
fn rates_and_numbers_of_channels() {
    for (rate, channels) in [(8000, 1), (11_025, 2), (96_000, 2), (192_000, 2), (48_000, 8), (44_100, 3)] {
        let plane = sine(rate, 997.0, 0.5, 1.0);
        let sound = Sound::new(rate, Coding::S16, vec![plane; channels]);
        let analysis = analysed(&sound.wav()).unwrap();
        assert_eq!(analysis.verdict, Verdict::Complete, "{rate} {channels}");
        assert_eq!(analysis.report.audio.channels, channels as u16);
        assert_eq!(analysis.report.audio.duration_seconds, 1.0);
        assert_eq!(analysis.report.quality.unwrap().dc_offset.len(), channels);
        near(analysis.report.loudness.unwrap().sample_peak_dbfs, -6.02, 0.05);
    }
}

#[test]
fn lengths_that_recorders_and_pipes_leave_are_put_right() {
    let whole = analysed(&sound(Coding::S16).wav()).unwrap();
    for (riff_len, data_len) in [(0u32, 0u32), (u32::MAX, u32::MAX), (4, 0), (77, u32::MAX)] {
        let mut bytes = sound(Coding::S16).wav();
        bytes[4..8].copy_from_slice(&riff_len.to_le_bytes());
        let data = crate::build::content_of(&bytes, b"data");
        bytes[data - 4..data].copy_from_slice(&data_len.to_le_bytes());
        let analysis = analysed(&bytes).unwrap();
        assert_eq!(analysis.verdict, Verdict::Complete, "{riff_len} {data_len}");
        assert_eq!(analysis.report.audio.frames, whole.report.audio.frames);
        assert_eq!(analysis.report.loudness, whole.report.loudness);
        assert_eq!(analysis.identity, whole.identity);
    }
}

#[test]
fn long_wav_keeps_its_length_in_another_chunk() {
    let sound = sound(Coding::S16);
    let mut long = [0; 28];
    long[8..16].copy_from_slice(&(sound.data().len() as u64).to_le_bytes());
    let mut bytes = riff(&[
        (b"ds64", &long),
        (b"fmt ", &sound.format()),
        (b"data", &sound.data()),
        (b"LIST", b"INFOISFT\x04\0\0\0me\0\0"),
    ]);
    bytes[..4].copy_from_slice(b"RF64");
    let data = crate::build::content_of(&bytes, b"data");
    bytes[data - 4..data].copy_from_slice(&u32::MAX.to_le_bytes());
    let analysis = analysed(&bytes).unwrap();
    assert_eq!((analysis.verdict, analysis.report.audio.frames), (Verdict::Complete, 54_441));
    assert_eq!(analysis.identity, analysed(&sound.wav()).unwrap().identity);
}
