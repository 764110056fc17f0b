//! What two processes must agree on, and nothing else: the job message, the ends a job can have, the broker's
//! topology, the store's keys, media roots, settings, and how a record is printed.
//!
//! This crate knows nothing of audio (that is `analysis`) and runs no pipeline (that is `worker`).

pub use report;

pub mod broker;
pub mod cgroup;
pub mod columns;
pub mod job;
pub mod machine;
pub mod management;
pub mod manual;
pub mod mask;
pub mod outcome;
pub mod printable;
pub mod record;
pub mod roots;
pub mod scan;
#[cfg(feature = "schema")]
pub mod schema;
pub mod settings;
pub mod signals;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod topology;

/// Version of the programs, with the commit that they were built from where the build was told of it (`BUILD_COMMIT`).
pub const VERSION: &str = env!("BUILD_VERSION");
