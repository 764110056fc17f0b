//! What the models of octave and bars are fitted on: every tempo candidate of each file with its features and beats, and what
//! is on the beats of the chosen one, as a JSON line.
//!
//! `cargo run --release -p analysis --features fitting --example rhythm -- FILE… > features.jsonl`

use analysis::fitting::Ear;
use serde_json::json;
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use symphonia::core::formats::TrackType;
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::MediaSourceStream;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for path in std::env::args().skip(1) {
        let ear = listen(Path::new(&path)).map_err(|error| format!("{path}: {error}"))?;
        let (candidates, beats) = ear.finish();
        let candidates: Vec<_> = candidates
            .into_iter()
            .map(|it| json!({"bpm": it.bpm, "f": it.features, "beats": it.beats}))
            .collect();
        let bars = beats.map(
            |it| json!({"bpm": it.bpm, "confidence": it.confidence, "beats": it.beats, "f": it.evidence}),
        );
        writeln!(out, "{}", json!({"file": path, "cands": candidates, "bars": bars}))?;
    }
    Ok(())
}

/// Decodes a file into the mean of its channels.
fn listen(path: &Path) -> Result<Ear, Box<dyn Error>> {
    let stream = MediaSourceStream::new(Box::new(File::open(path)?), Default::default());
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|it| it.to_str()) {
        hint.with_extension(extension);
    }
    let probe = symphonia::default::get_probe();
    let mut format = probe.probe(&hint, stream, Default::default(), Default::default())?;
    let track = format.default_track(TrackType::Audio).ok_or("no audio")?;
    let id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|it| it.audio()).ok_or("no codec")?.clone();
    let mut decoder =
        symphonia::default::get_codecs().make_audio_decoder(&parameters, &Default::default())?;
    let mut ear: Option<Ear> = None;
    let (mut samples, mut mono): (Vec<f32>, Vec<f32>) = Default::default();
    while let Some(packet) = format.next_packet()? {
        if packet.track_id != id {
            continue;
        }
        let Ok(buffer) = decoder.decode(&packet) else { continue };
        let channels = buffer.spec().channels().count().max(1);
        let rate = buffer.spec().rate();
        buffer.copy_to_vec_interleaved(&mut samples);
        mono.clear();
        mono.extend(samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32));
        ear.get_or_insert_with(|| Ear::new(rate)).push(&mono);
    }
    ear.ok_or_else(|| "no samples".into())
}
