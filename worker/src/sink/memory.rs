//! Ends in memory, for tests of the pipeline.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Sink, SinkError};
use crate::task::Ended;

/// Keeps every end.
#[derive(Debug, Clone, Default)]
pub struct MemorySink(Arc<Mutex<Vec<Ended>>>);

impl MemorySink {
    /// What was stored since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Ended> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for MemorySink {
    async fn store(&mut self, ends: &[Ended]) -> Result<Vec<bool>, SinkError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(ends);
        Ok(vec![true; ends.len()])
    }

    async fn close(self) -> Result<(), SinkError> {
        Ok(())
    }
}
