//! Which batch is meant: ids are long, and mostly it is the last one.

use shared::job::BatchId;
use shared::store::Store;

use crate::failure::Failure;

/// More batches than a prefix is worth looking through.
const MOST: usize = 100_000;

/// So many of the newest are looked at for the last one that is a user's.
const NEWEST: usize = 20;

/// Candidates that an ambiguous name lists.
const LISTED: usize = 5;

/// The batch with this id, the only one whose id begins like this, or the newest (`last`).
pub(crate) async fn batch(store: &Store, name: &str) -> Result<BatchId, Failure> {
    let unknown = |what: String| Failure::NotFound(format!("{what}: `producer batches` lists them"));
    if name == "last" {
        let newest = store.batches(NEWEST).await?;
        let mut ids = newest.iter().map(|state| state.batch_id);
        // Garbage in a queue belongs to no user's batch.
        return ids
            .find(|id| *id != BatchId::STRAY)
            .ok_or_else(|| unknown("there is no batch yet".to_owned()));
    }
    if let Ok(id) = name.parse::<BatchId>() {
        return match store.batch(id).await? {
            Some(_) => Ok(id),
            None => Err(unknown(format!("there is no batch {id}, or it has expired (RESULT_TTL)"))),
        };
    }
    let wanted = plain(name);
    if wanted.is_empty() {
        return Err(Failure::Usage("BATCH is empty: give an id, the beginning of one, or `last`".to_owned()));
    }
    let all = store.batches(MOST).await?;
    let ids: Vec<BatchId> = all
        .iter()
        .map(|state| state.batch_id)
        .filter(|id| plain(&id.to_string()).starts_with(&wanted))
        .collect();
    match ids.as_slice() {
        [id] => Ok(*id),
        [] => Err(unknown(format!("no batch begins with '{}'", shared::record::printable(name)))),
        many => Err(Failure::NotFound(ambiguous(name, many))),
    }
}

fn ambiguous(name: &str, ids: &[BatchId]) -> String {
    let listed: String = ids.iter().take(LISTED).map(|id| format!("\n  {id}")).collect();
    let more = if ids.len() > LISTED { "\n  …" } else { "" };
    format!("{} batches begin with '{name}', the newest first:{listed}{more}", ids.len())
}

/// Without dashes and in lower case.
fn plain(id: &str) -> String {
    id.chars().filter(|c| *c != '-').flat_map(char::to_lowercase).collect()
}
