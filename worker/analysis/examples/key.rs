//! Prints the key of each file as a line of JSON: `{"file", "key", "key_confidence", …}`, or why there is none.

use analysis::{Input, Options, analyze};
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options { features: "key".parse()?, ..Options::default() };
    let mut out = std::io::stdout().lock();
    for argument in std::env::args().skip(1) {
        let path = Path::new(&argument);
        let extension = path.extension().map(|it| it.to_string_lossy().into_owned());
        let input = Input { file: File::open(path)?, extension };
        let line = match analyze(input, &options, &mut |_| {}) {
            Ok(analysis) => {
                let report = analysis.report;
                let name = report
                    .key
                    .as_ref()
                    .map(|key| format!("{} {}", key.tonic, json!(key.mode).as_str().unwrap_or("")));
                json!({
                    "file": argument,
                    "key": name,
                    "key_confidence": report.key.as_ref().map(|key| key.confidence),
                    "absence": report.key_absence,
                    "segments": report.key.as_ref().map(|key| &key.segments),
                    "tuning_cents": report.key.as_ref().map(|key| key.tuning_cents),
                    "seconds": report.timings_seconds.parts,
                })
            }
            Err(error) => json!({ "file": argument, "key": null, "error": error.to_string() }),
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}
