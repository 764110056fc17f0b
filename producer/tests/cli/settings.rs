//! `producer config`, and settings that cannot be used.

use crate::fleet::{Fleet, finish};

#[tokio::test]
async fn config_masks_passwords() {
    let fleet = Fleet::new();
    for args in [&["config"][..], &["config", "--json"]] {
        let mut command = fleet.command(args);
        command.env("AMQP_URL", "amqp://me:s3cret@broker/v").env("REDIS_URL", "redis://:s3cret@store:1");
        let output = finish(command).await;
        assert_eq!(output.code, 0, "{output:?}");
        assert!(!output.stdout.contains("s3cret"), "{output:?}");
        for text in ["amqp://me:***@broker/v", "QUEUE_MAX_SIZE", "environment", "default"] {
            assert!(output.stdout.contains(text), "{text} in {output:?}");
        }
    }
}

#[tokio::test]
async fn all_wrong_settings_are_named_at_once() {
    let fleet = Fleet::new();
    for args in [&["config"][..], &["batches"], &["enqueue", "/tmp"], &["status"]] {
        let mut command = fleet.command(args);
        command.env("QUEUE_MAX_SIZE", "lots").env("PUBLISH_WINDOW", "0").env("LOG_LEVEL", "inof");
        let output = finish(command).await;
        assert_eq!((output.code, output.stdout.as_str()), (78, ""), "{output:?}");
        for text in ["3 settings cannot be used", "QUEUE_MAX_SIZE=lots", "PUBLISH_WINDOW=0", "LOG_LEVEL=inof"]
        {
            assert!(output.stderr.contains(text), "{text} in {output:?}");
        }
    }
}

#[tokio::test]
async fn without_media_roots_an_example_helps() {
    let fleet = Fleet::new();
    fleet.file("a.mp3");
    let mut command = fleet.command(&["enqueue", fleet.root()]);
    command.env_remove("MEDIA_ROOTS");
    let output = finish(command).await;
    assert_eq!((output.code, output.stdout.as_str()), (78, ""), "{output:?}");
    let root = fleet.root.path().canonicalize().unwrap();
    let example = format!("  export MEDIA_ROOTS='music={}'\n", root.display());
    assert!(
        output.stderr.contains("MEDIA_ROOTS is not set") && output.stderr.ends_with(&example),
        "{output:?}"
    );
}

#[tokio::test]
async fn a_password_in_the_wrong_place_of_a_url_is_not_printed() {
    let fleet = Fleet::new();
    let cases = [
        ("AMQP_URL", "amqp://127.0.0.1:1/%2f?password=s3cret"),
        ("AMQP_URL", "amqp://s3cret@127.0.0.1:1/%2f"),
        ("AMQP_URL", "amqp://u:s3cret?z@127.0.0.1:1/"),
        ("AMQP_URL", "amqp://127.0.0.1:1/%2f?auth_mechanism=s3cret"),
        ("AMQP_URL", "amqp:u:s3cret@h"),
        ("REDIS_URL", "redis://127.0.0.1:1/0?password=s3cret"),
        ("REDIS_URL", "redis://u:s3cret@127.0.0.1:1/s3cret"),
        ("REDIS_URL", "redis://127.0.0.1:1/s3cret"),
        ("REDIS_URL", "redis://s3cret@127.0.0.1:1/0"),
        ("REDIS_URL", "redis-cluster://127.0.0.1:1,u:s3cret@127.0.0.1:2/s3cret"),
    ];
    for (variable, url) in cases {
        for args in [["config", "--json"], ["status", "--json"]] {
            let mut command = fleet.command(&args);
            command.env(variable, url).env("LOG_LEVEL", "trace");
            let output = finish(command).await;
            let shown = format!("{output:?}");
            assert!(!shown.contains("s3cret"), "{url}: {shown}");
            assert!(shown.contains("***") || output.code != 78, "{url}: {shown}");
        }
    }
}
