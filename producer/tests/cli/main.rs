//! The program as a user runs it, against the real RabbitMQ and the real Redis.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "all of this is tests; helpers count too"
)]

mod audience;
mod batches;
mod cancel;
mod changed;
mod cluster;
#[path = "../../../worker/tests/common/cluster.rs"]
mod cluster_servers;
mod enqueue;
mod export;
mod failures;
mod fleet;
mod full;
mod help;
mod losses;
mod lost;
mod manual;
mod permissions;
mod policies;
#[path = "../../../worker/tests/common/private.rs"]
mod private_servers;
mod proxy;
#[path = "../../../worker/tests/common/pty.rs"]
mod pty;
mod purge;
#[path = "../../../worker/tests/common/redis.rs"]
mod redis_server;
mod results;
mod retry;
mod servers;
mod settings;
mod terminal;
mod tls;
#[path = "../../../worker/tests/common/tls.rs"]
mod tls_servers;
mod topology;
mod ttl;
mod watch;
