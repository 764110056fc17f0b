//! A Redis that answers and is of no use, or harmful: read-only, without scripts, evicting, with keys of another type.

use std::collections::BTreeSet;

use shared::job::{BatchId, Job, JobId};
use shared::outcome::{End, FailureKind};
use shared::record::Record;
use shared::store::{Finished, StoreError};

use crate::harness::redis_server::PrivateRedis;
use crate::harness::{Fleet, NORMAL, Proxy, Servers, Worker, run_to_its_end, until};

async fn fleet_on(redis: &str, settings: &[(&str, &str)]) -> Fleet {
    Fleet::at(Servers { redis: redis.to_owned(), ..Servers::from_env() }, settings).await
}

/// Real files, so that a worker is busy with them for a while.
fn tones(fleet: &Fleet, batch: BatchId, count: usize) -> Vec<Job> {
    let job = |number| {
        let name = format!("{batch}/{number}.wav");
        fleet.put("house.wav", &name);
        Job { force: true, ..fleet.job(batch, &name, NORMAL) }
    };
    (0..count).map(job).collect()
}

async fn each_ended_once(fleet: &Fleet, batch: BatchId, count: u64) {
    let records = fleet.ends(batch, count).await;
    let jobs: BTreeSet<_> = records.iter().filter_map(|record| record.job_id).collect();
    assert_eq!((records.len() as u64, jobs.len() as u64), (count, count));
    assert!(records.iter().all(|record| record.report.is_some()), "every end has its report");
}

#[tokio::test]
async fn a_worker_on_a_read_only_replica_is_not_ready_and_takes_nothing() {
    let redis = PrivateRedis::start(&[]);
    let fleet = fleet_on(&redis.url(), &[]).await;
    let batch = BatchId::new();
    let jobs = fleet.silences(batch, 5);
    fleet.submit(&jobs).await;
    redis.demote();
    let mut worker = Worker::start(&fleet, &[]).await;
    worker.log.says("breaker opened").await;
    worker.log.says("ready").await;
    let reason = worker.answers("/readyz", 503).await;
    assert!(reason.contains("(REDIS_URL) refuses: READONLY"), "{reason}");
    assert_eq!(worker.get("/livez").await.0, 200);
    worker.log.says("taking no work").await;
    worker.holds(0, 0).await;
    assert_eq!(worker.metrics().await.sum("analysis_files_processed_total", &[]), 0.0);

    redis.promote();
    worker.answers("/readyz", 200).await;
    fleet.ends(batch, 5).await;
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_store_failures_total", &[]), 0.0, "no end met the replica");
    worker.stop().await;
}

#[tokio::test]
async fn a_master_that_is_demoted_under_work_is_noticed_and_loses_nothing() {
    let redis = PrivateRedis::start(&[]);
    let fleet = fleet_on(&redis.url(), &[]).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[]).await;
    fleet.submit(&tones(&fleet, batch, 12)).await;
    until("the first end", async || (fleet.done(batch).await > 0).then_some(())).await;
    redis.demote();
    worker.log.says("results cannot be stored").await;
    worker.log.says("taking no work").await;
    let reason = worker.answers("/readyz", 503).await;
    assert!(reason.contains("READONLY"), "{reason}");
    redis.promote();
    worker.answers("/readyz", 200).await;
    each_ended_once(&fleet, batch, 12).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn after_a_failover_behind_one_address_the_old_connections_are_given_up() {
    let (old, new) = (PrivateRedis::start(&[]), PrivateRedis::start(&[]));
    let proxy = Proxy::before(&old.url()).await;
    let fleet = fleet_on(&proxy.url, &[]).await;
    let batch = BatchId::new();
    let worker = Worker::ready(&fleet, &[]).await;
    fleet.submit(&tones(&fleet, batch, 12)).await;
    until("the first end", async || (fleet.done(batch).await > 0).then_some(())).await;
    new.cli(&["REPLICAOF", "127.0.0.1", &old.port.to_string()]);
    until("the replica has its copy", async || {
        new.cli(&["INFO", "replication"]).contains("master_link_status:up").then_some(())
    })
    .await;
    // The other way round. The connections that are there stay, and lead to the old one.
    old.demote();
    new.promote();
    proxy.lead_to(&new.url());
    worker.answers("/readyz", 200).await;
    until("every job has ended on the new master", async || {
        (new.cli(&["HLEN", &format!("{}:batch:{{{batch}}}:jobs", fleet.topology.prefix)]).trim() == "12")
            .then_some(())
    })
    .await;
    each_ended_once(&fleet, batch, 12).await;
    assert_eq!(worker.log.count("breaker open again"), 0, "the first probe met the new master");
    worker.stop().await;
}

