//! The servers behind TLS, and what the program says when that does not fit.

use crate::fleet::{Fleet, finish};
use crate::tls_servers::{Authority, Redis, rabbitmq};

/// The certificate in these tests outlives every clock.
const FAR: i32 = 2999;

#[tokio::test]
async fn a_batch_is_submitted_and_looked_at_over_tls() {
    let authority = Authority::new("fleet");
    let (server, client) = (authority.issue("127.0.0.1", FAR), authority.issue("producer", FAR));
    let redis = Redis::start(&authority, &server, true);
    let Some(port) = rabbitmq(&authority, &server, true) else { return };
    let mut fleet = Fleet::new();
    fleet.redis_url = redis.plain_url();
    fleet.file("a.mp3");
    let over_tls = |args: &[&str]| {
        let mut command = fleet.command(args);
        command
            .env("AMQP_URL", format!("amqps://guest:guest@127.0.0.1:{port}/%2f"))
            .env("REDIS_URL", redis.tls_url())
            .env("TLS_CA_FILE", authority.file())
            .env("TLS_CERT_FILE", &client.certificate)
            .env("TLS_KEY_FILE", &client.key);
        command
    };
    let output = finish(over_tls(&["enqueue", fleet.root(), "--label", "sealed"])).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(fleet.depth("normal").await, 1);
    for (args, words) in [(["batches"].as_slice(), "sealed"), (&["status"], "RabbitMQ  ok")] {
        let output = finish(over_tls(args)).await;
        assert!(output.code == 0 && output.stdout.contains(words), "{output:?}");
    }

    let stranger = Authority::new("stranger");
    for (variable, url) in
        [("AMQP_URL", format!("amqps://guest:guest@127.0.0.1:{port}/%2f")), ("REDIS_URL", redis.tls_url())]
    {
        let mut command = fleet.command(&["enqueue", fleet.root()]);
        command.env(variable, url).env("TLS_CA_FILE", stranger.file());
        let output = finish(command).await;
        // As the worker ends: a setting is wrong.
        assert_eq!((output.code, output.stdout.as_str()), (78, ""), "{output:?}");
        assert!(output.stderr.contains(&format!("({variable}) refuses the connection")), "{output:?}");
        assert!(output.stderr.contains("authority in TLS_CA_FILE"), "{output:?}");
        assert!(!output.stderr.contains("trying for"), "{output:?}");
    }
}
