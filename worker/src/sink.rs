//! Where ends go. A sink knows neither sources nor lanes.

use shared::store::StoreError;

use crate::task::Ended;

pub mod memory;
pub mod records;
pub mod redis;

/// Why ends were not stored.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Trying again may help.
    #[error(transparent)]
    Unavailable(StoreError),
    /// The sink works, and will never store these ends as they are; others it may.
    #[error(transparent)]
    Refused(StoreError),
    /// There was no time left to wait for the sink's answer: the worker stops.
    #[error("no answer before the worker had to stop")]
    Late,
    /// What the records are written to is gone or full.
    #[error("cannot write the results: {0}")]
    Output(#[from] std::io::Error),
    /// We were told to stop at once, and whoever reads the records does not take the last of them.
    #[error("stopped while nobody read the results")]
    Unread,
}

/// Stores ends.
pub trait Sink: Send {
    /// Stores all of them, each at most once however often it is called with the same ones. Returns for each whether it
    /// is the one that is stored; it is not where the job had an end already.
    ///
    /// # Errors
    /// [`SinkError::Unavailable`]: call again with the same ends. [`SinkError::Refused`]: call again with fewer of them, or
    /// with others in their place. The rest end the run.
    fn store(&mut self, ends: &[Ended]) -> impl Future<Output = Result<Vec<bool>, SinkError>> + Send;

    /// Everything was stored; write out what is buffered.
    ///
    /// # Errors
    /// As for storing.
    fn close(self) -> impl Future<Output = Result<(), SinkError>> + Send;
}
