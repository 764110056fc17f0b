//! No test: writes the harmony of clips down for `fit/key/fit.py`, which fits the weights of the decision. Reads the list of
//! files `KEY_CLIPS`, decodes them with ffmpeg, and writes `KEY_HARMONIES`.

use crate::chroma::{Chroma, Harmony};
use crate::decimate::Decimator;
use serde_json::json;
use std::io::Write;
use std::process::{Command, Stdio};

fn harmony(path: &str) -> Harmony {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i", path, "-ac", "1", "-ar", "44100", "-f", "f32le", "-"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let signal: Vec<f32> =
        output.stdout.as_chunks::<4>().0.iter().map(|it| f32::from_le_bytes(*it)).collect();
    let mut decimator = Decimator::new(44_100);
    let mut chroma = Chroma::new(decimator.low_rate());
    for piece in signal.chunks(4096) {
        decimator.push(piece);
        chroma.push(decimator.low());
    }
    decimator.finish();
    chroma.push(decimator.low());
    chroma.finish()
}

#[test]
fn record() {
    let list = std::fs::read_to_string(std::env::var("KEY_CLIPS").unwrap()).unwrap();
    let mut out = std::fs::File::create(std::env::var("KEY_HARMONIES").unwrap()).unwrap();
    for path in list.lines() {
        let harmony = harmony(path);
        let slices: Vec<_> = harmony.slices.iter().map(|it| [it.plain, it.clean].concat()).collect();
        let line = json!({ "path": path, "slice_seconds": harmony.slice_seconds, "slices": slices });
        writeln!(out, "{line}").unwrap();
    }
}
