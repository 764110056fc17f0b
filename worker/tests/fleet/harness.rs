//! What the tests share. It knows no single test.

mod exposition;
mod fleet;
mod log;
mod media;
mod process;
mod proxy;
mod servers;
mod wait;
mod worker;

pub use fleet::Fleet;
pub use media::{samples, slow_wav, truth};
pub use process::Process;
pub use proxy::{Line, Proxy};
pub use servers::Servers;
pub use wait::until;
pub use worker::{Ended, Worker, run_to_its_end};

use shared::job::Priority;

pub const HIGH: Priority = Priority(0);
pub const NORMAL: Priority = Priority(1);
pub const LOW: Priority = Priority(2);
