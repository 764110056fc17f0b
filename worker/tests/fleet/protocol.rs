//! `docs/protocol.md` is what programs in other languages are written by: its tables must say what the code and the servers
//! do, and its example must run.

mod example;
mod messages;
mod names;
mod page;
mod stored;
