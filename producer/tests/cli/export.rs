//! `producer export`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use shared::job::{BatchId, JobId};
use shared::outcome::{End, FailureKind};
use shared::record::Record;
use shared::report::{Report, Tags};
use shared::store::Finished;

use crate::fleet::Fleet;

/// A complete batch: a track with tags, one that failed, and one of another machine's root.
async fn complete(fleet: &Fleet) -> BatchId {
    let batch = BatchId::new();
    fleet.store().create_batch(batch, "test", 1_700_000_000_000).await.unwrap();
    let mut report = Report::default();
    report.audio.duration_seconds = 215.6;
    report.tags = Some(Tags { artist: Some("A".into()), title: Some("T".into()), ..Tags::default() });
    let mut record = Record::new(b"music/a b.flac", End::Ok);
    (record.identity, record.profile) = (Some("00112233445566778899aabbccddeeff".into()), Some("p".into()));
    record.report = Some(Box::new(report));
    let job_id = JobId::new();
    record.job_id = Some(job_id);
    let end = Finished { job_id, batch_id: batch, record, job: None, message: None };
    fleet.store().finish(&[end]).await.unwrap();
    fleet.finish(batch, &[("bad.mp3", End::Failed(FailureKind::Corrupt), Some("cut off"))]).await;
    fleet.store().seal_batch(batch, 2).await.unwrap();
    batch
}

#[tokio::test]
async fn a_complete_batch_is_written_in_every_form() {
    let fleet = Fleet::new();
    let batch = complete(&fleet).await.to_string();
    let list = fleet.run(&["export", &batch, "--format", "m3u"]).await;
    assert_eq!((list.code, list.stderr.as_str()), (0, ""), "{list:?}");
    assert_eq!(list.stdout, format!("#EXTM3U\n#EXTINF:216,A - T\n{}/a b.flac\n", fleet.root()));
    for format in ["csv", "ndjson", "json"] {
        let export = fleet.run(&["export", "last", "--format", format]).await;
        let results = fleet.run(&["results", "last", "--format", format]).await;
        assert_eq!((export.code, &export.stdout), (0, &results.stdout), "{format}: {export:?}");
        assert!(export.stdout.contains("cut off"), "{export:?}");
    }
}

#[tokio::test]
async fn a_file_is_replaced_when_the_new_one_is_whole_and_not_before() {
    let fleet = Fleet::new();
    let batch = complete(&fleet).await.to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.csv");
    let name = file.to_str().unwrap();
    let output = fleet.run(&["export", &batch, "--format", "csv", "--output", name]).await;
    assert_eq!((output.code, output.stdout.as_str()), (0, ""), "{output:?}");
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 3);
    assert_ne!(fs::metadata(&file).unwrap().permissions().mode() & 0o400, 0);
    // Nothing is left beside it.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    fs::write(&file, "old").unwrap();
    let open = BatchId::new();
    fleet.store().create_batch(open, "test", 1_700_000_000_000).await.unwrap();
    fleet.finish(open, &[("a.mp3", End::Ok, None)]).await;
    let open = open.to_string();
    let refused = fleet.run(&["export", &open, "--format", "csv", "--output", name]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    for text in ["not complete", "still being enqueued", &format!("producer watch {open}"), "--partial"] {
        assert!(refused.stderr.contains(text), "{text} in {refused:?}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    let partial = fleet.run(&["export", &open, "--format", "csv", "--output", name, "--partial"]).await;
    assert_eq!(partial.code, 0, "{partial:?}");
    assert!(fs::read_to_string(&file).unwrap().contains("music/a.mp3"));
}

#[tokio::test]
async fn what_cannot_be_written_is_named() {
    let fleet = Fleet::new();
    let batch = complete(&fleet).await.to_string();
    let output = fleet.run(&["export", &batch, "--format", "csv", "--output", "/nowhere/x.csv"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("/nowhere/x.csv: No such file"), "{output:?}");
    let mut command = fleet.command(&["export", &batch, "--format", "m3u"]);
    command.env_remove("MEDIA_ROOTS");
    let output = crate::fleet::finish(command).await;
    assert_eq!((output.code, output.stdout.as_str()), (78, ""), "{output:?}");
    assert!(output.stderr.contains("MEDIA_ROOTS is not set"), "{output:?}");
    let mut command = fleet.command(&["export", &batch, "--format", "m3u"]);
    command.env("MEDIA_ROOTS", "other=/srv/other");
    let output = crate::fleet::finish(command).await;
    assert_eq!((output.code, output.stdout.as_str()), (1, "#EXTM3U\n"), "{output:?}");
    assert!(output.stderr.contains("1 file left out of the playlist"), "{output:?}");
}
