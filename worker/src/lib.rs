//! The worker.
pub mod lanes;
