//! Redis: every key that a fleet makes stands on the page with its type and its expiry, and every key of the page is made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use redis::streams::StreamRangeReply;
use serde::Deserialize;
use serde::de::IgnoredAny;
use shared::broker::lapin::BasicProperties;
use shared::job::{BatchId, FileRef, Job, Seen};
use shared::outcome::Outcome;
use shared::record::Record;
use shared::store::{BatchHead, Cursor, RetryId, SentRetry, WorkerAnnouncement};

use super::page::{code, name, rows};
use crate::harness::{Fleet, NORMAL, ROOT, Worker};

/// Seconds; the harness says `RESULT_TTL=10m`.
const RESULT_TTL: i64 = 600;
const DAY: i64 = 24 * 3600;

/// What a key on the page is filled with: a placeholder that stands for many values matches any text.
const ANY: &str = "\u{0}";

/// One key of the page.
struct Documented {
    pattern: String,
    kind: String,
    expires: String,
}

impl Documented {
    fn matches(&self, key: &str) -> bool {
        let mut rest = key;
        for (number, part) in self.pattern.split(ANY).enumerate() {
            let Some(at) = rest.find(part).filter(|at| number > 0 || *at == 0) else { return false };
            rest = &rest[at + part.len()..];
        }
        // Of two patterns the one that ends in a name must not take the keys below it.
        self.pattern.ends_with(ANY) && !rest.contains(':') || rest.is_empty()
    }

    fn allows(&self, seconds: i64) -> bool {
        let most = match self.expires.as_str() {
            expires if expires.starts_with("60 s") => 60,
            expires if expires.starts_with("30 to 60 days") => 60 * DAY,
            expires if expires.starts_with("two `RESULT_TTL`, at least 60 days") => 60 * DAY,
            expires if expires == "as the batch" || expires.contains("30 days") => RESULT_TTL + 30 * DAY,
            // A note of a retry is kept for its delay, rounded up.
            expires if expires.starts_with("`RESULT_TTL` after") => RESULT_TTL + 1,
            other => panic!("docs/protocol.md: '{other}' is no expiry that this test understands"),
        };
        (1..=most).contains(&seconds)
    }
}

fn documented(fleet: &Fleet) -> Vec<Documented> {
    let prefix = fleet.topology.prefix.as_str();
    let many = ["{batch}", "{identity}", "{profile}", "{era}", "{bucket}"];
    let values: Vec<(&str, &str)> =
        many.map(|placeholder| (placeholder, ANY)).into_iter().chain([("{prefix}", prefix)]).collect();
    let kind = |kind: &str| if kind == "sorted set" { "zset".to_owned() } else { kind.to_owned() };
    let key = |row: &Vec<String>| Documented {
        pattern: name(&row[0], &values),
        kind: kind(&row[1]),
        expires: row[2].clone(),
    };
    rows(&["key", "type", "expires"]).iter().map(key).collect()
}

/// Does everything that leaves a key: a good file, a failure, a message that is no job, a retry half way, a cancellation.
async fn everything(fleet: &Fleet) -> (BatchId, BatchId) {
    let worker = Worker::ready(fleet, &[]).await;
    let (good, bad) = (BatchId::new(), BatchId::new());
    fleet.put("house.wav", "house.wav");
    let seen = Some(Seen { bytes: fleet.path("house.wav").metadata().unwrap().len(), modified_ns: 1 });
    let silence = fleet.silences(good, 1);
    let house = Job { seen, ..fleet.job(good, "house.wav", NORMAL) };
    fleet.submit(&[house, silence[0].clone()]).await;
    fleet.store.seal_batch(good, 2).await.unwrap();
    fleet.submit(&[fleet.job(bad, "nothing.wav", NORMAL)]).await;
    fleet.publish_raw(NORMAL, &[b'x'; 5000], BasicProperties::default()).await;
    fleet.ends(good, 2).await;
    fleet.ends(bad, 1).await;
    fleet.ends(BatchId::STRAY, 1).await;
    worker.stop().await;

    let key = format!("{}:batch:{{{good}}}", fleet.topology.prefix);
    let seconds: i64 = fleet.redis().await.ttl(key).await.unwrap();
    assert!((1..=RESULT_TTL).contains(&seconds), "a batch that misses no end expires in {seconds} s");
    cancel_and_retry(fleet, bad).await;
    leave_open(fleet, good).await;
    (good, bad)
}

/// A retry that has not published its job yet, in a batch that is cancelled.
async fn cancel_and_retry(fleet: &Fleet, batch: BatchId) {
    let store = &fleet.store;
    store.count_accepted(batch, 1).await.unwrap();
    store.cancel_batch(batch, true).await.unwrap();
    let (ends, _) = store.ends(batch, Outcome::Failed, &Cursor::start(), 10).await.unwrap();
    assert_eq!(store.withdraw(batch, RetryId::new(), &ends).await.unwrap(), [true]);
    store.note_needs(batch, "normal", &BTreeSet::from([ROOT.to_owned()])).await.unwrap();
    store.note_held(batch).await.unwrap();
    store.note_retry_causes(batch, &[("io", "the disk is away".to_owned())].into()).await.unwrap();
    // Its producer finds that it has lost its label.
    let key = format!("{}:batch:{{{batch}}}", fleet.topology.prefix);
    let _: u64 = fleet.redis().await.hdel(key, "label").await.unwrap();
    let head = BatchHead { batch_id: batch, label: Some("again".to_owned()), created_ms: 1 };
    assert!(store.seal(&head, 2).await.unwrap());
}

