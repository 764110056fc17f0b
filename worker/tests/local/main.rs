//! `worker analyze` as a user runs it: no server, folders and lists in, records out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]

mod descriptors;
mod ends;
mod formats;
mod harness;
mod help;
mod inputs;
#[cfg(feature = "libav")]
mod libav;
mod many;
#[path = "../common/pty.rs"]
mod pty;
mod resume;
mod schema;
mod stops;
mod systemd;
