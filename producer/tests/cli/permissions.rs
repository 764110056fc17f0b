//! What the user of AMQP_URL may do.

use shared::broker::{Broker, Publisher};

use crate::fleet::{Fleet, Output, finish};
use crate::private_servers::PrivateServers;

const USER: &str = "limited";

async fn enqueue(fleet: &Fleet, own: &PrivateServers, prefix: &str) -> Output {
    let mut command = fleet.command(&["enqueue", fleet.root()]);
    command.env("AMQP_URL", own.amqp_as(USER, "%2f")).env("QUEUE_PREFIX", prefix);
    finish(command).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_few_permissions_enqueues_or_is_told_which_one_is_missing() {
    let own = PrivateServers::start();
    own.ctl(&["add_user", USER, USER]);
    let mut fleet = Fleet::new();
    fleet.redis_url = own.url("REDIS_URL").to_owned();
    fleet.files(20);
    // Somebody who may has made the queues.
    let owner = Broker::connect(own.url("AMQP_URL"), "owner").await.unwrap();
    Publisher::open(&owner, fleet.topology()).await.unwrap();

    own.ctl(&["set_permissions", USER, "^$", ".*", ".*"]);
    let output = enqueue(&fleet, &own, &fleet.prefix).await;
    assert_eq!(output.code, 0, "{output:?}");
    let output = enqueue(&fleet, &own, "another").await;
    assert_eq!(output.code, 78, "{output:?}");
    assert!(output.stderr.contains("exchange 'another' is missing"), "{output:?}");
    assert!(output.stderr.contains("configure permission"), "{output:?}");

    own.ctl(&["set_permissions", USER, "^$", "^$", ".*"]);
    let output = enqueue(&fleet, &own, &fleet.prefix).await;
    assert_eq!(output.code, 78, "{output:?}");
    let refused = format!("RabbitMQ takes no messages for exchange '{}'", fleet.prefix);
    assert!(output.stderr.contains(&refused), "{output:?}");
    assert!(output.stderr.contains("write permission"), "{output:?}");
    let state = fleet.batch(output.stdout.trim()).await;
    assert_eq!((state.accepted, state.sealed), (0, true), "what was not accepted is not waited for");
}
