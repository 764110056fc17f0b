//! One connection, to a single Redis, to the master that sentinels name or to a cluster, behind the one interface that the
//! rest of the store uses.
//!
//! A pipeline to a single Redis is one round trip, as it comes. A cluster takes a pipeline for one slot alone: it is
//! taken apart (there are no transactions here) by the keys' hash tags, the parts travel at the same time, and the answers come back in the order of the
//! commands.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use redis::aio::ConnectionLike;
use redis::cluster_async::ClusterConnection;
use redis::{Arg, Cmd, Pipeline, RedisFuture, RedisResult, Value};

use super::replicated::ReplicatedConnection;

/// A connection.
pub(super) enum Connection {
    Node(deadpool_redis::Connection),
    Replicated(ReplicatedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Node(node) => node.req_packed_command(cmd),
            Self::Replicated(master) => Box::pin(master.command(cmd)),
            Self::Cluster(cluster) => cluster.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Node(node) => node.req_packed_commands(pipeline, offset, count),
            Self::Replicated(master) => Box::pin(master.commands(pipeline, offset, count)),
            Self::Cluster(cluster) => Box::pin(in_parts(cluster, pipeline)),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Node(node) => node.get_db(),
            Self::Replicated(master) => master.get_db(),
            Self::Cluster(_) => 0,
        }
    }
}

/// The commands of one slot, in their order, and the places of their answers.
#[derive(Default)]
struct Part {
    pipeline: Pipeline,
    places: Vec<usize>,
    has_batch_script: bool,
}

/// Those without a script of a batch first: a report is there before the script records the end that refers to it.
async fn in_parts(cluster: &ClusterConnection, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
    let parts = parts(pipeline);
    let mut answers = vec![Value::Nil; pipeline.len()];
    for scripts in [false, true] {
        let wave = parts.iter().filter(|part| part.has_batch_script == scripts);
        let sent = wave.map(|part| async {
            let values = cluster.clone().req_packed_commands(&part.pipeline, 0, part.places.len()).await?;
            Ok::<_, redis::RedisError>(part.places.iter().copied().zip(values))
        });
        for (place, value) in try_join_all(sent).await?.into_iter().flatten() {
            answers[place] = value;
        }
    }
    Ok(answers)
}

fn parts(pipeline: &Pipeline) -> Vec<Part> {
    let mut parts: BTreeMap<Vec<u8>, Part> = BTreeMap::new();
    for (place, command) in pipeline.cmd_iter().enumerate() {
        let (key, script) = key(command);
        let part = parts.entry(tag(key).to_vec()).or_default();
        part.pipeline.add_command(command.clone());
        part.places.push(place);
        part.has_batch_script |= script == Some(ScriptKeys::Several);
    }
    parts.into_values().collect()
}

/// How many keys a script is called with. Those of a batch have several, that of a report has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScriptKeys {
    One,
    Several,
}

/// The first key: behind the name, or behind a script and the number of its keys. The store uses no command that has it
/// elsewhere.
fn key(command: &Cmd) -> (&[u8], Option<ScriptKeys>) {
    let argument = |place: usize| match command.args_iter().nth(place) {
        Some(Arg::Simple(bytes)) => bytes,
        _ => &[],
    };
    let name = argument(0);
    if !name.eq_ignore_ascii_case(b"EVALSHA") && !name.eq_ignore_ascii_case(b"EVAL") {
        return (argument(1), None);
    }
    let keys = if argument(2) == b"1" { ScriptKeys::One } else { ScriptKeys::Several };
    (argument(3), Some(keys))
}

/// A command of a pipeline for an error: its name and its key.
pub(super) fn describe(pipeline: &Pipeline, place: usize) -> String {
    let Some(command) = pipeline.cmd_iter().nth(place) else { return "a command".to_owned() };
    let (key, script) = key(command);
    let name = match (script, command.args_iter().next()) {
        (None, Some(Arg::Simple(name))) => String::from_utf8_lossy(name),
        _ => "a script".into(),
    };
    format!("{name} on {}", String::from_utf8_lossy(key))
}

/// What decides on the slot (Redis Cluster specification, "Hash tags"): what stands between the first brace and the next
/// closing one, unless that is nothing.
fn tag(key: &[u8]) -> &[u8] {
    let inside = || {
        let rest = &key[key.iter().position(|byte| *byte == b'{')? + 1..];
        rest.iter().position(|byte| *byte == b'}').filter(|end| *end > 0).map(|end| &rest[..end])
    };
    inside().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_what_the_specification_says() {
        for (key, expected) in
            [("a{b}:c", "b"), ("a{}:{b}", "a{}:{b}"), ("a{{b}}", "{b"), ("a{b", "a{b"), ("ab", "ab")]
        {
            assert_eq!(tag(key.as_bytes()), expected.as_bytes(), "{key}");
        }
    }

    #[test]
    fn commands_of_a_batch_stay_together_and_in_order() {
        let mut pipeline = Pipeline::new();
        pipeline.set("p:report:x", 1).hset("p:batch:{b}", "label", "l").zadd("p:batches", "b", 1);
        pipeline.cmd("EVALSHA").arg("sha").arg(2).arg("p:batch:{b}").arg("p:batch:{b}:jobs");
        pipeline.cmd("EVALSHA").arg("sha").arg(1).arg("p:report:y");
        let parts = parts(&pipeline);
        let places: Vec<_> = parts.iter().map(|part| (part.places.clone(), part.has_batch_script)).collect();
        assert_eq!(places, [(vec![1, 3], true), (vec![2], false), (vec![0], false), (vec![4], false)]);
    }
}