#[tokio::test]
async fn a_user_who_may_run_no_scripts_is_told_so() {
    let redis = PrivateRedis::start(&[]);
    redis.cli(&["ACL", "SETUSER", "worker", "on", ">pass", "~*", "&*", "+@all"]);
    let url = format!("redis://worker:pass@127.0.0.1:{}/", redis.port);
    let fleet = fleet_on(&url, &[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    redis.cli(&["ACL", "SETUSER", "worker", "-@scripting"]);
    let reason = worker.answers("/readyz", 503).await;
    assert!(reason.contains("NOPERM") && reason.contains("rights (ACL)"), "{reason}");
    let ended = run_to_its_end(&["run"], &fleet.environment(&[])).await;
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    assert!(ended.said().contains("rights (ACL)"), "{}", ended.stderr);
    redis.cli(&["ACL", "SETUSER", "worker", "+@scripting"]);
    worker.answers("/readyz", 200).await;
    worker.stop().await;
}

async fn evicts(worker: &Worker) -> f64 {
    worker.metrics().await.sum("analysis_redis_may_evict", &[])
}

#[tokio::test]
async fn a_redis_that_may_evict_is_named_in_log_metric_and_readiness() {
    let redis = PrivateRedis::start(&["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"]);
    let fleet = fleet_on(&redis.url(), &[]).await;
    let mut worker = Worker::ready(&fleet, &[]).await;
    let warned = worker.log.says("may evict results").await;
    assert_eq!(warned["level"].as_str(), Some("WARN"), "{warned}");
    assert_eq!(warned["policy"].as_str(), Some("volatile-lru"), "{warned}");
    assert_eq!(evicts(&worker).await, 1.0);
    let ready = worker.answers("/readyz", 200).await;
    assert!(
        ready.starts_with("ok\nwarning: ") && ready.contains("maxmemory-policy to noeviction"),
        "{ready}"
    );

    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    // After a breaker has closed another server may answer: it is looked at anew.
    redis.demote();
    worker.log.says("breaker opened").await;
    redis.promote();
    worker.log.says("redis keeps all results again").await;
    assert_eq!(evicts(&worker).await, 0.0);
    until("readiness without a warning", async || {
        (worker.get("/readyz").await == (200, "ok\n".into())).then_some(())
    })
    .await;
    worker.stop().await;
}

fn end_of(job: &Job) -> Finished {
    let mut record = Record::new(&job.file.to_bytes(), End::Failed(FailureKind::Corrupt));
    (record.job_id, record.batch_id) = (Some(job.job_id), Some(job.batch_id));
    Finished { job_id: job.job_id, batch_id: job.batch_id, record, job: Some(job.clone()), message: None }
}

#[tokio::test]
async fn a_key_of_another_type_is_the_fault_of_its_batch_alone() {
    let redis = PrivateRedis::start(&[]);
    let fleet = fleet_on(&redis.url(), &[]).await;
    let jobs = [BatchId::new(), BatchId::new()].map(|batch| fleet.job(batch, "a.wav", NORMAL));
    let [bad, good] = jobs.each_ref().map(end_of);
    let key = format!("{}:batch:{{{}}}:jobs", fleet.topology.prefix, bad.batch_id);
    redis.cli(&["SET", &key, "somebody else's"]);

    let error = fleet.store.finish(&[bad.clone(), good.clone()]).await.unwrap_err();
    assert!(error.is_permanent(), "{error}");
    let text = error.to_string();
    assert!(text.contains("WRONGTYPE") && text.contains(&bad.batch_id.to_string()), "{text}");
    assert_eq!(fleet.store.finish(std::slice::from_ref(&good)).await.unwrap(), [true]);
    assert!(fleet.store.finish(std::slice::from_ref(&bad)).await.unwrap_err().is_permanent());

    // Redis takes nothing from anybody: no reason to give this end up.
    redis.demote();
    let error = fleet.store.finish(std::slice::from_ref(&bad)).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }) && !error.is_permanent(), "{error}");
    redis.promote();
    redis.cli(&["DEL", &key]);
    assert_eq!(fleet.store.finish(&[bad, good]).await.unwrap(), [true, true]);
}

#[tokio::test]
async fn keys_of_the_whole_fleet_that_have_another_type_cost_no_end() {
    let redis = PrivateRedis::start(&[]);
    let fleet = fleet_on(&redis.url(), &[]).await;
    let prefix = &fleet.topology.prefix;
    for name in ["batches", "analyser", "cancelled"] {
        redis.cli(&["SETRANGE", &format!("{prefix}:{name}"), "0", "somebody else's"]);
    }
    // Every list that the entry for `enqueue --changed` may go to.
    let fill = "local era = math.floor(redis.call('TIME')[1] / 2592000) for bucket = 0, 32767 do redis.call('SET', \
                string.format('%s:seen:%d:%x', ARGV[1], era, bucket), 'x') end return 1";
    redis.cli(&["EVAL", fill, "0", prefix]);
    let seen = Some(shared::job::Seen { bytes: 1, modified_ns: 1 });
    let jobs = [BatchId::new(), BatchId::new(), BatchId::STRAY]
        .map(|batch| Job { seen, ..fleet.job(batch, "a.wav", NORMAL) });
    let ends = jobs.each_ref().map(|job| {
        let mut end = end_of(job);
        (end.record.bytes, end.record.analyser) = (Some(1), Some("00000000".to_owned()));
        end
    });
    assert_eq!(fleet.store.finish(&ends).await.unwrap(), [true; 3]);
    for job in jobs {
        assert_eq!(fleet.store.stored_ends(job.batch_id).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_script_that_redis_forgets_every_moment_is_loaded_again() {
    let redis = PrivateRedis::start(&[]);
    let fleet = fleet_on(&redis.url(), &[]).await;
    let batch = BatchId::new();
    for _ in 0..20 {
        redis.cli(&["SCRIPT", "FLUSH"]);
        let job = Job { job_id: JobId::new(), ..fleet.job(batch, "a.wav", NORMAL) };
        assert_eq!(fleet.store.finish(&[end_of(&job)]).await.unwrap(), [true]);
        redis.cli(&["SCRIPT", "FLUSH"]);
        fleet.store.probe().await.unwrap();
    }
}
