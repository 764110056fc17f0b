//! Servers that are not there, or say no, at the start.

use crate::fleet::{Fleet, finish};

#[tokio::test]
async fn a_wrong_password_is_told_at_once() {
    let fleet = Fleet::new();
    fleet.file("a.mp3");
    let place = fleet.amqp_url.rsplit_once('@').unwrap().1;
    let mut command = fleet.command(&["enqueue", fleet.root()]);
    command.env("AMQP_URL", format!("amqp://guest:wr0ng@{place}"));
    let output = finish(command).await;
    assert_eq!((output.code, output.stdout.as_str()), (78, ""), "{output:?}");
    assert!(
        output.stderr.contains("refuses the connection") && output.stderr.contains("ACCESS_REFUSED"),
        "{output:?}"
    );
    assert!(output.stderr.contains("check user, password and vhost in AMQP_URL"), "{output:?}");
    // Neither tries again nor shows the secret, nor adds the client library's own lines.
    assert!(!output.stderr.contains("trying for") && !output.stderr.contains("wr0ng"), "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
}

#[tokio::test]
async fn a_wrong_password_of_redis_ends_as_one_of_rabbitmq() {
    let fleet = Fleet::new();
    fleet.file("a.mp3");
    let place = fleet.redis_url.rsplit_once("//").unwrap().1;
    let mut command = fleet.command(&["enqueue", fleet.root()]);
    command.env("REDIS_URL", format!("redis://nobody:wr0ng@{place}"));
    let output = finish(command).await;
    assert_eq!((output.code, output.stdout.as_str()), (78, ""), "{output:?}");
    assert!(output.stderr.contains("(REDIS_URL) refuses the connection"), "{output:?}");
    assert!(output.stderr.contains("check user, password and database in REDIS_URL"), "{output:?}");
    assert!(!output.stderr.contains("trying for") && !output.stderr.contains("wr0ng"), "{output:?}");
}

#[tokio::test]
async fn servers_that_are_away_are_tried_and_then_named() {
    let fleet = Fleet::new();
    fleet.file("a.mp3");
    let cases = [
        ("AMQP_URL", "amqp://127.0.0.1:1", "RabbitMQ at amqp://127.0.0.1:1 (AMQP_URL) does not answer"),
        ("REDIS_URL", "redis://127.0.0.1:1", "Redis at redis://127.0.0.1:1 (REDIS_URL) does not answer"),
    ];
    for (variable, url, text) in cases {
        let mut command = fleet.command(&["enqueue", fleet.root()]);
        command.env(variable, url);
        let output = finish(command).await;
        assert_eq!((output.code, output.stdout.as_str()), (69, ""), "{output:?}");
        assert!(
            output.stderr.starts_with(text) && output.stderr.contains("; trying for 10 s\n"),
            "{output:?}"
        );
        assert!(output.stderr.contains(&format!("running there? Set {variable}")), "{output:?}");
        assert!(!output.stderr.contains("panicked"), "{output:?}");
    }
    assert!(fleet.store().batches(1).await.unwrap().is_empty());
}
