//! How analyses end.

use crate::build::{Coding, Sound, analysed, content_of, file, input, only, riff, sine};
use analysis::{Error, Input, Limits, NotApplicable, Options, Verdict, analyze};
use std::fs::File;

#[track_caller]
fn near(value: Option<f64>, expected: f64, tolerance: f64) {
    let value = value.unwrap();
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected} ± {tolerance}");
}

/// Speech-like bursts: sound of various levels with pauses, in 16 bits.
fn sound(seconds: f64) -> Sound {
    let mut plane = sine(48_000, 440.0, 0.3, seconds);
    plane.iter_mut().enumerate().for_each(|(n, it)| *it *= (n as f64 / 20_000.0).sin());
    Sound::new(48_000, Coding::S16, vec![plane])
}

#[test]
fn a_sine_at_minus_23_is_minus_23_lufs() {
    let analysis = analysed(&Sound::tone(-23.0, 20.0).wav()).unwrap();
    let loudness = analysis.report.loudness.unwrap();
    near(loudness.integrated_lufs, -23.0, 0.1);
    near(loudness.replaygain_gain_db, 5.0, 0.1);
    near(loudness.true_peak_dbtp, -23.0, 0.1);
    near(loudness.range_lu, 0.0, 0.1);
}

#[test]
fn every_part_is_there_and_only_what_was_asked_for() {
    let bytes = sound(1.0).wav();
    let report = analysed(&bytes).unwrap().report;
    assert!(report.loudness.is_some() && report.silence.is_some());
    assert!(report.quality.is_some() && report.waveform.is_some());
    for part in ["loudness", "quality", "silence", "waveform"] {
        assert!(report.versions.parts.contains_key(part) && report.timings_seconds.parts.contains_key(part));
    }
    assert_eq!(report.versions.analysis, analysis::VERSION);
    assert!(report.timings_seconds.total > 0.0);

    let report = analyze(input(&bytes), &only("silence"), &mut |_| {}).unwrap().report;
    assert!(report.silence.is_some() && report.loudness.is_none() && report.quality.is_none());
    assert!(report.waveform.is_none() && report.tags.is_none());
    assert_eq!(report.timings_seconds.parts.len(), 1);
}

#[test]
fn the_same_file_gives_the_same_report() {
    let bytes = sound(3.0).wav();
    let [first, second] = [(); 2].map(|()| {
        let mut analysis = analysed(&bytes).unwrap();
        analysis.report.timings_seconds = report::Timings::default();
        analysis
    });
    assert_eq!(first, second);
}

#[test]
fn progress_is_told_at_once() {
    let mut told = Vec::new();
    analyze(input(&sound(2.0).wav()), &Options::default(), &mut |progress| told.push(progress)).unwrap();
    assert_eq!((told[0].decoded_seconds, told[0].total_seconds), (0.0, Some(2.0)));
}

#[test]
fn half_a_file_is_partial() {
    for bytes in [sound(4.0).wav(), sound(4.0).aiff()] {
        let analysis = analysed(&bytes[..bytes.len() / 2]).unwrap();
        let Verdict::Partial { decoded_fraction, detail } = analysis.verdict else { panic!("not partial") };
        near(Some(decoded_fraction), 0.5, 0.001);
        assert_eq!(detail, "2.00 s of 4.00 s are missing; the file breaks off");
        assert_eq!(analysis.report.audio.decoded_fraction, decoded_fraction);
        near(Some(analysis.report.audio.duration_seconds), 2.0, 0.01);
        near(Some(analysis.report.quality.unwrap().missing_seconds), 2.0, 0.01);
    }
}

#[test]
fn a_twentieth_of_a_file_is_corrupt() {
    let bytes = sound(20.0).wav();
    let error = analysed(&bytes[..bytes.len() / 20]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "corrupt: only 5.0 % is usable: 19.00 s of 20.00 s are missing; the file breaks off"
    );
}

#[test]
fn silence_is_not_applicable() {
    for level in [0.0, 0.0009] {
        let quiet = Sound::new(48_000, Coding::S16, vec![vec![level; 96_000]; 2]);
        let analysis = analysed(&quiet.wav()).unwrap();
        assert_eq!(analysis.verdict, Verdict::NotApplicable { reason: NotApplicable::Silence });
        assert_eq!(analysis.report.audio.duration_seconds, 2.0);
        assert_eq!(analysis.report.silence.unwrap().leading_seconds, 2.0);
    }
}

#[test]
fn less_than_a_loudness_block_is_too_short() {
    let analysis = analysed(&sound(0.399).wav()).unwrap();
    assert_eq!(analysis.verdict, Verdict::NotApplicable { reason: NotApplicable::TooShort });
    near(Some(analysis.report.audio.duration_seconds), 0.399, 1e-9);
    assert_eq!(analysis.report.loudness.unwrap().integrated_lufs, None);
    assert_eq!(analysed(&sound(0.4).wav()).unwrap().verdict, Verdict::Complete);
}

