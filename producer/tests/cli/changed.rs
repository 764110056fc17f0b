//! `producer enqueue --changed`.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use redis::AsyncCommands;
use shared::job::Job;
use shared::outcome::{End, FailureKind, NotApplicable};
use shared::store::{Finished, Store};

use crate::fleet::{Fleet, Output, finish, finished};

const ANALYSER: &str = "0123abcd";

/// Seconds.
const DAY: i64 = 24 * 3600;

/// A time of change that no later one can be mistaken for.
fn age(path: &Path) {
    let time = SystemTime::now() - Duration::from_secs(3600);
    File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
}

fn files(fleet: &Fleet, names: &[&str]) {
    names.iter().for_each(|name| age(&fleet.file(name)));
}

async fn enqueue(fleet: &Fleet) -> (Output, serde_json::Value) {
    let output = fleet.run(&["enqueue", "--changed", "--json", fleet.root()]).await;
    let numbers = serde_json::from_str(&output.stdout).unwrap();
    (output, numbers)
}

/// What waits in the queue, in the order of its names.
async fn taken(fleet: &Fleet) -> Vec<Job> {
    let mut jobs = fleet.take("normal", 1000).await;
    jobs.sort_by_key(|job| job.file.to_string());
    jobs
}

fn names(jobs: &[Job]) -> BTreeSet<String> {
    jobs.iter().map(|job| job.file.path.to_string()).collect()
}

/// Stores these ends as a worker of this analyser would.
async fn end(fleet: &Fleet, jobs: &[Job], end: End) {
    let with_analyser = |job| {
        let mut ended = finished(job, end);
        ended.record.bytes = None;
        ended.record.analyser = Some(ANALYSER.to_owned());
        ended
    };
    let ends: Vec<Finished> = jobs.iter().map(with_analyser).collect();
    assert_eq!(fleet.store().finish(&ends).await.unwrap(), vec![true; ends.len()]);
}

#[tokio::test]
async fn only_what_has_changed_since_its_last_end_is_enqueued() {
    let fleet = Fleet::new();
    files(&fleet, &["a/1.mp3", "a/2.mp3", "b/3.mp3", "b/4.mp3"]);
    let (output, numbers) = enqueue(&fleet).await;
    assert_eq!((output.code, &numbers["accepted"], &numbers["unchanged"]), (0, &4.into(), &0.into()));
    assert!(output.stderr.contains("no worker has said yet which analyser it is"), "{output:?}");
    // Nothing has ended: all come again.
    let jobs = taken(&fleet).await;
    fleet.store().announce_analyser(ANALYSER).await.unwrap();
    assert_eq!(enqueue(&fleet).await.1["accepted"], 4);
    end(&fleet, &jobs, End::Ok).await;
    taken(&fleet).await;

    let (output, numbers) = enqueue(&fleet).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(
        (&numbers["files"], &numbers["accepted"], &numbers["unchanged"]),
        (&4.into(), &0.into(), &4.into())
    );
    assert!(numbers["batch_id"].is_null());
    assert!(output.stderr.contains("4 audio files under"), "{output:?}");

    // Another size, another time by a nanosecond, a new file.
    std::fs::write(fleet.root.path().join("a/1.mp3"), "other").unwrap();
    let second = fleet.root.path().join("a/2.mp3");
    let time = std::fs::metadata(&second).unwrap().modified().unwrap() + Duration::from_nanos(1);
    File::options().append(true).open(&second).unwrap().set_modified(time).unwrap();
    fleet.file("b/5.mp3");
    let (output, numbers) = enqueue(&fleet).await;
    assert_eq!((&numbers["accepted"], &numbers["unchanged"]), (&3.into(), &2.into()), "{output:?}");
    assert!(output.stderr.contains("2 files unchanged since the last run, not enqueued"), "{output:?}");
    assert_eq!(names(&taken(&fleet).await), ["a/1.mp3", "a/2.mp3", "b/5.mp3"].map(String::from).into());

    // A fleet of another version has to do with all of them.
    fleet.store().announce_analyser("other").await.unwrap();
    assert_eq!(enqueue(&fleet).await.1["accepted"], 5);
}

