//! Waiting for the answer to a request, but no longer than there is somebody to give it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use lapin::{Acker, Channel, Connection, Error, ErrorKind};
use tokio::time::sleep;

/// How often a request that waits looks whether its channel is still open.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// lapin answers what is under way on a channel that ends. This is the time it gets for it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// On what a request is made.
pub trait Answering {
    /// Whether an answer may still come.
    fn is_open(&self) -> bool;
}

impl Answering for Channel {
    fn is_open(&self) -> bool {
        self.status().connected()
    }
}

impl Answering for Connection {
    fn is_open(&self) -> bool {
        self.status().connected()
    }
}

impl Answering for Acker {
    fn is_open(&self) -> bool {
        !self.poisoned()
    }
}

/// The answer to `request`, or an error once that on which it was made has ended and no answer came.
///
/// lapin ends what is under way when it loses a connection. A request that is made in that very moment, while its own thread
/// is about to end, can wait in a queue that nobody reads any more, and then it has no answer at all.
///
/// # Errors
/// Those of the request; an I/O error when there is nobody left to answer.
pub async fn answered<T>(
    on: &impl Answering,
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        answer = request => answer,
        () = ended(on) => Err(ErrorKind::IOError(Arc::new(io::ErrorKind::ConnectionAborted.into())).into()),
    }
}

async fn ended(on: &impl Answering) {
    loop {
        sleep(LOOK_EVERY).await;
        if !on.is_open() {
            return sleep(ANSWERED_WITHIN).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    struct Open;
    struct Ended;

    impl Answering for Open {
        fn is_open(&self) -> bool {
            true
        }
    }

    impl Answering for Ended {
        fn is_open(&self) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn a_request_without_an_answer_ends_with_its_channel() {
        assert!(answered(&Ended, pending::<Result<(), Error>>()).await.is_err());
        assert_eq!(answered(&Ended, ready(Ok(7))).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_request_waits_as_long_as_its_channel_is_open() {
        let late = async {
            sleep(2 * LOOK_EVERY).await;
            Ok(7)
        };
        assert_eq!(answered(&Open, late).await.unwrap(), 7);
    }
}
