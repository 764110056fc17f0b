//! What the tests share. It knows no single test.

#[path = "../common/cluster.rs"]
pub mod cluster;
mod exposition;
mod fleet;
mod frames;
mod log;
mod media;
#[path = "../common/private.rs"]
pub mod private;
#[path = "../common/proc.rs"]
mod proc;
mod process;
mod prometheus;
mod proxy;
#[path = "../common/redis.rs"]
pub mod redis_server;
#[path = "../common/samples.rs"]
mod samples;
#[path = "../common/sentinel.rs"]
pub mod sentinel;
mod servers;
#[path = "../common/tls.rs"]
pub mod tls;
mod wait;
mod worker;

pub use fleet::{Fleet, ROOT};
pub use media::{silent_wav, slow_wav};
pub use process::Process;
pub use prometheus::{JOB, Prometheus, deploy};
pub use proxy::{Line, Proxy};
pub use samples::{samples, truth};
pub use servers::Servers;
pub use wait::until;
pub use worker::{Ended, Worker, run_to_its_end};

use shared::job::Priority;

pub const HIGH: Priority = Priority(0);
pub const NORMAL: Priority = Priority(1);
pub const LOW: Priority = Priority(2);
