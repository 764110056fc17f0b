//! What a worker does while it can neither read nor store.

use std::fs;

use shared::job::{BatchId, FileRef, Job};

use crate::harness::{Fleet, Line, Proxy, Worker, samples, until};

async fn state(worker: &Worker, dependency: &str) -> f64 {
    worker.metrics().await.sum("analysis_breaker_state", &[("dependency", dependency)])
}

async fn redis_goes(line: Line, words: &str) {
    let fleet = Fleet::with(&[]).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[("REDIS_URL", &redis.url)]).await;
    let lanes = worker.freeze().await;
    fleet.submit(&fleet.silences(batch, 5)).await;
    worker.holds(4, 1).await;
    assert_eq!(state(&worker, "redis").await, 0.0);

    redis.set(line);
    let opened = worker.log.says("breaker opened").await;
    assert_eq!(opened["dependency"].as_str(), Some("redis"));
    worker.log.says("taking no work").await;
    // Others may have what had not started; what runs is kept, and so is the connection.
    fleet.queues_hold(4).await;
    worker.holds(0, 1).await;
    assert!(state(&worker, "redis").await > 0.0);
    let reason = worker.answers("/readyz", 503).await;
    assert!(reason.contains(words), "{reason}");
    assert_eq!(worker.get("/livez").await.0, 200);
    lanes[0].thaw();
    worker.holds(0, 0).await;
    assert_eq!((fleet.done(batch).await, fleet.queued().await), (0, 4));

    redis.set(Line::Open);
    worker.log.says("breaker closed").await;
    worker.log.says("taking work again").await;
    fleet.ends(batch, 5).await;
    worker.answers("/readyz", 200).await;
    assert_eq!(state(&worker, "redis").await, 0.0);
    let lost = worker.metrics().await.sum("analysis_lost_leases_total", &[]);
    assert_eq!(lost, 0.0, "the connection and its leases were kept");
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn without_redis_no_work_is_taken() {
    redis_goes(Line::Cut, "(REDIS_URL) does not answer").await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_left_alone_too() {
    redis_goes(Line::Silent, "no answer within 1s").await;
}

#[tokio::test]
async fn what_runs_while_redis_is_away_keeps_its_lease_when_redis_is_back() {
    let fleet = Fleet::with(&[]).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[("REDIS_URL", &redis.url)]).await;
    let lanes = worker.freeze().await;
    fleet.submit(&fleet.silences(batch, 5)).await;
    worker.holds(4, 1).await;
    redis.set(Line::Cut);
    worker.log.says("taking no work").await;
    fleet.queues_hold(4).await;
    redis.set(Line::Open);
    worker.log.says("taking work again").await;
    // The job that ran all the time still runs, and what was given back is here again.
    worker.holds(4, 1).await;
    worker.answers("/readyz", 200).await;
    lanes[0].thaw();
    fleet.ends(batch, 5).await;
    worker.holds(0, 0).await;
    assert_eq!(worker.metrics().await.sum("analysis_lost_leases_total", &[]), 0.0);
    assert_eq!(
        worker.log.count("delivered again while it is here"),
        0,
        "nobody else was given the running job"
    );
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn when_the_only_root_goes_away_its_jobs_wait_in_the_queue() {
    let fleet = Fleet::with(&[("RETRY_DELAYS", "200ms,1s,2s,4s,8s,16s")]).await;
    let mut worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    let jobs = fleet.silences(batch, 30);
    let away = fleet.root().with_extension("away");
    fs::rename(fleet.root(), &away).unwrap();
    fleet.submit(&jobs).await;
    let opened = worker.log.says("breaker opened").await;
    assert_eq!(opened["dependency"].as_str(), Some("media root music"));
    worker.log.says("taking no work").await;
    let reason = worker.answers("/readyz", 503).await;
    assert!(reason.contains("roots:") && reason.contains("is unavailable"), "{reason}");
    until("the metrics say so", async || {
        let away = worker.metrics().await.sum("analysis_media_roots", &[("state", "away")]);
        (away == 1.0 && state(&worker, "roots").await > 0.0).then_some(())
    })
    .await;

    // The folder of a disk that is not mounted yet is not enough.
    fs::create_dir(fleet.root()).unwrap();
    worker.log.says("breaker open again").await;
    assert_eq!(fleet.done(batch).await, 0);
    fs::remove_dir(fleet.root()).unwrap();
    fs::rename(&away, fleet.root()).unwrap();
    worker.log.says("breaker closed").await;
    let records = fleet.ends(batch, 30).await;
    assert!(records.iter().all(|record| record.outcome.code() == "not_applicable"), "{records:?}");
    worker.answers("/readyz", 200).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn jobs_of_another_root_go_on_and_those_of_the_one_that_is_away_cost_no_lane() {
    let fleet = Fleet::with(&[("RETRY_DELAYS", "200ms,1s,2s,4s,8s,16s")]).await;
    let disk = tempfile::tempdir().unwrap();
    let mounted = disk.path().join("mounted");
    let roots = format!("music={};late={}", fleet.root().display(), mounted.display());
    let mut worker = Worker::ready(&fleet, &[("MEDIA_ROOTS", &roots)]).await;
    let opened = worker.log.says("breaker opened").await;
    assert_eq!(opened["dependency"].as_str(), Some("media root late"));
    let lanes = worker.freeze().await;
    let (here, there) = (BatchId::new(), BatchId::new());
    let elsewhere: Vec<Job> = fleet
        .silences(there, 5)
        .into_iter()
        .map(|job| Job { file: FileRef { root: "late".to_owned(), path: job.file.path.clone() }, ..job })
        .collect();
    fleet.submit(&elsewhere).await;
    // The only lane stands still, and they are settled all the same.
    until("retries", async || {
        (worker.metrics().await.sum("analysis_retries_total", &[]) >= 5.0).then_some(())
    })
    .await;
    worker.answers("/readyz", 200).await;
    lanes[0].thaw();
    fleet.submit(&fleet.silences(here, 5)).await;
    fleet.ends(here, 5).await;
    assert_eq!(fleet.done(there).await, 0);

    let filled = disk.path().join("filled");
    fs::create_dir(&filled).unwrap();
    for number in 0..5 {
        fs::copy(samples().join("bad/silence.wav"), filled.join(format!("{number}.wav"))).unwrap();
    }
    fs::rename(filled, mounted).unwrap();
    let records = fleet.ends(there, 5).await;
    assert!(records.iter().all(|r| r.outcome.code() == "not_applicable" && r.attempts >= 2), "{records:?}");
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
