//! ffmpeg, asked for what it makes of a file.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

/// What ffmpeg finds.
pub struct Measured {
    pub frames: u64,
    pub lufs: f64,
}

pub fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-y"]).stdin(Stdio::null());
    command
}

/// Decodes the file to this rate and number of channels (those of the report: others would show in the number of frames).
pub fn measure(path: &Path, (rate, channels): (u32, u16)) -> Measured {
    assert_eq!(stream(path), (rate, channels), "{}", path.display());
    let mut decoding = ffmpeg();
    decoding.arg("-i").arg(path).args(["-map", "0:a:0", "-f", "f32le", "-"]);
    let mut child = decoding.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut bytes = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
    assert!(child.wait().unwrap().success());
    let mut metering = ffmpeg();
    metering.arg("-i").arg(path).args(["-map", "0:a:0", "-af", "ebur128", "-f", "null", "-"]);
    let output = metering.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lufs = text.rsplit("I:").next().and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    Measured {
        frames: bytes.len() as u64 / 4 / u64::from(channels),
        lufs: lufs.unwrap_or_else(|| panic!("{text}")),
    }
}

/// Rate and channels of the first audio stream.
fn stream(path: &Path) -> (u32, u16) {
    let entries = [
        "-v",
        "error",
        "-select_streams",
        "a:0",
        "-show_entries",
        "stream=sample_rate,channels",
        "-of",
        "csv=p=0",
    ];
    let output = Command::new("ffprobe").args(entries).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut fields = text.trim().split(',').map(|field| field.parse::<u32>().unwrap());
    (fields.next().unwrap(), fields.next().unwrap() as u16)
}
