//! Files with any name, and files that do not stay what they were while they are read.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use shared::job::{BatchId, FileRef, Job, RelPath};
use shared::record::Record;

use crate::harness::{Fleet, NORMAL, Worker, samples, silent_wav, until};

/// Long enough to be caught in the middle, short enough to be read to its end.
const SECONDS: u32 = 40;

#[tokio::test]
async fn any_name_comes_back_as_it_is() {
    let fleet = Fleet::with(&[]).await;
    let longest = [&[b'x'; 251][..], b".wav"].concat();
    let too_long = [&[b'x'; 252][..], b".wav"].concat();
    let names: [&[u8]; 7] = [
        b"new\nline\r\n.wav",
        "🎵 ♯ \u{202e}.wav".as_bytes(),
        b"\xff\xfe\x80.wav",
        b" blank . wav ",
        b"-rf $(x) `y` \"z\" 'q' \\ %s.wav",
        &longest,
        &[&longest[..], b"/", b"in it.wav"].concat(),
    ];
    let folder = fleet.path("any").parent().unwrap().to_owned();
    let batch = BatchId::new();
    let job = |name: &[u8]| {
        let file = FileRef { path: RelPath::new(name).unwrap(), root: "music".into() };
        Job { file, ..fleet.job(batch, "any", NORMAL) }
    };
    // A name cannot be a file and a folder: the last one is below a file.
    for name in &names[..6] {
        fs::copy(samples().join("bad/silence.wav"), folder.join(OsStr::from_bytes(name))).unwrap();
    }
    let jobs: Vec<Job> = names.into_iter().chain([&too_long[..]]).map(job).collect();
    let worker = Worker::ready(&fleet, &[]).await;
    fleet.submit(&jobs).await;
    let records = fleet.ends(batch, 8).await;
    for (number, job) in jobs.iter().enumerate() {
        let record = records.iter().find(|record| record.job_id == Some(job.job_id)).unwrap();
        assert_eq!(record.path_bytes(), job.file.to_bytes(), "{record:?}");
        let code = record.kind.map_or("-", |kind| kind.code());
        match number {
            ..6 => assert_eq!(record.outcome.code(), "not_applicable", "{record:?}"),
            _ => assert!(["not_found", "denied"].contains(&code), "{record:?}"),
        }
    }
    worker.stop().await;
}

/// Changes a file when a lane has begun to read it, and returns how that ended. The worker goes on.
async fn changed(force: bool, change: impl Fn(&Path)) -> Record {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let path = fleet.path("a.wav").canonicalize().unwrap_or_else(|_| fleet.path("a.wav"));
    silent_wav(&path, SECONDS);
    // An empty root would count as one that is not mounted.
    fleet.put("bad/silence.wav", "other.wav");
    let batch = BatchId::new();
    let job = Job { force, ..fleet.job(batch, "a.wav", NORMAL) };
    let lane = worker.lanes().await.remove(0);
    fleet.submit(&[job]).await;
    until("a lane reads the file", async || lane.has_open(&path).then_some(())).await;
    lane.freeze().await;
    change(&path);
    lane.thaw();
    let record = fleet.ends(batch, 1).await.remove(0);
    assert_eq!(record.path, "music/a.wav");
    let next = fleet.submit_sample("bad/flac_named.mp3", NORMAL).await;
    assert_eq!(fleet.ends(next, 1).await[0].outcome.code(), "ok");
    worker.stop().await;
    record
}

#[tokio::test]
async fn a_file_that_is_truncated_while_it_is_read_is_damaged() {
    for force in [true, false] {
        let record =
            changed(force, |path| File::options().write(true).open(path).unwrap().set_len(1000).unwrap())
                .await;
        let code = record.kind.map_or(record.outcome.code(), |kind| kind.code());
        assert!(["partial", "corrupt"].contains(&code), "{record:?}");
        assert!(record.detail.is_some(), "{record:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_deleted_while_it_is_read_is_read_to_its_end_or_not_found() {
    let record = changed(true, |path| fs::remove_file(path).unwrap()).await;
    assert_eq!(record.kind.map(|kind| kind.code()), Some("silence"), "{record:?}");
    // Identified first, and opened again to be analysed.
    let record = changed(false, |path| fs::remove_file(path).unwrap()).await;
    let code = record.kind.map_or("-", |kind| kind.code());
    assert!(["silence", "not_found"].contains(&code), "{record:?}");
}

#[tokio::test]
async fn a_file_that_is_replaced_while_it_is_read_is_one_or_the_other_and_never_both() {
    let replace = |path: &Path| {
        let new = path.with_extension("new");
        fs::copy(samples().join("bad/flac_named.mp3"), &new).unwrap();
        fs::rename(new, path).unwrap();
    };
    let record = changed(true, replace).await;
    assert_eq!(record.kind.map(|kind| kind.code()), Some("silence"), "the one that was opened: {record:?}");
    let record = changed(false, replace).await;
    let (report, code) = (record.report.as_ref().unwrap(), record.kind.map(|kind| kind.code()));
    match code {
        Some("silence") => assert_eq!(report.audio.codec, "pcm_s16le", "{record:?}"),
        _ => assert_eq!((record.outcome.code(), report.audio.codec.as_str()), ("ok", "flac"), "{record:?}"),
    }
}
