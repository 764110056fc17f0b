//! Settles deliveries with the source. It waits for no store, so whatever need not be stored (a job that is given back, a
//! retry) is settled at once, even while Redis is away and results wait for it.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use crate::source::Settle;
use crate::stop::Stop;
use crate::task::{Settlement, Ticket};

/// Deliveries that are settled together: one flush of results, or one job with all its leases.
pub(super) type Settlements = Vec<(Ticket, Settlement)>;

/// Requests taken up in one turn: as many as come while the source is busy with those before.
const REQUESTS: usize = 1024;

/// When everything is to stop at once, a source that does not answer is waited for this long. What is unsettled then is
/// delivered again as soon as the connection ends.
const LAST_ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Runs until the last sender is gone and everything that came is settled, or there is no time left for it.
pub(super) async fn run(requests: UnboundedReceiver<Settlements>, settler: impl Settle, stop: Stop) {
    let given_up = async {
        stop.stopped_now().await;
        sleep(LAST_ANSWER_WITHIN).await;
    };
    tokio::select! {
        () = settle_all(requests, settler) => {}
        () = given_up => {
            tracing::warn!("stopped before the source had answered everything: what is unsettled is delivered again");
        }
    }
}

async fn settle_all(mut requests: UnboundedReceiver<Settlements>, mut settler: impl Settle) {
    let mut taken = Vec::new();
    while requests.recv_many(&mut taken, REQUESTS).await > 0 {
        settler.settle(taken.drain(..).flatten().collect()).await;
    }
    settler.close().await;
}
