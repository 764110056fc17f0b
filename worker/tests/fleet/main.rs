//! The worker as it runs in production: the real program against the real RabbitMQ and the real Redis, killed, stopped
//! and cut off in the middle of its work.
//!
//! Each test has queues and keys of its own. A lane that is to be busy for as long as a test needs is stopped by SIGSTOP
//! (`Worker::freeze`): no processor time, no race, and no hook in the program.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where something is not as it should be"
)]

mod again;
mod announce;
mod batches;
mod breakers;
mod cache;
mod cancel;
mod changing;
mod channels;
mod cluster;
mod connections;
mod crash_loop;
mod dashboard;
mod dead;
mod drain;
mod hanging_mount;
mod harness;
mod ipv6;
mod keys;
mod leases;
mod log_reader;
mod messages;
mod metrics;
mod no_lanes;
mod order;
mod outages;
mod overdue;
mod paths;
mod pauses;
mod permissions;
mod pid_one;
mod prometheus;
mod protocol;
mod read_ahead;
mod redis_faults;
mod redis_outage;
mod refused_results;
mod retries;
mod rolling;
mod several_addresses;
mod signals;
mod standstill;
mod start;
mod supply;
mod timeouts;
mod tls;
mod traces;
mod wedge;
