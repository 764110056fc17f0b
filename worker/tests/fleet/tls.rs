//! RabbitMQ and Redis behind TLS, by users with passwords, in a vhost: a batch goes through, and what does not fit is named.

use crate::harness::tls::{Authority, REDIS_LOGIN, Redis, ctl, rabbitmq};
use crate::harness::{Fleet, NORMAL, Servers, Worker, run_to_its_end};

/// Certificates in these tests outlive every clock, or are long over.
const FAR: i32 = 2999;
const PAST: i32 = 2021;

fn amqps(port: u16) -> String {
    format!("amqps://guest:guest@127.0.0.1:{port}/%2f")
}

async fn fleet_with(redis: &Redis) -> Fleet {
    let servers = Servers { redis: redis.plain_url(), ..Servers::from_env() };
    Fleet::at(servers, &[]).await
}

#[tokio::test]
async fn a_batch_goes_through_over_tls_with_a_client_certificate() {
    let authority = Authority::new("fleet");
    let (server, client) = (authority.issue("127.0.0.1", FAR), authority.issue("worker", FAR));
    let redis = Redis::start(&authority, &server, true);
    let Some(port) = rabbitmq(&authority, &server, true) else { return };
    let fleet = fleet_with(&redis).await;
    let (amqp_url, redis_url, ca) = (amqps(port), redis.tls_url(), authority.file());
    let (cert, key) = (client.certificate.to_str().unwrap(), client.key.to_str().unwrap());
    let mut settings = vec![
        ("AMQP_URL", amqp_url.as_str()),
        ("REDIS_URL", &redis_url),
        ("TLS_CA_FILE", ca.to_str().unwrap()),
    ];
    for (url, variable) in [(&redis_url, "REDIS_URL"), (&amqp_url, "AMQP_URL")] {
        // Without one, each of them says so. The other server is reached without TLS.
        let environment = fleet.environment(&[(variable, url), ("TLS_CA_FILE", ca.to_str().unwrap())]);
        let ended = run_to_its_end(&["run"], &environment).await;
        assert_eq!(ended.code, Some(78), "{variable}: {}", ended.stderr);
        assert!(ended.said().contains("TLS_CERT_FILE"), "{}", ended.stderr);
    }
    settings.extend([("TLS_CERT_FILE", cert), ("TLS_KEY_FILE", key)]);
    let worker = Worker::ready(&fleet, &settings).await;
    let batch = fleet.submit_sample("house.wav", NORMAL).await;
    fleet.ends(batch, 1).await;
    worker.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_is_named_with_its_variable_and_its_remedy() {
    let (authority, stranger) = (Authority::new("fleet"), Authority::new("stranger"));
    let (good, old) = (authority.issue("127.0.0.1", FAR), authority.issue("127.0.0.1", PAST));
    let other = authority.issue("other.example", FAR);
    let (redis, old_redis) = (Redis::start(&authority, &good, false), Redis::start(&authority, &old, false));
    let other_redis = Redis::start(&authority, &other, false);
    let Some(port) = rabbitmq(&authority, &good, false) else { return };
    let old_port = rabbitmq(&authority, &old, false).unwrap();
    let other_port = rabbitmq(&authority, &other, false).unwrap();
    let fleet = fleet_with(&redis).await;
    let (own, strange) = (authority.file(), stranger.file());
    let (own, strange) = (own.to_str().unwrap(), strange.to_str().unwrap());
    let plain_amqp = fleet.servers.amqp.replace("amqp://", "amqps://");
    let cases = [
        ("AMQP_URL", amqps(port), strange, "TLS_CA_FILE"),
        ("AMQP_URL", amqps(port), "", "set TLS_CA_FILE"),
        ("AMQP_URL", amqps(old_port), own, "expired on 2021-12-31"),
        ("AMQP_URL", amqps(other_port), own, "is for other.example"),
        ("AMQP_URL", plain_amqp, own, "does not speak TLS"),
        ("AMQP_URL", amqps(port).replace("amqps", "amqp"), own, "use amqps://"),
        ("REDIS_URL", redis.tls_url(), strange, "TLS_CA_FILE"),
        ("REDIS_URL", redis.tls_url(), "", "set TLS_CA_FILE"),
        ("REDIS_URL", old_redis.tls_url(), own, "expired on 2021-12-31"),
        ("REDIS_URL", other_redis.tls_url(), own, "is for other.example"),
        ("REDIS_URL", redis.plain_url().replace("redis://", "rediss://"), own, "does not speak TLS"),
        ("REDIS_URL", redis.tls_url().replace("rediss", "redis"), own, "use rediss://"),
        ("REDIS_URL", redis.plain_url().replace(REDIS_LOGIN, "fleet:wr0ng"), own, "check user, password"),
        ("REDIS_URL", redis.plain_url().replace(&format!("{REDIS_LOGIN}@"), ""), own, "check user, password"),
    ];
    for (variable, url, ca, words) in &cases {
        println!("{url}: {words}");
        let environment = fleet.environment(&[(variable, url), ("TLS_CA_FILE", ca)]);
        let ended = run_to_its_end(&["run"], &environment).await;
        let said = ended.said();
        assert_eq!(ended.code, Some(78), "{url} {words}: {}", ended.stderr);
        assert!(said.contains(words) && said.contains(variable), "{url} {words}: {said}");
        assert!(!ended.stderr.contains("s3cret") && !ended.stderr.contains("wr0ng"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn files_that_are_none_are_named() {
    let fleet = Fleet::with(&[]).await;
    let authority = Authority::new("fleet");
    let pair = authority.issue("worker", FAR);
    let (cert, key) = (pair.certificate.to_str().unwrap(), pair.key.to_str().unwrap());
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("TLS_CA_FILE", "/nowhere/ca.pem")], "TLS_CA_FILE=/nowhere/ca.pem"),
        (&[("TLS_CA_FILE", key)], "it holds no certificate"),
        (&[("TLS_CERT_FILE", cert)], "belong together"),
        (&[("TLS_CERT_FILE", cert), ("TLS_KEY_FILE", cert)], "TLS_KEY_FILE="),
    ];
    for (settings, words) in cases {
        let ended = run_to_its_end(&["run"], &fleet.environment(settings)).await;
        assert_eq!(ended.code, Some(78), "{words}: {}", ended.stderr);
        assert!(ended.said().contains(words), "{words}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn another_vhost_is_as_good_as_the_default_one() {
    const VHOST: &str = "music/eu";
    if ctl(&["add_vhost", VHOST]).is_none() {
        return;
    }
    ctl(&["set_permissions", "-p", VHOST, "guest", ".*", ".*", ".*"]);
    let servers = Servers::from_env();
    let (place, _) = servers.amqp.rsplit_once('/').unwrap();
    let fleet = Fleet::at(Servers { amqp: format!("{place}/music%2Feu"), ..servers }, &[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = fleet.submit_sample("house.wav", NORMAL).await;
    fleet.ends(batch, 1).await;
    worker.stop().await;
    let unknown = fleet.environment(&[("AMQP_URL", &format!("{place}/nowhere"))]);
    let ended = run_to_its_end(&["run"], &unknown).await;
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    assert!(ended.said().contains("check user, password and vhost in AMQP_URL"), "{}", ended.stderr);
    drop(fleet);
    ctl(&["delete_vhost", VHOST]);
}
