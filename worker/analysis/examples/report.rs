//! Prints the report of a file as JSON, or with `--identify` its identity and tags.

use analysis::{Features, Input, Options, analyze, identify};
use std::fs::File;
use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options::default();
    let mut only_identify = false;
    let mut out = std::io::stdout().lock();
    for argument in std::env::args().skip(1) {
        if argument == "--identify" {
            only_identify = true;
            continue;
        }
        if let Some(features) = argument.strip_prefix("--features=") {
            options.features = features.parse::<Features>()?;
            continue;
        }
        let path = Path::new(&argument);
        let extension = path.extension().map(|it| it.to_string_lossy().into_owned());
        let input = Input { file: File::open(path)?, extension };
        let json = if only_identify {
            identify(input, &options, &mut |_| {}).map(|it| serde_json::to_string(&it))
        } else {
            analyze(input, &options, &mut |_| {}).map(|it| serde_json::to_string(&it))
        };
        match json {
            Ok(json) => writeln!(out, "{argument}\t{}", json?)?,
            Err(error) => writeln!(out, "{argument}\t{error}")?,
        }
    }
    Ok(())
}
