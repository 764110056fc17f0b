//! In which state files were when they last came to an end, and by which analyser: a run over a million unchanged files then
//! costs its walk.
//!
//! **Size.** An entry is a name of 8 bytes (of root and path) and a state of 8 bytes (of size, time and analyser), both
//! hashes: 20 bytes in one of Redis' packed lists. The lists are the hashes behind 32,768 keys, chosen by the name as
//! well: by folder they would be one entry here and a hundred thousand there, and beyond 512 Redis unpacks them, which costs
//! several times as much. So a million files take 30 in each and ten million 300. A wrong "unchanged" needs a file that
//! changed to another state of the same 64 bits.
//!
//! **Time.** Entries must not expire while runs find them, nor live for ever, and Redis expires keys, not entries. So the keys
//! carry the number of an era of 30 days, and expire 30 days after its end, or RESULT_TTL after it where that is longer. A run that finds an
//! entry in an era before moves it into this one. What no run finds, because the file is gone, goes with its era. The
//! length of an era is no setting: workers write entries and producers look for them, and with two lengths they would never meet.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::{FromRedisValue, Pipeline};

use super::{Finished, Store, StoreError};
use crate::job::{FileRef, Seen};

/// See above. Fewer would grow beyond 512 entries before ten million files.
const BUCKETS: u16 = 1 << 15;

/// Two eras cover every run that comes once a month or more often, and a key is looked at in both.
const ERA: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const NAME_BYTES: usize = 8;
const STATE_BYTES: usize = 8;

/// Where a file's entry is, and what it is to be.
#[derive(Debug, Clone, Copy)]
struct Entry {
    bucket: u16,
    name: [u8; NAME_BYTES],
    state: [u8; STATE_BYTES],
}

impl Entry {
    fn of(file: &FileRef, seen: Seen, analyser: &str) -> Self {
        let (bucket, name) = blake3::hash(&file.to_bytes())
            .as_bytes()
            .split_first_chunk()
            .map_or((0, [0; NAME_BYTES]), |(bucket, rest)| {
                (u16::from_le_bytes(*bucket) % BUCKETS, first(rest))
            });
        let mut state = blake3::Hasher::new();
        state.update(&seen.bytes.to_le_bytes()).update(&seen.modified_ns.to_le_bytes());
        state.update(analyser.as_bytes());
        Self { bucket, name, state: first(state.finalize().as_bytes()) }
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut start = [0; N];
    start.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    start
}

/// The entry that an end leaves, where it is worth one. The state is the one that the producer saw: a file that changed
/// between that and its analysis is submitted once more.
fn entry_of(end: &Finished) -> Option<Entry> {
    let (job, analyser) = (end.job.as_ref()?, end.record.analyser.as_deref()?);
    let seen = job.seen.filter(|seen| end.record.bytes.is_none_or(|bytes| bytes == seen.bytes))?;
    end.record.end().is_lasting().then(|| Entry::of(&job.file, seen, analyser))
}

impl Store {
    /// Says which analyser the fleet has now. The last to say so counts: while a fleet is being updated, files may be
    /// submitted once too often, which the cache answers.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn announce_analyser(&self, analyser: &str) -> Result<(), StoreError> {
        let mut pipeline = Pipeline::new();
        self.set_analyser(&mut pipeline, analyser);
        self.ask(&pipeline).await
    }

