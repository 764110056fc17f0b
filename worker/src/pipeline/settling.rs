//! Settles deliveries with the source. It waits for no store, so whatever need not be stored (a job that is given back, a
//! retry) is settled at once, even while Redis is away and results wait for it.

use tokio::sync::mpsc::UnboundedReceiver;

use crate::source::Settle;
use crate::task::{Settlement, Ticket};

/// Deliveries that are settled together: one flush of results, or one job with all its leases.
pub(super) type Settlements = Vec<(Ticket, Settlement)>;

/// Requests taken up in one turn: as many as come while the source is busy with those before.
const REQUESTS: usize = 1024;

/// Runs until the last sender is gone and everything that came is settled.
pub(super) async fn run(mut requests: UnboundedReceiver<Settlements>, mut settler: impl Settle) {
    let mut taken = Vec::new();
    while requests.recv_many(&mut taken, REQUESTS).await > 0 {
        settler.settle(taken.drain(..).flatten().collect()).await;
    }
    settler.close().await;
}
