//! Settings and servers that do not fit: the worker says so, and says what helps.

use rustix::process::Signal;

use crate::harness::{Ended, Fleet, Line, Proxy, Worker, run_to_its_end};

async fn run(fleet: &Fleet, settings: &[(&str, &str)]) -> Ended {
    run_to_its_end(&["run"], &fleet.environment(settings)).await
}

#[tokio::test]
async fn another_queue_size_is_refused_with_both_values_and_the_remedy() {
    let fleet = Fleet::with(&[]).await;
    let ended = run(&fleet, &[("QUEUE_MAX_SIZE", "50")]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    let said = ended.said();
    for words in ["x-max-length = 10000", "but 50 is wanted", "set QUEUE_MAX_SIZE to 10000", "delete it"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[tokio::test]
async fn all_wrong_settings_are_named_at_once() {
    let fleet = Fleet::with(&[]).await;
    let wrong =
        [("ANALYSIS_TIMEOUT", "soon"), ("QUEUE_MAX_SIZE", "0"), ("AMQP_URL", "http://rabbit:hidden@host/")];
    let ended = run(&fleet, &wrong).await;
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    for (name, _) in wrong {
        assert!(ended.stderr.contains(name), "{name}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
}

#[tokio::test]
async fn without_media_roots_it_does_not_start() {
    let fleet = Fleet::with(&[]).await;
    let ended = run(&fleet, &[("MEDIA_ROOTS", "")]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    assert!(ended.said().contains("MEDIA_ROOTS is not set"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_the_lanes_or_the_machine_refuse_is_named() {
    let fleet = Fleet::with(&[]).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let cases = [
        (("ANALYSIS_FEATURES", "loudness,horoscope"), "horoscope"),
        (("MAX_MEMORY_MB", "256"), "MiB are needed"),
        (
            ("HTTP_ADDR", address.as_str()),
            "(HTTP_ADDR): Address already in use (os error 98), most likely by another worker",
        ),
    ];
    for (setting, words) in cases {
        let ended = run(&fleet, &[setting, ("ANALYSIS_MAX_WORKERS", "4")]).await;
        assert_eq!(ended.code, Some(78), "{}", ended.stderr);
        assert!(ended.said().contains(words), "{words}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_wrong_password_fails_at_once_and_is_not_printed() {
    let fleet = Fleet::with(&[]).await;
    let (scheme, rest) = fleet.servers.amqp.split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let wrong = format!("{scheme}://nobody:wr0ng@{host}");
    let ended = run(&fleet, &[("AMQP_URL", &wrong)]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    let said = ended.said();
    assert!(said.contains("(AMQP_URL) refuses the connection") && said.contains("ACCESS_REFUSED"), "{said}");
    assert!(!ended.stderr.contains("wr0ng"), "{}", ended.stderr);
}

#[tokio::test]
async fn it_waits_for_servers_that_are_not_there_yet() {
    let fleet = Fleet::with(&[]).await;
    let (rabbitmq, redis) =
        (Proxy::before(&fleet.servers.amqp).await, Proxy::before(&fleet.servers.redis).await);
    rabbitmq.set(Line::Cut);
    redis.set(Line::Cut);
    let settings = [("AMQP_URL", rabbitmq.url.as_str()), ("REDIS_URL", redis.url.as_str())];
    let mut worker = Worker::start(&fleet, &settings).await;
    worker.log.says("waiting for rabbitmq").await;
    assert_eq!(worker.get("/livez").await.0, 200);
    assert_eq!(worker.get("/startupz").await.0, 503);
    assert_eq!(worker.get("/readyz").await.0, 503);
    rabbitmq.set(Line::Open);
    worker.answers("/startupz", 200).await;
    assert!(worker.answers("/readyz", 503).await.contains("(REDIS_URL) does not answer"));
    redis.set(Line::Open);
    worker.answers("/readyz", 200).await;
    worker.stop().await;

    // And it can be stopped while it waits.
    rabbitmq.set(Line::Cut);
    let mut worker = Worker::start(&fleet, &settings).await;
    worker.log.says("waiting for rabbitmq").await;
    worker.signal(Signal::TERM);
    assert_eq!(worker.exit().await.code(), Some(0));
}

#[tokio::test]
async fn how_far_its_lanes_are_shut_in_is_a_line_and_a_metric() {
    let fleet = Fleet::with(&[]).await;
    let mut worker = Worker::ready(&fleet, &[]).await;
    // This kernel may have one, the other, or none.
    let line = worker.log.says("lanes are").await;
    let metrics = worker.metrics().await;
    for (layer, name) in [("files", "landlock"), ("calls", "seccomp")] {
        let text = line[name].as_str().unwrap();
        let in_force = text.starts_with("whole") || text.starts_with("in part");
        let said = metrics.sum("analysis_lane_confinement", &[("layer", layer)]);
        assert_eq!(said > 0.0, in_force, "{layer}: {said}, {line}");
    }
    let is_root = rustix::process::geteuid().is_root();
    assert_eq!(worker.log.count("this worker runs as root") > 0, is_root);
    worker.stop().await;
}
