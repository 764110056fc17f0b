//! Jobs to the broker with back-pressure in sight: what enqueueing and retrying have in common. It knows no batch and
//! counts nothing for the user.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use shared::broker::Broker;

mod delivery;
mod narrator;

pub(crate) use delivery::{Delivery, Fared};
pub(crate) use narrator::Narrator;

/// The progress line, and the look at what is in the way.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// What is under way after Ctrl-C has this long to be confirmed: a confirm takes milliseconds, a broker that is away
/// may not come back.
pub(crate) const LAST_CONFIRMS: Duration = Duration::from_secs(10);

/// Longest wait for the broker's own goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// A courtesy that a broker in trouble may not answer.
pub(crate) async fn say_goodbye(broker: &Broker) {
    let _told = tokio::time::timeout(GOODBYE, broker.close()).await;
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
