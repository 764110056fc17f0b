//! What must work for the worker to take work: Redis, at least one of its lanes, and at least one of its media roots. Each is
//! behind a breaker.
//!
//! It knows what failed and since when, and says so; what follows from it (taking no work, retrying the jobs of one root) is
//! the pipeline's to do.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use tokio::sync::watch;

use crate::breaker::State;
use crate::metrics;

mod eviction;
mod guard;
mod watcher;

use guard::AT_ONCE;
pub use guard::Guard;
pub use watcher::{follow_lanes, watch};

/// What a worker depends on, for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dependency {
    /// Where ends are stored.
    Redis,
    /// Where files are read.
    Roots,
    /// The processes in which files are analysed.
    Lanes,
}

impl Dependency {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Redis, Self::Roots, Self::Lanes];

    /// As a label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Roots => "roots",
            Self::Lanes => "lanes",
        }
    }
}

/// The breakers of a worker. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct Gates {
    redis: Guard,
    lanes: Guard,
    roots: Arc<BTreeMap<String, Guard>>,
    eviction: eviction::Seen,
    changes: watch::Receiver<()>,
}

impl Default for Gates {
    fn default() -> Self {
        Self::new([])
    }
}

impl Gates {
    /// With a breaker for Redis, one for the lanes and one for each of these media roots. All closed.
    #[must_use]
    pub fn new<'a>(roots: impl IntoIterator<Item = &'a str>) -> Self {
        let (changed, changes) = watch::channel(());
        let changed = Arc::new(changed);
        let guard = |name: String| Guard::new(name, Arc::clone(&changed));
        let roots = roots.into_iter().map(|root| (root.to_owned(), guard(format!("media root {root}"))));
        let lanes = Guard::tolerating(AT_ONCE, "lanes".to_owned(), Arc::clone(&changed));
        Self {
            roots: Arc::new(roots.collect()),
            redis: guard("redis".to_owned()),
            lanes,
            eviction: eviction::Seen::default(),
            changes,
        }
    }

    /// Redis's.
    #[must_use]
    pub const fn redis(&self) -> &Guard {
        &self.redis
    }

    /// That of all lanes together.
    #[must_use]
    pub const fn lanes(&self) -> &Guard {
        &self.lanes
    }

    /// Each root's.
    pub fn roots(&self) -> impl Iterator<Item = (&str, &Guard)> {
        self.roots.iter().map(|(name, guard)| (name.as_str(), guard))
    }

    /// Why no work is to be taken now.
    #[must_use]
    pub fn closed(&self) -> Option<String> {
        if let Some(reason) = self.redis.reason() {
            return Some(format!("redis: {reason}"));
        }
        if let Some(reason) = self.lanes.reason() {
            return Some(format!("lanes: {reason}"));
        }
        // Jobs of another root go on: those of one that is away cost no lane.
        let reasons: Option<Vec<String>> = self.roots.values().map(Guard::reason).collect();
        reasons.filter(|reasons| !reasons.is_empty()).map(|reasons| format!("roots: {}", reasons.join("; ")))
    }

    /// What stops no work, but somebody should know.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.eviction.warning()
    }

    /// Why files of this root cannot be read now.
    #[must_use]
    pub fn away(&self, root: &str) -> Option<String> {
        self.roots.get(root).and_then(Guard::reason)
    }

    /// Why files of this root cannot be read now, by a fresh look at it. `None` also where nobody watches the root.
    pub async fn ask_root(&self, root: &str) -> Option<String> {
        self.roots.get(root)?.ask().await
    }

    /// A file of this root could be read.
    pub fn root_works(&self, root: &str) {
        if let Some(guard) = self.roots.get(root) {
            guard.succeeded();
        }
    }

    /// A file of this root could not be read because of the root.
    pub fn root_failed(&self, root: &str, reason: &dyn Display) {
        if let Some(guard) = self.roots.get(root) {
            guard.failed(reason);
        }
    }

    /// Waits for any of them to change. Each clone sees each change once.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            // Every guard is gone, so none changes any more; they are in `self`, so it does not come to that.
            std::future::pending().await
        }
    }

    fn show(&self) {
        metrics::breaker(Dependency::Redis, self.redis.state());
        metrics::breaker(Dependency::Lanes, self.lanes.state());
        let states = || self.roots.values().map(Guard::state);
        metrics::breaker(Dependency::Roots, states().min().unwrap_or(State::Closed));
        let away = states().filter(|state| *state != State::Closed).count();
        metrics::media_roots(self.roots.len() - away, away);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(guard: &Guard, reason: &str) {
        (0..3).for_each(|_| guard.failed(&reason));
    }

    #[tokio::test]
    async fn one_root_of_two_is_not_the_end() {
        let gates = Gates::new(["a", "b"]);
        assert_eq!(gates.closed(), None);
        gates.roots().take(1).for_each(|(_, guard)| open(guard, "gone"));
        assert_eq!(gates.closed(), None);
        assert!(gates.away("a").is_some_and(|reason| reason.contains("gone")));
        assert_eq!((gates.away("b"), gates.away("of another host")), (None, None));
        gates.roots().for_each(|(_, guard)| open(guard, "gone"));
        assert!(gates.closed().is_some_and(|reason| reason.starts_with("roots: gone")));
        gates.lanes().record_failure(&"no process");
        assert!(gates.closed().is_some_and(|reason| reason.starts_with("lanes: no process")));
        open(gates.redis(), "refused");
        assert!(gates.closed().is_some_and(|reason| reason.starts_with("redis: refused")));
        gates.lanes().mended();
        assert_eq!(gates.lanes().reason(), None);
    }

    #[tokio::test]
    async fn a_change_is_seen_by_each_who_waits() {
        let gates = Gates::new([]);
        let (mut one, mut other) = (gates.clone(), gates.clone());
        gates.redis().failed(&"once");
        open(gates.redis(), "again");
        one.changed().await;
        other.changed().await;
        assert!(one.closed().is_some());
    }
}
