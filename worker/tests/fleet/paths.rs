//! References that lead where no worker may read.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::fs::{CWD, FileType, Mode, OFlags, makedev, mknodat};
use shared::job::{BatchId, Job};

use crate::harness::{Fleet, NORMAL, Worker};

/// A FIFO that knows whether anybody has opened it for reading: whoever opens it for writing waits for that.
struct Trap {
    path: PathBuf,
    sprung: Arc<AtomicBool>,
    waiting: JoinHandle<()>,
}

impl Trap {
    fn at(path: PathBuf) -> Self {
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let sprung = Arc::new(AtomicBool::new(false));
        let (pipe, flag) = (path.clone(), Arc::clone(&sprung));
        let waiting = std::thread::spawn(move || {
            let _writer = File::options().write(true).open(pipe).unwrap();
            flag.store(true, Ordering::SeqCst);
        });
        Self { path, sprung, waiting }
    }

    /// Whether it was opened; ends the waiting.
    fn was_opened(self) -> bool {
        let opened = self.sprung.load(Ordering::SeqCst);
        let no_wait = OFlags::NONBLOCK.bits().cast_signed();
        let mut reader = File::options().read(true).custom_flags(no_wait).open(&self.path).unwrap();
        self.waiting.join().unwrap();
        let _ = reader.read(&mut [0]);
        opened
    }
}

/// A device of the root's own, where we may make one.
fn device(path: &Path) -> bool {
    mknodat(CWD, path, FileType::CharacterDevice, Mode::RUSR, makedev(1, 5)).is_ok()
}

#[tokio::test]
async fn what_leads_out_or_is_no_file_is_denied_and_never_opened() {
    let fleet = Fleet::with(&[]).await;
    let outside = tempfile::tempdir().unwrap();
    fs::copy(crate::harness::samples().join("house.wav"), outside.path().join("house.wav")).unwrap();
    let inner = Trap::at(fleet.path("fifo.wav"));
    let outer = Trap::at(outside.path().join("fifo.wav"));
    symlink(outside.path().join("house.wav"), fleet.path("link.wav")).unwrap();
    symlink(&outer.path, fleet.path("link_to_fifo.wav")).unwrap();
    symlink(outside.path(), fleet.path("folder")).unwrap();
    symlink("loop.wav", fleet.path("loop.wav")).unwrap();
    symlink("/dev/zero", fleet.path("zero.wav")).unwrap();
    fs::create_dir(fleet.path("folder.wav")).unwrap();
    let _socket = UnixListener::bind(fleet.path("socket.wav")).unwrap();
    let mut cases = vec![
        ("fifo.wav", "denied", "a FIFO"),
        ("link.wav", "denied", "outside"),
        ("link_to_fifo.wav", "denied", "outside"),
        ("folder/house.wav", "denied", "outside"),
        ("loop.wav", "denied", "loop"),
        ("zero.wav", "denied", "outside"),
        ("folder.wav", "denied", "a folder"),
        ("socket.wav", "denied", "a socket"),
        ("nothing.wav", "not_found", "no such file"),
        ("nothing/a.wav", "not_found", "no such file"),
    ];
    if device(&fleet.path("device.wav")) {
        cases.push(("device.wav", "denied", "a device"));
    }
    let batch = BatchId::new();
    let jobs: Vec<Job> = cases.iter().map(|(name, _, _)| fleet.job(batch, name, NORMAL)).collect();
    let worker = Worker::ready(&fleet, &[]).await;
    fleet.submit(&jobs).await;

    let records = fleet.ends(batch, cases.len() as u64).await;
    for (job, (name, kind, words)) in jobs.iter().zip(&cases) {
        let record = records.iter().find(|record| record.job_id == Some(job.job_id)).unwrap();
        assert_eq!(record.kind.map(|kind| kind.code()), Some(*kind), "{record:?}");
        assert!(record.detail.as_deref().unwrap().contains(words), "{record:?}");
        assert_eq!(record.path, format!("music/{name}"));
        assert_eq!((record.attempts, record.report.is_some()), (1, false), "{record:?}");
    }
    assert!(!inner.was_opened());
    assert!(!outer.was_opened());
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
