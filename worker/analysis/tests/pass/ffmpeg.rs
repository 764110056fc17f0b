//! Files as FFmpeg writes them, and what FFmpeg makes of files. The tests need the program `ffmpeg`.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs ffmpeg and returns what it wrote to standard output and standard error.
#[track_caller]
fn run(arguments: &[&str]) -> (Vec<u8>, String) {
    let ended = Command::new("ffmpeg").args(["-nostdin", "-hide_banner", "-y"]).args(arguments).output();
    let ended = ended.expect("these tests run ffmpeg, which must be installed");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "ffmpeg {arguments:?}: {told}");
    (ended.stdout, told)
}

/// A sweep that differs between its channels, `seconds` long, as ffmpeg's own source.
pub fn sweep(rate: u32, channels: usize, seconds: f64) -> String {
    let one = |channel: usize| format!("0.3*sin(2*PI*({}*t+60*t*t))*(0.6+0.4*sin(5*t))", 200 + 170 * channel);
    let all: Vec<String> = (0..channels).map(one).collect();
    format!("aevalsrc={}:s={rate}:d={seconds}", all.join("|"))
}

/// Encodes `source` with these arguments into a file of that name.
#[track_caller]
pub fn encode(source: &str, arguments: &[&str], name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut all = vec!["-f", "lavfi", "-i", source, "-fflags", "+bitexact"];
    all.extend(arguments);
    let target = path.to_str().unwrap();
    all.push(target);
    run(&all);
    fs::read(&path).unwrap()
}

/// The same, to a pipe, so that ffmpeg cannot go back and complete its header.
#[track_caller]
pub fn encode_to_pipe(source: &str, arguments: &[&str]) -> Vec<u8> {
    let mut all = vec!["-f", "lavfi", "-i", source];
    all.extend(arguments);
    all.push("pipe:1");
    run(&all).0
}

/// Rewrites `bytes` with these arguments.
#[track_caller]
pub fn convert(bytes: &[u8], arguments: &[&str], name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join(name));
    fs::write(&from, bytes).unwrap();
    let mut all = vec!["-i", from.to_str().unwrap()];
    all.extend(arguments);
    all.push(to.to_str().unwrap());
    run(&all);
    fs::read(&to).unwrap()
}

/// What ffmpeg makes of a file.
#[derive(Debug)]
pub struct Heard {
    pub seconds: f64,
    pub lufs: f64,
}

/// Decodes the bytes and measures them, in as many channels as the file has.
#[track_caller]
pub fn heard(bytes: &[u8], channels: usize, rate: u32) -> Heard {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, bytes).unwrap();
    heard_file(&path, channels, rate)
}

fn heard_file(path: &Path, channels: usize, rate: u32) -> Heard {
    let path = path.to_str().unwrap();
    let samples = run(&["-v", "error", "-i", path, "-vn", "-f", "f32le", "pipe:1"]).0;
    let told = run(&["-i", path, "-vn", "-af", "ebur128", "-f", "null", "-"]).1;
    let lufs = told.rsplit("I:").next().and_then(|rest| rest.split_whitespace().next()).unwrap();
    Heard {
        seconds: samples.len() as f64 / (4 * channels) as f64 / f64::from(rate),
        lufs: lufs.parse().unwrap(),
    }
}

/// A piece of the repository's own music, as a source.
pub fn music(rate: u32, seconds: f64) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../loadtest/samples/house.wav");
    format!("amovie={},aresample={rate},atrim=duration={seconds}", path.canonicalize().unwrap().display())
}
