//! What workers say of themselves in Redis.

use std::fs;

use shared::store::{ANNOUNCEMENT_COUNTS_FOR, SeenWorker};

use crate::harness::{Fleet, Worker, until};

async fn announced(fleet: &Fleet, what: &str, is_it: impl Fn(&SeenWorker) -> bool) -> SeenWorker {
    until(what, async || fleet.store.workers().await.unwrap().into_iter().find(|seen| is_it(seen))).await
}

#[tokio::test]
async fn a_worker_announces_its_levels_and_roots_until_it_stops() {
    let fleet = Fleet::with(&[]).await;
    assert!(fleet.store.workers().await.unwrap().is_empty());
    let disk = tempfile::tempdir().unwrap();
    let mounted = disk.path().join("mounted");
    fs::create_dir(&mounted).unwrap();
    fs::write(mounted.join("a.txt"), "not empty").unwrap();
    fleet.put("bad/silence.wav", "a.wav");
    let roots = format!("music={};tape={}", fleet.root().display(), mounted.display());
    let settings = [
        ("MEDIA_ROOTS", roots.as_str()),
        ("WORKER_NAME", "first"),
        ("WORKER_LEVELS", "high,normal"),
        ("ANALYSIS_BATCH_SIZE", "5"),
        ("ANALYSIS_BATCH_MAX", "7"),
    ];
    let worker = Worker::ready(&fleet, &settings).await;
    let seen = announced(&fleet, "it is announced", |seen| seen.worker.name == "first").await;
    assert_eq!(
        (seen.worker.levels, seen.worker.roots),
        (vec!["high".into(), "normal".into()], vec!["music".into(), "tape".into()])
    );
    assert_eq!((seen.worker.lanes, seen.worker.holds_at_most), (1, 1 + 7));
    assert_eq!(seen.worker.version, shared::VERSION);
    let other = Worker::ready(&fleet, &[("WORKER_NAME", "second")]).await;
    announced(&fleet, "the other one is announced", |seen| seen.worker.name == "second").await;

    fs::rename(&mounted, disk.path().join("elsewhere")).unwrap();
    let seen = announced(&fleet, "the root is away", |seen| !seen.worker.roots_away.is_empty()).await;
    assert_eq!(
        (seen.worker.roots, seen.worker.roots_away),
        (vec!["music".to_owned()], vec!["tape".to_owned()])
    );
    assert_eq!(fleet.store.workers().await.unwrap().len(), 2, "each worker is listed once");

    worker.stop().await;
    until("the stopped one is gone", async || {
        let names: Vec<_> =
            fleet.store.workers().await.unwrap().into_iter().map(|seen| seen.worker.name).collect();
        (names == ["second"]).then_some(())
    })
    .await;
    // One that is killed says nothing: it is forgotten.
    other.kill().await;
    let mut redis = fleet.redis().await;
    let left: i64 = redis::cmd("PTTL")
        .arg(format!("{}:workers", fleet.topology.prefix))
        .query_async(&mut redis)
        .await
        .unwrap();
    assert!(left > 0 && left <= ANNOUNCEMENT_COUNTS_FOR.as_millis() as i64, "{left}");
}