#[tokio::test]
async fn only_ends_that_would_be_the_same_again_are_remembered() {
    let fleet = Fleet::new();
    let ends = [
        (End::Ok, true),
        (End::Partial, true),
        (End::NotApplicable(NotApplicable::Silence), true),
        (End::Failed(FailureKind::Unsupported), true),
        (End::Failed(FailureKind::Corrupt), true),
        (End::Failed(FailureKind::Timeout), false),
        (End::Failed(FailureKind::TooLarge), false),
        (End::Failed(FailureKind::Io), false),
        (End::Cancelled, false),
    ];
    let file = |place: usize| format!("{place}.mp3");
    (0..ends.len()).for_each(|place| files(&fleet, &[&file(place)]));
    enqueue(&fleet).await;
    for (job, (how, _)) in taken(&fleet).await.iter().zip(ends) {
        end(&fleet, std::slice::from_ref(job), how).await;
    }
    enqueue(&fleet).await;
    let again = ends.iter().enumerate().filter(|(_, (_, kept))| !kept).map(|(place, _)| file(place));
    assert_eq!(names(&taken(&fleet).await), again.collect());
}

#[tokio::test]
async fn a_file_of_this_very_moment_is_not_remembered() {
    let fleet = Fleet::new();
    fleet.file("a.mp3");
    enqueue(&fleet).await;
    let jobs = taken(&fleet).await;
    assert_eq!(jobs[0].seen, None);
    end(&fleet, &jobs, End::Ok).await;
    assert_eq!(enqueue(&fleet).await.1["accepted"], 1);
}

#[tokio::test]
async fn what_a_run_finds_lives_on_and_the_rest_goes_with_its_era() {
    let fleet = Fleet::new();
    files(&fleet, &["kept.mp3", "gone.mp3"]);
    enqueue(&fleet).await;
    end(&fleet, &taken(&fleet).await, End::Ok).await;
    // An era passes.
    let mut redis =
        redis::Client::open(&*fleet.redis_url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let keys = async |redis: &mut redis::aio::MultiplexedConnection| -> Vec<String> {
        let mut keys: Vec<String> = redis.keys(format!("{}:seen:*", fleet.prefix)).await.unwrap();
        keys.sort();
        keys
    };
    let now = keys(&mut redis).await;
    assert_eq!(now.len(), 2);
    let aged = |key: &String| {
        let mut parts: Vec<String> = key.split(':').map(str::to_owned).collect();
        parts[2] = (parts[2].parse::<u64>().unwrap() - 1).to_string();
        parts.join(":")
    };
    for key in &now {
        let _: () = redis.rename(key, aged(key)).await.unwrap();
    }
    std::fs::remove_file(fleet.root.path().join("gone.mp3")).unwrap();
    assert_eq!(enqueue(&fleet).await.1["unchanged"], 1);
    let after = keys(&mut redis).await;
    assert_eq!(after.len(), 2, "one moved, one left behind: {after:?}");
    assert_eq!(after.iter().filter(|key| now.contains(key)).count(), 1);
    for key in &after {
        let left: i64 = redis.ttl(key).await.unwrap();
        assert!((1..=60 * DAY).contains(&left), "{key} expires in {left} s");
    }
    // And once more, from where it is now.
    assert_eq!(enqueue(&fleet).await.1["unchanged"], 1);
}

#[tokio::test]
async fn workers_and_producers_need_not_keep_results_equally_long() {
    let fleet = Fleet::new();
    files(&fleet, &["a.mp3", "b.mp3"]);
    enqueue(&fleet).await;
    let with_ttl = |days: u32| {
        Store::open(&fleet.redis_url, &fleet.prefix, Duration::from_secs(u64::from(days) * 24 * 3600))
            .unwrap()
    };
    with_ttl(1).announce_analyser(ANALYSER).await.unwrap();
    let ends: Vec<Finished> = taken(&fleet)
        .await
        .iter()
        .map(|job| {
            let mut ended = finished(job, End::Ok);
            (ended.record.bytes, ended.record.analyser) = (None, Some(ANALYSER.to_owned()));
            ended
        })
        .collect();
    with_ttl(7).finish(&ends).await.unwrap();
    for ttl in ["1h", "1d", "30d", "365d", "1s"] {
        let mut command = fleet.command(&["enqueue", "--changed", "--json", fleet.root()]);
        command.env("RESULT_TTL", ttl);
        let output = finish(command).await;
        let numbers: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(
            (&numbers["accepted"], &numbers["unchanged"]),
            (&0.into(), &2.into()),
            "{ttl}: {output:?}"
        );
    }
    // Nobody's short setting makes the fleet forget which analyser it has.
    let mut redis =
        redis::Client::open(&*fleet.redis_url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let left: i64 = redis.ttl(format!("{}:analyser", fleet.prefix)).await.unwrap();
    assert!(left > 59 * DAY, "{left}");
}

#[tokio::test]
async fn force_and_changed_exclude_each_other() {
    let fleet = Fleet::new();
    for other in ["--force", "--dry-run"] {
        let output = fleet.run(&["enqueue", "--changed", other, fleet.root()]).await;
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains("cannot be used with"), "{output:?}");
    }
}
