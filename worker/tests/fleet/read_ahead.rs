//! Files that are not in memory are read before their turn, and go again when they are done.

use std::fs::{self, File};
use std::io::IoSliceMut;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise, fstatfs};
use rustix::io::{ReadWriteFlags, preadv2};
use shared::job::{BatchId, Job};

use crate::harness::{Fleet, NORMAL, Worker, samples, until};

const FILES: usize = 8;

const PAGE_BYTES: u64 = 4096;

/// Of linux/magic.h: a file system that keeps everything in memory.
const TMPFS_MAGIC: i64 = 0x0102_1994;

/// A copy of its own, of which nothing is in memory. `None` where the file system has no other place for it.
fn cold(to: PathBuf) -> Option<PathBuf> {
    fs::copy(samples().join("house.wav"), &to).unwrap();
    let file = File::open(&to).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    (fstatfs(&file).unwrap().f_type != TMPFS_MAGIC).then_some(to)
}

/// Looks at one page. If it is not there, it is after that, and no other.
fn is_in_memory(path: &Path, page: u64) -> bool {
    let (file, mut byte) = (File::open(path).unwrap(), [0]);
    fadvise(&file, 0, None, Advice::Random).unwrap();
    preadv2(&file, &mut [IoSliceMut::new(&mut byte)], page * PAGE_BYTES, ReadWriteFlags::NOWAIT).is_ok()
}

#[tokio::test]
async fn what_is_not_in_memory_is_read_before_its_turn_and_goes_again() {
    let fleet = Fleet::with(&[("READ_AHEAD_MB", "32")]).await;
    let names: Vec<String> = (0..FILES).map(|number| format!("{number}.wav")).collect();
    let Some(paths) = names.iter().map(|name| cold(fleet.path(name))).collect::<Option<Vec<_>>>() else {
        println!("left out: {} keeps every file in memory", fleet.root().display());
        return;
    };
    let batch = BatchId::new();
    // The same audio each time: all of them are to be analysed.
    let job = |name: &String| Job { force: true, ..fleet.job(batch, name, NORMAL) };
    let jobs: Vec<Job> = names.iter().map(job).collect();
    fleet.submit(&jobs).await;
    let worker = Worker::ready(&fleet, &[]).await;
    for record in fleet.ends(batch, FILES as u64).await {
        assert_eq!(record.outcome.code(), "ok", "{record:?}");
    }
    let bytes = fs::metadata(&paths[0]).unwrap().len() as f64;
    let read = worker.metrics().await.sum("analysis_read_ahead_bytes_total", &[]);
    assert!(read >= bytes && read <= bytes * FILES as f64 && read % bytes == 0.0, "{read} of {bytes} each");
    // Reader and lane may come to a file at the same time, and each takes the other for somebody else, who wants it kept.
    let mut page = 0;
    until("their pages are given back", async || {
        page += 1;
        let kept = paths.iter().filter(|path| is_in_memory(path, page)).count();
        (kept <= FILES / 2).then_some(())
    })
    .await;
    worker.stop().await;
}

#[tokio::test]
async fn what_is_in_memory_or_is_not_to_be_read_ahead_takes_no_reader() {
    let fleet = Fleet::with(&[]).await;
    for (ahead, kept) in [("32", true), ("0", false)] {
        let batch = BatchId::new();
        let mut jobs = Vec::new();
        for name in (0..FILES).map(|number| format!("{ahead}-{number}.wav")) {
            let path = cold(fleet.path(&name));
            if kept {
                path.map(fs::read).transpose().unwrap();
            }
            jobs.push(Job { force: true, ..fleet.job(batch, &name, NORMAL) });
        }
        fleet.submit(&jobs).await;
        let worker = Worker::ready(&fleet, &[("READ_AHEAD_MB", ahead)]).await;
        fleet.ends(batch, FILES as u64).await;
        assert_eq!(worker.lanes().await.len(), 1, "READ_AHEAD_MB={ahead}");
        assert_eq!(worker.metrics().await.sum("analysis_read_ahead_bytes_total", &[]), 0.0);
        worker.stop().await;
    }
}
