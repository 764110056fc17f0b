//! More connections to `HTTP_ADDR` than the worker may have files open.

use shared::job::BatchId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Fleet, Line, Proxy, Worker, until};

/// `ulimit -n` of the worker, not far from the least with which it starts.
const DESCRIPTORS: usize = 256;

/// Starts a worker that may have so few files open.
async fn with_few_descriptors(fleet: &Fleet, settings: &[(&str, &str)]) -> Worker {
    let limited = format!("ulimit -n {DESCRIPTORS} && \"$@\"; exit $?");
    Worker::ready_under(fleet, &["/bin/sh", "-c", &limited, "sh"], settings).await
}

/// Connections with a request that does not end, twice as many as the worker may have files open.
async fn idle(worker: &Worker) -> Vec<TcpStream> {
    let mut idle = Vec::new();
    for _ in 0..2 * DESCRIPTORS {
        let mut stream = TcpStream::connect(worker.address).await.unwrap();
        // The worker may have closed it already.
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: worker\r\nX-a: ").await;
        idle.push(stream);
    }
    idle
}

async fn works(fleet: &Fleet) {
    let batch = BatchId::new();
    fleet.submit(&fleet.silences(batch, 10)).await;
    fleet.ends(batch, 10).await;
}

#[tokio::test]
async fn idle_connections_cost_the_worker_nothing_that_it_needs() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "2")]).await;
    let rabbitmq = Proxy::before(&fleet.servers.amqp).await;
    let worker = with_few_descriptors(&fleet, &[("AMQP_URL", &rabbitmq.url)]).await;
    let _idle = idle(&worker).await;
    works(&fleet).await;
    for probe in ["/livez", "/readyz", "/startupz"] {
        assert_eq!(worker.get(probe).await.0, 200, "{probe}");
    }
    // New lanes take pipes, and new connections to RabbitMQ sockets.
    for lane in worker.lanes().await {
        lane.signal(rustix::process::Signal::KILL);
        lane.end().await;
    }
    worker.lanes().await;
    let _more = idle(&worker).await;
    rabbitmq.set(Line::Cut);
    worker.answers("/readyz", 503).await;
    rabbitmq.set(Line::Open);
    worker.answers("/readyz", 200).await;
    works(&fleet).await;
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_media_roots", &[("state", "away")]), 0.0);
    assert_eq!(worker.log.count("breaker opened"), 0);
    worker.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_a_while() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    for request in ["", "GET /livez HTTP/1.1\r\nX-a: "] {
        let mut stream = TcpStream::connect(worker.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        until("the worker closes the connection", async || {
            matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)).then_some(())
        })
        .await;
    }
    worker.stop().await;
}
