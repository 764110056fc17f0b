//! What Kubernetes would do with the workers, done with local processes: the ScaledObject of `k8s/` is read, the queues are
//! asked as KEDA asks them, and the HorizontalPodAutoscaler's algorithm says how many workers there are to be.
//!
//! Time runs faster by a factor: waits, windows and periods are divided by it, and so is what a file takes.

mod api;
mod hpa;
mod scaled;
mod scaler;

pub(crate) use api::Api;
pub(crate) use scaled::Scaled;
pub(crate) use scaler::{Scaler, Step};