/// What is there only for a time: a job that has started, one that waits for a retry, a worker, a probe.
async fn leave_open(fleet: &Fleet, batch: BatchId) {
    let (store, job) = (&fleet.store, fleet.job(batch, "next.wav", NORMAL));
    let head = BatchHead { batch_id: batch, label: None, created_ms: 1 };
    store.accept(&head, std::slice::from_ref(&job), 0).await.unwrap();
    store.started(&[(batch, job.job_id)]).await.unwrap();
    // It is due at once, so that it expires as the page says.
    store.note_retries(&[SentRetry { job, delay: Duration::ZERO }], &[]).await.unwrap();
    let worker = WorkerAnnouncement { name: "somebody".to_owned(), ..WorkerAnnouncement::default() };
    store.announce_worker(&worker, None).await.unwrap();
    store.probe().await.unwrap();
}

#[tokio::test]
async fn every_key_is_on_the_page_and_every_key_of_the_page_is_made() {
    let fleet = Fleet::with(&[]).await;
    let (good, bad) = everything(&fleet).await;
    let mut redis = fleet.redis().await;
    let documented = documented(&fleet);
    let mut seen = BTreeSet::new();
    for key in keys(&mut redis, &fleet.topology.prefix).await {
        let fits: Vec<&Documented> =
            documented.iter().filter(|documented| documented.matches(&key)).collect();
        let [fit] = fits[..] else { panic!("{key} is {} times on the page", fits.len()) };
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut redis).await.unwrap();
        let seconds: i64 = redis.ttl(&key).await.unwrap();
        assert_eq!(kind, fit.kind, "{key}");
        assert!(fit.allows(seconds), "{key} expires in {seconds} s, on the page: {}", fit.expires);
        seen.insert(fit.pattern.clone());
    }
    let missing: Vec<&String> = documented
        .iter()
        .map(|documented| &documented.pattern)
        .filter(|pattern| !seen.contains(*pattern))
        .collect();
    assert!(missing.is_empty(), "on the page, and not made: {missing:?}");
    fields_of_batches(&fleet, &mut redis, &[good, bad]).await;
}

async fn keys(redis: &mut MultiplexedConnection, prefix: &str) -> BTreeSet<String> {
    redis.keys(format!("{prefix}:*")).await.unwrap()
}

async fn fields_of_batches(fleet: &Fleet, redis: &mut MultiplexedConnection, batches: &[BatchId]) {
    let mut found = BTreeSet::new();
    for batch in batches {
        let key = format!("{}:batch:{{{batch}}}", fleet.topology.prefix);
        found.extend(redis.hkeys::<_, Vec<String>>(key).await.unwrap());
    }
    let general = |field: String| match field.split_once(':') {
        Some((group, _)) => format!("{group}:{{{group}}}"),
        None => field,
    };
    let found: BTreeSet<String> = found.into_iter().map(general).collect();
    let on_page: BTreeSet<String> =
        rows(&["field", "written by"]).iter().map(|row| code(&row[0]).to_owned()).collect();
    assert_eq!(found, on_page);
}

/// The fields of a map, whatever their values are.
type Fields = BTreeMap<String, IgnoredAny>;

#[derive(Deserialize)]
struct WithRecord {
    record: Fields,
}

/// Fields of the table of this section, and those of them that may be missing.
fn fields_after(heading: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let rows = super::page::table_after(heading);
    let names = |rows: Vec<&Vec<String>>| rows.into_iter().map(|row| code(&row[0]).to_owned()).collect();
    let optional = rows.iter().filter(|row| row[1].contains("may be missing")).collect();
    (names(rows.iter().collect()), names(optional))
}

#[tokio::test]
async fn stored_records_and_reports_have_the_fields_of_the_page() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    fleet.put("house.wav", "house.wav");
    let odd = FileRef {
        path: shared::job::RelPath::new(*b"\xff.wav").unwrap(),
        ..fleet.job(batch, "a", NORMAL).file
    };
    fleet
        .submit(&[fleet.job(batch, "house.wav", NORMAL), Job { file: odd, ..fleet.job(batch, "a", NORMAL) }])
        .await;
    let records: Vec<Record> = fleet.ends(batch, 2).await;
    worker.stop().await;

    let mut redis = fleet.redis().await;
    let stream = format!("{}:batch:{{{batch}}}:events", fleet.topology.prefix);
    let reply: StreamRangeReply = redis.xrange_all(stream).await.unwrap();
    let ends: Vec<Vec<u8>> = reply.ids.iter().map(|entry| entry.get("end").unwrap()).collect();
    let (of_end, _) = fields_after("The field `end` of a stream entry");
    let (of_record, may_be_missing) = fields_after("The record has these fields");
    let mut found = BTreeSet::new();
    for end in &ends {
        let fields: Fields = rmp_serde::from_slice(end).unwrap();
        assert_eq!(fields.into_keys().collect::<BTreeSet<_>>(), of_end);
        let record: BTreeSet<String> =
            rmp_serde::from_slice::<WithRecord>(end).unwrap().record.into_keys().collect();
        assert!(
            record.is_subset(&of_record)
                && of_record.difference(&record).all(|field| may_be_missing.contains(field))
        );
        found.extend(record);
    }
    // Recomputed is what a report of another version leaves.
    let not_here: Vec<&str> = of_record.difference(&found).map(String::as_str).collect();
    assert_eq!(not_here, ["recomputed"]);

    let record = records.iter().find(|record| record.outcome == Outcome::Ok).unwrap();
    let (identity, profile) = (record.identity.as_deref().unwrap(), record.profile.as_deref().unwrap());
    let report: Vec<u8> =
        redis.get(format!("{}:report:{identity}:{profile}", fleet.topology.prefix)).await.unwrap();
    let fields: Fields = rmp_serde::from_slice(&report).unwrap();
    assert_eq!(
        fields.into_keys().collect::<BTreeSet<_>>(),
        fields_after("may have a report under the key").0
    );
}
