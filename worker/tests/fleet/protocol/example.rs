//! `docs/examples/submit.py`: a program in another language, with libraries that are not ours.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use shared::record::Record;
use shared::store::Cursor;

use super::page::docs;
use crate::harness::{Fleet, ROOT, Worker, until};

/// A queue that cannot take all the files at once, so that the example meets a refusal.
const MAX_SIZE: u32 = 2;

const FILES: [&str; 6] = [
    "house.wav",
    "jazz.caf",
    "bad/silence.wav",
    "bad/empty.mp3",
    "bad/truncated.flac",
    "bad/tenth_of_a_second.wav",
];

#[tokio::test]
async fn the_example_submits_waits_and_reads() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) if std::env::var("CI").as_deref() == Ok("true") => panic!("{reason}"),
        Err(reason) => {
            println!("left out: the example in Python was not run: {reason}");
            return;
        }
    };
    let fleet = Fleet::with(&[("QUEUE_MAX_SIZE", &MAX_SIZE.to_string())]).await;
    FILES.iter().for_each(|name| fleet.put(name, name));
    fs::copy(fleet.path("house.wav"), fleet.root().join(OsStr::from_bytes(b"\xff.wav"))).unwrap();

    let mut example = tokio::process::Command::new(python);
    example.arg(docs().join("examples/submit.py")).arg(ROOT).arg(fleet.root());
    example.env_clear().envs(fleet.environment(&[])).stdout(Stdio::piped()).stderr(Stdio::piped());
    let example = example.kill_on_drop(true).spawn().unwrap();
    // Nobody takes anything: the queue refuses the rest.
    until("a full queue", async || (fleet.queued().await >= MAX_SIZE).then_some(())).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let output = example.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    worker.stop().await;

    let batch = fleet.store.batches(10).await.unwrap().remove(0);
    assert_eq!(
        (batch.label.as_str(), batch.accepted, batch.is_complete()),
        ("from Python", FILES.len() as u64 + 1, true)
    );
    let page = fleet.store.page(batch.batch_id, &Cursor::start(), 100).await.unwrap();
    let ours: BTreeMap<String, Record> =
        page.records.into_iter().map(|record| (name(&record), record)).collect();
    let printed = String::from_utf8(output.stdout).unwrap();
    let printed: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(printed.len(), ours.len());
    for line in &printed {
        let key = line["path_hex"].as_str().or(line["path"].as_str()).unwrap();
        let record = serde_json::to_value(&ours[key]).unwrap();
        for field in ["path", "outcome", "kind", "detail", "identity", "attempts", "finished_at", "bytes"] {
            assert_eq!(line[field], record[field], "{field} of {key}");
        }
        for part in ["audio", "tags", "tempo", "key", "loudness"] {
            assert!(alike(&line["report"][part], &record["report"][part]), "{part} of {key}: {line}");
        }
    }
    let house = printed.iter().find(|line| line["path"] == "music/house.wav").unwrap();
    assert!((house["report"]["tempo"]["bpm"].as_f64().unwrap() - 124.0).abs() < 0.5, "{house}");
}

/// The same but for the last digit of a number, in which readers of JSON differ.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= 1e-12 * one.abs().max(other.abs())
        }
        (Value::Array(ones), Value::Array(others)) => {
            ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| alike(one, other))
        }
        (Value::Object(ones), Value::Object(others)) => {
            ones.len() == others.len()
                && ones.iter().all(|(name, one)| others.get(name).is_some_and(|other| alike(one, other)))
        }
        _ => one == other,
    }
}

fn name(record: &Record) -> String {
    record.path_hex.clone().unwrap_or_else(|| record.path.clone())
}

/// A Python with the packages of `docs/examples/requirements.txt`, in an environment that is made once; else why not.
fn python() -> Result<PathBuf, String> {
    let requirements = docs().join("examples/requirements.txt");
    let wanted = fs::read_to_string(&requirements).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("example-python");
    let (python, mark) = (folder.join("bin/python"), folder.join("installed.txt"));
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(&folder);
    let maker = ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(|python| run(Command::new(python).args(["-c", "import venv, ensurepip"])).is_ok());
    let maker = maker.ok_or("there is no python3 with venv (Debian: apt-get install python3-venv)")?;
    run(Command::new(maker).args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
    ]);
    run(pip.arg("--requirement").arg(&requirements))?;
    fs::write(mark, wanted).unwrap();
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
