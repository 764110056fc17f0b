//! The ffmpeg program: encoding of the compressed formats, and the loudness of what came out.

use super::error::Error;
use super::write::Tags;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

/// Bit-exact output: no version of ffmpeg in the tags, no random serial numbers, one thread. The same ffmpeg then writes the same bytes
/// again.
const BIT_EXACT: [&str; 8] =
    ["-threads", "1", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags", "+bitexact"];

/// Encodes a WAV file to `path` with the given output arguments.
pub(super) fn encode(wav: &[u8], arguments: &[String], tags: &Tags, path: &Path) -> Result<(), Error> {
    let mut command = ffmpeg();
    command.args(["-y", "-f", "wav", "-i", "pipe:0"]).args(BIT_EXACT);
    let entries =
        [("title", &tags.title), ("artist", &tags.artist), ("album", &tags.album), ("genre", &tags.genre)];
    for (name, text) in entries.iter().filter(|(_, text)| !text.is_empty()) {
        command.args(["-metadata", &format!("{name}={text}")]);
    }
    run(command.args(arguments).arg(path), wav, path).map(drop)
}

/// The beginning of a file, its packets as they are.
pub(super) fn cut(from: &Path, seconds: f64, path: &Path) -> Result<(), Error> {
    let mut command = ffmpeg();
    command.args(["-nostdin", "-y", "-i"]).arg(from).args(["-c", "copy", "-t", &seconds.to_string()]);
    run(command.arg(path), &[], path).map(drop)
}

/// Runs ffmpeg with an input made by one of its own sources, such as `color=black`.
pub(super) fn from_source(source: &str, arguments: &[&str], path: &Path) -> Result<(), Error> {
    let mut command = ffmpeg();
    command.args(["-y", "-f", "lavfi", "-i", source]).args(BIT_EXACT);
    run(command.args(arguments).arg(path), &[], path).map(drop)
}

/// Integrated loudness in LUFS and true peak in dBTP; `None` below the gate, and for digital silence.
pub(super) fn loudness(path: &Path) -> Result<(Option<f64>, Option<f64>), Error> {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-nostats", "-i"]).arg(path);
    let output = run(command.args(["-af", "ebur128=peak=true", "-f", "null", "-"]), &[], path)?;
    parse_summary(&String::from_utf8_lossy(&output.stderr))
        .ok_or_else(|| Error::NoLoudness { path: path.to_owned() })
}

/// Reads the summary at the end of the ebur128 filter's report.
fn parse_summary(report: &str) -> Option<(Option<f64>, Option<f64>)> {
    let summary = &report[report.rfind("Summary:")?..];
    let number = |label: &str| -> Option<f64> {
        let line = summary.lines().map(str::trim).find(|line| line.starts_with(label))?;
        line[label.len()..].split_whitespace().next()?.parse().ok()
    };
    // The filter shows its absolute gate, −70, for everything below it.
    let integrated = Some(number("I:")?).filter(|lufs| *lufs > -70.0);
    let peak = Some(number("Peak:")?).filter(|db| db.is_finite());
    Some((integrated, peak))
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostats", "-loglevel", "error"]);
    command
}

/// Runs a command that concerns `path`, with `input` on its standard input.
fn run(command: &mut Command, input: &[u8], path: &Path) -> Result<Output, Error> {
    let failed = |detail: String| Error::Ffmpeg { path: path.to_owned(), detail };
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => Error::NoFfmpeg { path: path.to_owned() },
        _ => failed(cause.to_string()),
    })?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        // A process that fails early closes the pipe. What it says on its standard error is the better message.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        child.wait_with_output()
    });
    let output = output.map_err(|cause| failed(cause.to_string()))?;
    if output.status.success() {
        return Ok(output);
    }
    let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(failed(if detail.is_empty() { output.status.to_string() } else { detail }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "[Parsed_ebur128_0 @ 0x1] Summary:\n\n  Integrated loudness:\n    I:         -14.3 LUFS\n    Threshold: -24.4 LUFS\n\n  \
                          Loudness range:\n    LRA:         1.9 LU\n\n  True peak:\n    Peak:       -2.1 dBFS\n";

    #[test]
    fn reads_the_summary() {
        assert_eq!(parse_summary(REPORT), Some((Some(-14.3), Some(-2.1))));
        let silent = REPORT.replace("-14.3", "-70.0").replace("-2.1", "-inf");
        assert_eq!(parse_summary(&silent), Some((None, None)));
        assert_eq!(parse_summary("Output file is empty"), None);
    }
}
