//! What the user of AMQP_URL may do, and virtual hosts that come and go.

use shared::job::{BatchId, FileRef, Job};

use crate::harness::private::PrivateServers;
use crate::harness::{Fleet, NORMAL, Servers, Worker, run_to_its_end};

const USER: &str = "limited";

/// A fleet whose worker is a user of its own in a virtual host of its own.
fn servers(own: &PrivateServers) -> Servers {
    own.ctl(&["add_vhost", "music"]);
    own.ctl(&["set_permissions", "-p", "music", "guest", ".*", ".*", ".*"]);
    own.ctl(&["add_user", USER, USER]);
    Servers { amqp: own.amqp_as("guest", "music"), redis: own.url("REDIS_URL").to_owned() }
}

fn grant(own: &PrivateServers, configure: &str, write: &str) {
    own.ctl(&["set_permissions", "-p", "music", USER, configure, write, ".*"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_heeds_its_permissions_and_a_virtual_host_that_is_made_anew() {
    let own = PrivateServers::start();
    let fleet = Fleet::at(servers(&own), &[]).await;
    let amqp = own.amqp_as(USER, "music");
    nothing_may_be_declared(&own, &fleet, &amqp).await;
    retries_may_not_be_published(&own, &fleet, &amqp).await;
    the_virtual_host_is_made_anew(&own, &fleet, &amqp).await;
}

/// Without the right to configure, the queues that are there are enough, and one that is missing is named.
async fn nothing_may_be_declared(own: &PrivateServers, fleet: &Fleet, amqp: &str) {
    grant(own, "^$", ".*");
    let worker = Worker::ready(fleet, &[("AMQP_URL", amqp)]).await;
    let batch = fleet.submit(&fleet.silences(BatchId::new(), 3)).await;
    fleet.ends(batch, 3).await;
    worker.stop().await;
    let another = [("AMQP_URL", amqp), ("RETRY_DELAYS", "200ms,9s")];
    let ended = run_to_its_end(&["run"], &fleet.environment(&another)).await;
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    let missing = fleet.topology.retry(0).unwrap().replace("200ms", "9s");
    let said = ended.said();
    assert!(said.contains(&format!("exchange '{missing}' is missing")), "{said}");
    assert!(said.contains("configure permission"), "{said}");
}

/// A retry that RabbitMQ refuses is kept, readiness says why, and it goes through when it may.
async fn retries_may_not_be_published(own: &PrivateServers, fleet: &Fleet, amqp: &str) {
    grant(own, "^$", "^$");
    let worker = Worker::ready(fleet, &[("AMQP_URL", amqp)]).await;
    let batch = BatchId::new();
    let job = fleet.job(batch, "a.wav", NORMAL);
    let file = FileRef { root: "elsewhere".to_owned(), path: job.file.path.clone() };
    fleet.submit(&[Job { file, ..job }]).await;
    let reason = worker.answers("/readyz", 503).await;
    let exchange = fleet.topology.retry(0).unwrap();
    assert!(reason.contains(&format!("takes no messages for exchange '{exchange}'")), "{reason}");
    assert!(reason.contains("write permission"), "{reason}");
    // What needs no retry goes on.
    let others = fleet.submit(&fleet.silences(BatchId::new(), 3)).await;
    fleet.ends(others, 3).await;
    assert_eq!(fleet.done(batch).await, 0);
    grant(own, "^$", ".*");
    let record = fleet.ends(batch, 1).await.remove(0);
    assert_eq!(record.kind.map(|kind| kind.code()), Some("root_unavailable"));
    worker.answers("/readyz", 200).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

/// Its jobs are gone with it. What is submitted afterwards is worked on, all of it, by every worker that was there before.
async fn the_virtual_host_is_made_anew(own: &PrivateServers, fleet: &Fleet, amqp: &str) {
    grant(own, ".*", ".*");
    let one = Worker::ready(fleet, &[("AMQP_URL", amqp)]).await;
    let other = Worker::ready(fleet, &[("AMQP_URL", amqp)]).await;
    let mut lanes = one.freeze().await;
    lanes.extend(other.freeze().await);
    let gone = fleet.submit(&fleet.silences(BatchId::new(), 10)).await;
    one.answers("/readyz", 200).await;
    own.ctl(&["delete_vhost", "music"]);
    one.answers("/readyz", 503).await;
    own.ctl(&["add_vhost", "music"]);
    own.ctl(&["set_permissions", "-p", "music", "guest", ".*", ".*", ".*"]);
    grant(own, ".*", ".*");
    for worker in [&one, &other] {
        worker.answers("/readyz", 200).await;
    }
    lanes.iter().for_each(|lane| lane.thaw());
    // The test's own connection is replaced as well, and by the same code.
    let later = fleet.submit(&fleet.silences(BatchId::new(), 200)).await;
    fleet.ends(later, 200).await;
    for worker in [one, other] {
        worker.holds(0, 0).await;
        worker.stop().await;
    }
    assert_eq!(fleet.queued().await, 0, "no message is left with a consumer that nobody reads");
    assert!(fleet.done(gone).await <= 10);
}
