//! What the corpus of the similarity vector is made from: the numbers of each file, as a JSON line.
//!
//! `cargo run --release -p analysis --features fitting --example similarity -- FILE… > numbers.jsonl`

use analysis::{Input, Options, analyze, fitting};
use serde_json::json;
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let features = "loudness,key,tempo,spectral,descriptors".parse()?;
    let options = Options { features, ..Options::default() };
    let mut out = std::io::stdout().lock();
    for argument in std::env::args().skip(1) {
        let path = Path::new(&argument);
        let extension = path.extension().map(|it| it.to_string_lossy().into_owned());
        let input = Input { file: File::open(path)?, extension };
        let numbers = analyze(input, &options, &mut |_| {}).map(|it| fitting::similarity(&it.report));
        writeln!(out, "{}", json!({"file": argument, "numbers": numbers.ok().flatten()}))?;
    }
    Ok(())
}
