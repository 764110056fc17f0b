//! Files whose every sample libopus was asked for.

use super::super::{Decoded, Decoder};
use crate::open::open;
use crate::source::{Event, Source};
use crate::{Limits, Options};
use serde_json::Value;
use std::fs::{File, read_to_string};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rounding differs: CELT and hybrid were seen to agree to 136 dB or more, SILK exactly.
const SAME_DB: f64 = 120.0;
/// Where the mode changes, what is faded in between is made up, and libopus does it with other rounding.
const CHANGING_DB: f64 = 57.0;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/opus")
}

/// The samples of each channel, without the pre-skip.
fn decoded(path: &Path) -> Vec<Vec<f32>> {
    let limits = Limits::default();
    let opened = open(&Arc::new(File::open(path).unwrap()), None, &limits).unwrap();
    let mut source = Source::new(opened, &limits).unwrap();
    let skip = source.extent().skip.in_frames(super::RATE) as usize;
    let mut decoder = Decoder::new(source.stream(), false).unwrap();
    let mut channels: Vec<Vec<f32>> = Vec::new();
    loop {
        match source.next(&limits).unwrap() {
            Event::End => break,
            Event::Packet(packet) => {
                let Decoded::Samples { buffer, .. } = decoder.decode(&packet) else { panic!("{path:?}") };
                let mut planes: Vec<Vec<f32>> = Vec::new();
                buffer.copy_to_vecs_planar(&mut planes);
                channels.resize(planes.len(), Vec::new());
                channels.iter_mut().zip(planes).for_each(|(all, new)| all.extend(new));
            }
            Event::Nothing | Event::NewStream => {}
        }
    }
    channels.iter_mut().for_each(|channel| drop(channel.drain(..skip)));
    channels
}

/// The sum of the samples, each with a sign of its own.
fn projection(samples: &[f32], seed: u64) -> f64 {
    let signs = (0..samples.len()).scan(seed, |state, _| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(if *state >> 63 == 1 { 1.0 } else { -1.0 })
    });
    samples.iter().zip(signs).map(|(sample, sign)| f64::from(*sample) * sign).sum()
}

/// Ratio of the signal to its difference from the truth, in dB: the squares of differences of projections on random signs are
/// on average the energy of the difference.
fn agreement_db(samples: &[f32], truth: &Value) -> f64 {
    let projections = truth["projections"].as_array().unwrap();
    let error: f64 = projections
        .iter()
        .zip(1u64..)
        .map(|(expected, seed)| (projection(samples, seed) - expected.as_f64().unwrap()).powi(2))
        .sum();
    10.0 * (truth["energy"].as_f64().unwrap() / (error / projections.len() as f64).max(1e-30)).log10()
}

#[test]
fn every_mode_decodes_as_libopus_decodes_it() {
    let truth: Value = serde_json::from_str(&read_to_string(folder().join("truth.json")).unwrap()).unwrap();
    for file in truth["files"].as_array().unwrap() {
        let name = file["path"].as_str().unwrap();
        let channels = decoded(&folder().join(name));
        let truths = file["channels"].as_array().unwrap();
        assert_eq!(channels.len(), truths.len(), "{name}");
        let wanted = if name.starts_with("changing") { CHANGING_DB } else { SAME_DB };
        for (samples, truth) in channels.iter().zip(truths) {
            assert_eq!(samples.len() as u64, file["frames"].as_u64().unwrap(), "{name}");
            let agreement = agreement_db(samples, truth);
            assert!(agreement > wanted, "{name}: {agreement:.1} dB");
        }
    }
}

#[test]
fn the_measure_sees_one_wrong_sample() {
    let truth: Value = serde_json::from_str(&read_to_string(folder().join("truth.json")).unwrap()).unwrap();
    let file = &truth["files"][0];
    let mut samples = decoded(&folder().join(file["path"].as_str().unwrap())).remove(0);
    samples[5000] += 0.01;
    assert!(agreement_db(&samples, &file["channels"][0]) < 80.0);
}

#[test]
fn a_whole_file_is_reported_as_it_is() {
    let path = folder().join("celt_full_stereo.opus");
    let input = crate::Input { file: File::open(path).unwrap(), extension: None };
    let analysis = crate::analyze(input, &Options::default(), &mut |_| {}).unwrap();
    let audio = &analysis.report.audio;
    assert_eq!(analysis.verdict, crate::Verdict::Complete);
    assert_eq!(
        (audio.codec.as_str(), audio.container.as_str(), audio.lossless),
        ("opus", "ogg", Some(false))
    );
    assert_eq!((audio.sample_rate_hz, audio.frames, audio.encoder_delay_frames), (48_000, 47_588, Some(312)));
    assert_eq!(audio.declared_duration_seconds, Some(audio.duration_seconds));
    let gain = analysis.report.tags.unwrap().replaygain.unwrap().track_gain_db;
    assert_eq!(gain, Some(4.0));
}

fn analysed(bytes: &[u8]) -> crate::Analysis {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let input = crate::Input { file, extension: None };
    crate::analyze(input, &Options::default(), &mut |_| {}).unwrap()
}

#[test]
fn other_containers_hold_the_same_sound() {
    let read = |name: &str| std::fs::read(folder().join(name)).unwrap();
    let ogg = analysed(&read("silk_medium_40ms_redundant.opus"));
    for name in ["silk_medium.mp4", "silk_medium.webm"] {
        let other = analysed(&read(name));
        assert_eq!(other.verdict, crate::Verdict::Complete);
        assert_eq!(other.report.audio.codec, "opus");
        assert_eq!(other.report.audio.encoder_delay_frames, Some(312));
        assert_eq!(other.report.audio.frames, ogg.report.audio.frames, "{name}");
        let loudness = |it: &crate::Analysis| it.report.loudness.as_ref().unwrap().integrated_lufs.unwrap();
        assert!((loudness(&other) - loudness(&ogg)).abs() < 0.05, "{name}");
    }
}

#[test]
fn each_stream_of_a_chain_has_its_own_delay_and_gain() {
    let read = |name: &str| std::fs::read(folder().join(name)).unwrap();
    let [first, second] = ["celt_full_stereo.opus", "silk_wide_stereo.opus"].map(read);
    let frames = |bytes: &[u8]| analysed(bytes).report.audio.frames;
    let chain = analysed(&[first.clone(), second.clone()].concat());
    assert_eq!(chain.verdict, crate::Verdict::Complete);
    assert_eq!(chain.report.audio.frames, frames(&first) + frames(&second));
}