    /// Which analyser the fleet has; `None` when no worker has said so for long.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn analyser(&self) -> Result<Option<String>, StoreError> {
        let expiry = redis::Expiry::EX(2 * self.kept_after_era());
        let mut pipeline = Pipeline::new();
        pipeline.get_ex(self.keys.analyser(), expiry);
        self.ask::<(Option<String>,)>(&pipeline).await.map(|(analyser,)| analyser)
    }

    /// Whether each of these files is as it was when it last came to a lasting end by this analyser. What is so, is
    /// remembered for longer.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn unchanged(
        &self,
        files: &[(&FileRef, Seen)],
        analyser: &str,
    ) -> Result<Vec<bool>, StoreError> {
        let era = era_now();
        let entries: Vec<Entry> = files.iter().map(|(file, seen)| Entry::of(file, *seen, analyser)).collect();
        let mut same = self.are_same(era, &entries).await?;
        for before in (1..=self.eras_back()).map_while(|back| era.checked_sub(back)) {
            let unknown: Vec<usize> = (0..entries.len()).filter(|place| same[*place].is_none()).collect();
            if unknown.is_empty() {
                break;
            }
            let wanted: Vec<Entry> = unknown.iter().map(|place| entries[*place]).collect();
            let found = self.are_same(before, &wanted).await?;
            let kept = wanted.iter().zip(&found).filter(|(_, same)| **same == Some(true));
            self.keep(before, era, kept.map(|(entry, _)| entry)).await?;
            unknown.into_iter().zip(found).for_each(|(place, found)| same[place] = found);
        }
        Ok(same.into_iter().map(|same| same == Some(true)).collect())
    }

    /// Moves entries of an era before into this one.
    async fn keep(
        &self,
        before: u64,
        era: u64,
        entries: impl Iterator<Item = &Entry>,
    ) -> Result<(), StoreError> {
        let mut pipeline = Pipeline::new();
        for entry in entries {
            self.set_entry(&mut pipeline, era, entry);
            pipeline.hdel(self.keys.seen(before, entry.bucket), entry.name.as_slice()).ignore();
        }
        if pipeline.is_empty() { Ok(()) } else { self.ask(&pipeline).await }
    }

    /// Adds the entries of these ends, and says by the way which analyser made them: a Redis that has lost its data is told
    /// so again.
    pub(super) fn set_seen(&self, pipeline: &mut Pipeline, ends: &[Finished]) {
        let era = era_now();
        for entry in ends.iter().filter_map(entry_of) {
            self.set_entry(pipeline, era, &entry);
        }
        if let Some(analyser) = ends.iter().rev().find_map(|end| end.record.analyser.as_deref()) {
            self.set_analyser(pipeline, analyser);
        }
    }

    fn set_analyser(&self, pipeline: &mut Pipeline, analyser: &str) {
        pipeline.set_ex(self.keys.analyser(), analyser, 2 * self.kept_after_era()).ignore();
    }

    fn set_entry(&self, pipeline: &mut Pipeline, era: u64, entry: &Entry) {
        let key = self.keys.seen(era, entry.bucket);
        pipeline.hset(&key, entry.name.as_slice(), entry.state.as_slice()).ignore();
        pipeline.expire_at(key, self.expiry_of(era)).ignore();
    }

    /// Whether these entries have their states in this era, in one round trip; `None` for one that is not there.
    async fn are_same(&self, era: u64, entries: &[Entry]) -> Result<Vec<Option<bool>>, StoreError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(entries.len());
        for entry in entries {
            pipeline.hget(self.keys.seen(era, entry.bucket), entry.name.as_slice());
        }
        let states: Vec<Option<Vec<u8>>> = self.ask(&pipeline).await?;
        let same = |(state, entry): (Option<Vec<u8>>, &Entry)| Some(state? == entry.state);
        Ok(states.into_iter().zip(entries).map(same).collect())
    }

    async fn ask<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        pipeline.query_async(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// How long the keys of an era are kept after its end, in seconds.
    fn kept_after_era(&self) -> u64 {
        self.ttl_seconds().max(ERA.as_secs())
    }

    /// In so many eras before this one there may be entries.
    fn eras_back(&self) -> u64 {
        self.kept_after_era().div_ceil(ERA.as_secs())
    }

    fn expiry_of(&self, era: u64) -> i64 {
        let end = (era + 1).saturating_mul(ERA.as_secs());
        i64::try_from(end.saturating_add(self.kept_after_era())).unwrap_or(i64::MAX)
    }
}

fn era_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    now.as_secs() / ERA.as_secs()
}
