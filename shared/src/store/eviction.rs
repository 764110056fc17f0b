//! Whether Redis may throw results away when its memory is full.
//!
//! With a limit (`maxmemory`) and any `maxmemory-policy` but `noeviction` it drops keys instead of refusing writes. Every
//! key of ours expires, so the `volatile-*` policies drop them, too. `INFO memory` tells, for which no right to `CONFIG` is needed.

use std::fmt;

use redis::{FromRedisValue, Value};

use super::{Store, StoreError};

/// The only policy that keeps what was written.
const KEEPS_ALL: &str = "noeviction";

/// A server that may evict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eviction {
    /// Its `maxmemory-policy`.
    pub policy: String,
    /// Its `maxmemory`, bytes.
    pub limit_bytes: u64,
}

impl fmt::Display for Eviction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, limit_bytes } = self;
        write!(
            f,
            "Redis (REDIS_URL) may evict results: its maxmemory-policy is {policy}, and beyond its maxmemory of {limit_bytes} bytes it \
             drops reports and batches without a word; set maxmemory-policy to {KEEPS_ALL}"
        )
    }
}

impl Store {
    /// What may be evicted by, of the first server that may evict; `None` where none may. In a cluster every master is asked.
    ///
    /// # Errors
    /// When Redis fails, or its user has no right to `INFO`.
    pub async fn eviction(&self) -> Result<Option<Eviction>, StoreError> {
        let mut connection = self.connection().await?;
        let mut command = redis::cmd("INFO");
        command.arg("memory");
        let answer: Value = command.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        // A cluster answers with a map from each node to its text.
        let texts: Vec<Value> = match answer {
            Value::Map(nodes) => nodes.into_iter().map(|(_, text)| text).collect(),
            one => vec![one],
        };
        let texts: Vec<String> = texts
            .into_iter()
            .map(String::from_redis_value)
            .collect::<Result<_, _>>()
            .map_err(|error| self.error(&error.into()))?;
        Ok(texts.iter().find_map(|text| read(text)))
    }
}

fn read(info: &str) -> Option<Eviction> {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let policy = field("maxmemory_policy")?.trim();
    let limit_bytes = field("maxmemory")?.trim().parse().ok()?;
    (limit_bytes > 0 && policy != KEEPS_ALL).then(|| Eviction { policy: policy.to_owned(), limit_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_limit_with_another_policy_evicts() {
        let info = |limit: u64, policy: &str| {
            format!(
                "# Memory\r\nused_memory:1\r\nmaxmemory:{limit}\r\nmaxmemory_human:1B\r\nmaxmemory_policy:{policy}\r\n"
            )
        };
        assert_eq!(read(&info(0, "allkeys-lru")), None);
        assert_eq!(read(&info(1000, "noeviction")), None);
        assert_eq!(read("# Memory\r\n"), None);
        for policy in ["allkeys-lru", "volatile-ttl"] {
            let expected = Eviction { policy: policy.to_owned(), limit_bytes: 1000 };
            assert_eq!(read(&info(1000, policy)), Some(expected));
        }
    }
}
