//! What readers of other versions may rely on.

use report::{Audio, Loudness, Report, Tags, Waveform};
use serde::Serialize;
use serde_json::json;

fn filled() -> Report {
    Report {
        audio: Audio {
            container: "flac".to_owned(),
            sample_rate_hz: 44_100,
            channels: 2,
            ..Audio::default()
        },
        tags: Some(Tags { title: Some("Über".to_owned()), track_number: Some(7), ..Tags::default() }),
        loudness: Some(Loudness { integrated_lufs: Some(-9.1), ..Loudness::default() }),
        waveform: Some(Waveform {
            version: 1,
            frames_per_point: 441,
            points_per_second: 100.0,
            min: vec![-127, -1, 0],
            max: vec![127, 1, 0],
            rms: vec![255, 128, 0],
            low: vec![200, 100, 0],
            middle: vec![90, 80, 0],
            high: vec![40, 255, 0],
        }),
        ..Report::default()
    }
}

#[test]
fn both_encodings_give_back_what_went_in() {
    let report = filled();
    let packed = rmp_serde::to_vec_named(&report).unwrap();
    assert_eq!(rmp_serde::from_slice::<Report>(&packed).unwrap(), report);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

#[test]
fn the_version_comes_first() {
    let text = serde_json::to_string(&Report::default()).unwrap();
    assert!(text.starts_with(r#"{"schema_version":1,"#));
}

#[test]
fn what_is_missing_has_its_default_and_what_is_unknown_is_ignored() {
    assert_eq!(serde_json::from_str::<Report>("{}").unwrap(), Report::default());
    let newer = json!({
        "schema_version": 1,
        "audio": { "codec": "opus", "of_the_future": [1, 2, 3] },
        "loudness": { "integrated_lufs": -14.0, "of_the_future": null },
        "of_the_future": { "a": "b" },
    });
    let packed = rmp_serde::to_vec_named(&newer).unwrap();
    let report: Report = rmp_serde::from_slice(&packed).unwrap();
    assert_eq!(report.audio.codec, "opus");
    assert_eq!(report.loudness.unwrap().integrated_lufs, Some(-14.0));
    assert!(report.tags.is_none());
}

#[test]
fn a_waveform_is_bytes_for_machines_and_numbers_for_people() {
    let waveform = filled().waveform.unwrap();
    let text = serde_json::to_value(&waveform).unwrap();
    assert_eq!((&text["min"], &text["rms"]), (&json!([-127, -1, 0]), &json!([255, 128, 0])));
    let packed = rmp_serde::to_vec_named(&waveform).unwrap();
    // A byte string of three: its marker, its length, its bytes.
    assert!(packed.windows(5).any(|it| it == [0xc4, 3, 0x81, 0xff, 0]));
}

#[test]
fn numbers_that_fit_no_byte_are_refused() {
    #[derive(Serialize)]
    struct Wide {
        min: Vec<i32>,
    }
    let text = serde_json::to_string(&Wide { min: vec![1000] }).unwrap();
    let error = serde_json::from_str::<Waveform>(&text).unwrap_err().to_string();
    assert!(error.starts_with("1000 does not fit a byte"), "{error}");
}
