//! A connection that does not come back by itself.
//!
//! lapin mends its connections, but now and then (of a hundred losses on a loaded machine two) it sits on a new connection
//! without ever using it: nothing would go on, and a nightly run would wait until somebody looked.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use shared::broker::{Broker, BrokerError, Publisher};

use super::TICK;

/// lapin tries every two seconds at most: a broker that is there has been found by then.
const MENDS_WITHIN: Duration = Duration::from_secs(10);

/// Puts a fresh connection in the place of one that is down for too long, as often as that happens. Never returns.
pub(crate) async fn keep_mended(broker: &Broker, publisher: &Publisher) -> Infallible {
    loop {
        is_down(broker).await;
        // A broker that is away is waited for by both.
        if let Err(error) = renew(broker, publisher).await {
            tracing::debug!(%error, "no new connection to rabbitmq yet");
        }
    }
}

async fn is_down(broker: &Broker) {
    let mut up = Instant::now();
    while up.elapsed() < MENDS_WITHIN {
        tokio::time::sleep(TICK).await;
        if broker.is_up() {
            up = Instant::now();
        }
    }
}

async fn renew(broker: &Broker, publisher: &Publisher) -> Result<(), BrokerError> {
    // Let go only when nothing is sent over it any more.
    let _old = broker.renew().await?;
    publisher.renew(broker).await
}