#[test]
fn nothing_at_all_is_corrupt() {
    assert_eq!(analysed(b"").unwrap_err().to_string(), "corrupt: the file is empty");
    let nothing = Sound::new(48_000, Coding::S16, vec![vec![]]).wav();
    assert_eq!(
        analysed(&nothing).unwrap_err().to_string(),
        "corrupt: the wav file is a header without audio"
    );
    let headless = riff(&[(b"data", &[0; 100])]);
    assert_eq!(analysed(&headless).unwrap_err().to_string(), "corrupt: the WAV file has no format chunk");
    let dataless = riff(&[(b"fmt ", &sound(1.0).format())]);
    assert_eq!(analysed(&dataless).unwrap_err().to_string(), "corrupt: the WAV file has no data chunk");
}

#[test]
fn impossible_samples_are_silenced_and_told() {
    let mut plane = sine(48_000, 440.0, 0.5, 2.0);
    plane[1000] = f64::NAN;
    plane[2000] = f64::INFINITY;
    plane[3000] = -465_557.0;
    let analysis = analysed(&Sound::new(48_000, Coding::F32, vec![plane]).wav()).unwrap();
    let Verdict::Partial { decoded_fraction, detail } = analysis.verdict else { panic!("not partial") };
    near(Some(decoded_fraction), 1.0 - 3.0 / 96_000.0, 1e-9);
    assert_eq!(detail, "3 impossible samples silenced");
    assert_eq!(analysis.report.quality.unwrap().wild_samples, 3);
    near(analysis.report.loudness.unwrap().sample_peak_dbfs, -6.02, 0.01);
}

#[test]
fn samples_on_another_scale_are_corrupt() {
    let plane = sine(48_000, 440.0, 32_768.0, 2.0);
    let error = analysed(&Sound::new(48_000, Coding::F32, vec![plane]).wav()).unwrap_err();
    assert!(error.to_string().starts_with("corrupt: only 0.2 % is usable"), "{error}");
}

#[test]
fn loud_floats_are_fine() {
    let plane = sine(48_000, 440.0, 4.0, 2.0);
    let analysis = analysed(&Sound::new(48_000, Coding::F32, vec![plane]).wav()).unwrap();
    assert_eq!(analysis.verdict, Verdict::Complete);
    near(analysis.report.loudness.unwrap().sample_peak_dbfs, 12.04, 0.01);
    assert!(analysis.report.quality.unwrap().clipped_runs > 100);
}

#[test]
fn limits_are_kept() {
    let limited = |bytes: &[u8], limits: Limits| {
        let options = Options { limits, ..Options::default() };
        analyze(input(bytes), &options, &mut |_| {}).unwrap_err()
    };
    let stereo = Sound::tone(-20.0, 2.0).wav();
    let error = limited(&stereo, Limits { max_channels: 1, ..Limits::default() });
    assert_eq!(error.to_string(), "too large: 2 channels, the limit is 1");
    let error = limited(&stereo, Limits { max_sample_rate_hz: 44_100, ..Limits::default() });
    assert_eq!(error.to_string(), "too large: sample rate 48000 Hz, the limit is 44100 Hz");
    let error = limited(&stereo, Limits { max_duration_seconds: 1.0, ..Limits::default() });
    assert_eq!(error.to_string(), "too large: more than 1 s of audio");
    // 65,535 channels would be 300 MB per packet.
    let mut hostile = stereo;
    let format = content_of(&hostile, b"fmt ");
    hostile[format + 2..format + 4].copy_from_slice(&u16::MAX.to_le_bytes());
    assert!(matches!(analysed(&hostile), Err(Error::TooLarge { .. })));
}

#[test]
fn codecs_that_are_not_read_are_named() {
    let mut bytes = sound(1.0).wav();
    let format = content_of(&bytes, b"fmt ");
    bytes[format] = 0x31;
    assert_eq!(analysed(&bytes).unwrap_err().to_string(), "unsupported: codec GSM 6.10 (0x0031) in WAV");
}

#[test]
fn a_read_that_fails_is_no_fault_of_the_file() {
    let input = Input { file: File::open(std::env::temp_dir()).unwrap(), extension: None };
    assert!(matches!(analyze(input, &Options::default(), &mut |_| {}), Err(Error::Io(_))));
}

#[test]
fn the_position_of_the_file_does_not_matter() {
    use std::io::{Seek, SeekFrom};
    let mut file = file(&sound(1.0).wav());
    file.seek(SeekFrom::End(0)).unwrap();
    let input = Input { file, extension: Some("flac".to_owned()) };
    assert_eq!(analyze(input, &Options::default(), &mut |_| {}).unwrap().verdict, Verdict::Complete);
}
