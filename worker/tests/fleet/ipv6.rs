//! RabbitMQ, Redis and the probes by an IPv6 address.

use shared::job::BatchId;

use crate::harness::{Fleet, Proxy, Worker};

#[tokio::test]
async fn everything_is_reached_by_an_ipv6_address() {
    let fleet = Fleet::with(&[]).await;
    let rabbitmq = Proxy::before_at(&fleet.servers.amqp, "[::1]:0").await;
    let redis = Proxy::before_at(&fleet.servers.redis, "[::1]:0").await;
    assert!(rabbitmq.url.contains("@[::1]:") && redis.url.contains("//[::1]:"), "{rabbitmq:?} {redis:?}");
    let settings = [("AMQP_URL", rabbitmq.url.as_str()), ("REDIS_URL", &redis.url), ("HTTP_ADDR", "[::1]:0")];
    let worker = Worker::ready(&fleet, &settings).await;
    assert!(worker.address.is_ipv6());
    let batch = BatchId::new();
    fleet.submit(&fleet.silences(batch, 3)).await;
    fleet.ends(batch, 3).await;
    worker.stop().await;
}
