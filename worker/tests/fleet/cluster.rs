//! Redis Cluster: batches in several slots, the cache, pages, and a master that dies in the middle of a batch.

use std::collections::BTreeSet;

use shared::job::{BatchId, Job};
use shared::outcome::Outcome;
use shared::record::Record;
use shared::store::Cursor;

use crate::harness::cluster::Cluster;
use crate::harness::{Fleet, NORMAL, Servers, Worker, run_to_its_end, until};

/// Smaller than a batch of this test.
const PAGE: usize = 4;

async fn fleet_on(redis: String) -> Fleet {
    Fleet::at(Servers { redis, ..Servers::from_env() }, &[]).await
}

/// A batch of samples of which half are copies.
fn batch_of(fleet: &Fleet, count: usize) -> Vec<Job> {
    let batch = BatchId::new();
    let name = |number: usize| format!("{batch}/{number}.wav");
    (0..count)
        .map(|number| {
            fleet.put(if number % 2 == 0 { "house.wav" } else { "bad/silence.wav" }, &name(number));
            fleet.job(batch, &name(number), NORMAL)
        })
        .collect()
}

/// Its ends, page by page, each job once.
async fn ends(fleet: &Fleet, batch: BatchId, count: usize) -> Vec<Record> {
    let all =
        || async { fleet.store.batch(batch).await.ok().flatten().filter(|it| it.done() >= count as u64) };
    let state = until(&format!("{count} ends"), all).await;
    let (mut records, mut cursor) = (Vec::new(), Cursor::start());
    loop {
        let page = fleet.store.page(batch, &cursor, PAGE).await.unwrap();
        records.extend(page.records);
        let Some(next) = page.next else { break };
        cursor = next;
    }
    let jobs: BTreeSet<_> = records.iter().filter_map(|record| record.job_id).collect();
    assert_eq!((records.len(), jobs.len(), state.done()), (count, count, count as u64));
    records
}

/// SIGKILL to the master that has this key.
fn kill_master_of(cluster: &mut Cluster, key: &str) {
    let port = cluster.nodes[0].0;
    let slot: u16 = cluster.cli(port, &["CLUSTER", "KEYSLOT", key]).trim().parse().unwrap();
    let nodes = cluster.cli(port, &["CLUSTER", "NODES"]);
    let master = nodes.lines().find(|line| line.contains("master") && serves(line, slot)).unwrap();
    let place = master.split([' ', '@']).nth(1).unwrap();
    let port: u16 = place.rsplit_once(':').unwrap().1.parse().unwrap();
    let at = cluster.nodes.iter().position(|(other, _)| *other == port).unwrap();
    let (_, mut child) = cluster.nodes.remove(at);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn serves(line: &str, slot: u16) -> bool {
    line.split(' ').skip(8).any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        first.parse().is_ok_and(|first: u16| first <= slot)
            && last.parse().is_ok_and(|last: u16| slot <= last)
    })
}

#[tokio::test]
async fn batches_end_on_a_cluster_and_outlive_the_death_of_a_master() {
    let mut cluster = tokio::task::spawn_blocking(|| Cluster::start(None)).await.unwrap();
    let fleet = fleet_on(cluster.url()).await;
    let worker = Worker::ready(&fleet, &[]).await;
    // Enough of them that they lie in different slots, and on different nodes.
    let batches: Vec<Vec<Job>> = (0..4).map(|_| batch_of(&fleet, 6)).collect();
    for jobs in &batches {
        fleet.submit(jobs).await;
    }
    for jobs in &batches {
        let records = ends(&fleet, jobs[0].batch_id, jobs.len()).await;
        assert!(records.iter().all(|record| record.outcome != Outcome::Failed && record.report.is_some()));
    }
    let metrics = worker.metrics().await;
    assert!(metrics.sum("analysis_cache_hits_total", &[]) >= 20.0);
    let listed: BTreeSet<_> = fleet.store.batches(10).await.unwrap().iter().map(|it| it.batch_id).collect();
    assert_eq!(listed, batches.iter().map(|jobs| jobs[0].batch_id).collect());

    let jobs = batch_of(&fleet, 6);
    let lanes = worker.freeze().await;
    let batch = fleet.submit(&jobs).await;
    worker.holds(5, 1).await;
    // By the documented key: its hash tag is the batch.
    kill_master_of(&mut cluster, &format!("{}:batch:{{{batch}}}", fleet.topology.prefix));
    lanes.iter().for_each(crate::harness::Process::thaw);
    ends(&fleet, batch, jobs.len()).await;
    tokio::task::spawn_blocking(move || cluster.is_whole()).await.unwrap();
    worker.stop().await;
}

#[tokio::test]
async fn a_single_server_named_as_a_cluster_is_refused_with_the_remedy() {
    let fleet = Fleet::with(&[]).await;
    let url = fleet.servers.redis.replace("redis://", "redis-cluster://");
    let ended =
        run_to_its_end(&["run"], &fleet.environment(&[("REDIS_URL", url.trim_end_matches("/0"))])).await;
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    assert!(ended.said().contains("it is no cluster: use redis://"), "{}", ended.stderr);
}
