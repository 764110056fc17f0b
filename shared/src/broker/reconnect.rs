//! Puts a new connection in the place of a lost one, for as long as anybody holds the [`super::Broker`].

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::connecting::connect;
use super::{Shared, lock};

/// Between two looks at whether the connection is still up. lapin's events do not tell every way in which one ends.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Pauses between two attempts: short at first, since a restarted broker or a closed connection is back in a moment.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);

/// No longer than this: what a broker that is back costs us is waiting for the next attempt.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A broker that is away for a night is not thousands of lines.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Runs until nobody holds the broker any more, or it was asked to close.
pub(super) async fn keep_connected(broker: Weak<Shared>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(broker) = broker.upgrade() else { return };
        if broker.closing.load(Ordering::Relaxed) {
            return;
        }
        if !broker.connection().status().connected() {
            // Not held across the pauses: a broker that everybody has dropped is not connected to again.
            let weak = Arc::downgrade(&broker);
            drop(broker);
            replace(&weak).await;
        }
    }
}

/// Tries until there is a new connection. A refusal is tried again, too: a password is rotated and a vhost made anew while we
/// run, and there is nobody here to tell.
async fn replace(broker: &Weak<Shared>) {
    let (mut pause, mut warned) = (SHORTEST_PAUSE, None::<Instant>);
    loop {
        let Some(broker) = broker.upgrade() else { return };
        if broker.closing.load(Ordering::Relaxed) {
            return;
        }
        match connect(&broker.to, &broker.name).await {
            Ok(fresh) => return broker.replace(fresh),
            Err(error) => {
                if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
                    tracing::warn!(connection = broker.name, %error, "no new connection to rabbitmq yet, trying again");
                    warned = Some(Instant::now());
                }
                *lock(&broker.trouble) = Some(error.to_string());
            }
        }
        drop(broker);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
