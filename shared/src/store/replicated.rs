//! A connection to the master of a replicated Redis, on which a write counts when replicas have it, too.
//!
//! Redis answers a write before its replicas know of it. When the master dies then, Sentinel makes a master of a replica that
//! never heard of the write: a job would be acknowledged whose end is nowhere. So each write is followed by `WAIT`. Sentinel
//! chooses the replica that has received most, so one that has the write is enough while no second server fails.

use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Arg, Cmd, Pipeline, RedisError, RedisResult, Value};

/// Replicas confirm within a network round trip. One that is just being made (a new copy of all data) does not count.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(2);

/// Commands that change nothing, and one that only lets a report live on. Whatever is not named here is taken for a write.
const READS: [&str; 22] = [
    "PING",
    "TIME",
    "INFO",
    "ROLE",
    "SCRIPT",
    "GET",
    "GETEX",
    "EXISTS",
    "TTL",
    "HGET",
    "HMGET",
    "HGETALL",
    "HLEN",
    "HSCAN",
    "XRANGE",
    "XREVRANGE",
    "XLEN",
    "ZRANGE",
    "ZREVRANGE",
    "ZRANGEBYSCORE",
    "ZCARD",
    "ZRANK",
];

/// The code of the error for a write that too few replicas have, as Redis itself has it (`min-replicas-to-write`).
pub(super) const TOO_FEW_REPLICAS: &str = "NOREPLICAS";

/// A connection to a master.
pub(super) struct ReplicatedConnection {
    master: deadpool_redis::Connection,
    /// So many replicas must have a write.
    replicas: u8,
}

impl ReplicatedConnection {
    pub(super) const fn new(master: deadpool_redis::Connection, replicas: u8) -> Self {
        Self { master, replicas }
    }

    pub(super) fn get_db(&self) -> i64 {
        self.master.get_db()
    }

    pub(super) async fn command(&mut self, command: &Cmd) -> RedisResult<Value> {
        let answer = self.master.req_packed_command(command).await?;
        if is_write(command) {
            self.confirm().await?;
        }
        Ok(answer)
    }

    pub(super) async fn commands(
        &mut self,
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let answers = self.master.req_packed_commands(pipeline, offset, count).await?;
        if pipeline.cmd_iter().any(is_write) {
            self.confirm().await?;
        }
        Ok(answers)
    }

    /// Waits for the replicas. Whoever gets the error does not know whether the write will stay, and repeats it.
    async fn confirm(&mut self) -> RedisResult<()> {
        if self.replicas == 0 {
            return Ok(());
        }
        let milliseconds = u64::try_from(CONFIRMED_WITHIN.as_millis()).unwrap_or(u64::MAX);
        let mut wait = redis::cmd("WAIT");
        wait.arg(self.replicas).arg(milliseconds);
        let confirmed: u8 = wait.query_async(&mut self.master).await?;
        if confirmed >= self.replicas { Ok(()) } else { Err(self.too_few(confirmed)) }
    }

    fn too_few(&self, confirmed: u8) -> RedisError {
        let (wanted, seconds) = (self.replicas, CONFIRMED_WITHIN.as_secs());
        let detail = format!(
            "{confirmed} of {wanted} replicas confirmed a write within {seconds} s: see `redis-cli info replication`; \
             `?replicas=0` in REDIS_URL does without, and a failover may then lose results"
        );
        redis::make_extension_error(TOO_FEW_REPLICAS.to_owned(), Some(detail))
    }
}

fn is_write(command: &Cmd) -> bool {
    match command.args_iter().next() {
        Some(Arg::Simple(name)) => !READS.iter().any(|read| name.eq_ignore_ascii_case(read.as_bytes())),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_what_is_not_known_are_writes() {
        for (name, expected) in [("EVALSHA", true), ("SET", true), ("NEWCMD", true), ("get", false)] {
            assert_eq!(is_write(&redis::cmd(name)), expected, "{name}");
        }
    }
}
