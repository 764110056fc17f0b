//! What a test of the whole fleet stands on: the real programs as processes, private servers, their logs and metrics.
//! It injects no fault and judges nothing.

mod broker_cluster;
mod error;
mod http;
mod place;
mod process;
mod runtime;
mod sentinel_group;
mod servers;
mod worker;

pub(crate) use broker_cluster::BrokerCluster;
pub(crate) use error::{RigError, io};
pub(crate) use http::get;
pub(crate) use place::{Programs, Repository, program};
pub(crate) use process::{Process, Seen};
pub(crate) use runtime::hold;
pub(crate) use sentinel_group::SentinelGroup;
pub(crate) use servers::Servers;
pub(crate) use worker::{Totals, Worker};

use std::collections::BTreeMap;

/// The environment of a program: nothing but what is named.
pub(crate) type Environment = BTreeMap<String, String>;

/// These variables as an environment.
pub(crate) fn environment<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Environment {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
