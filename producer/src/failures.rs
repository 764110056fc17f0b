//! `producer failures`: what failed, why, where and when, a page at a time, of one batch or of all.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal};
use std::str::FromStr;

use shared::job::BatchId;
use shared::outcome::{FailureKind, Kind, Outcome};
use shared::settings::ProducerSettings;
use shared::store::{BatchState, Cursor, CursorError, Store, StoredEnd};

use crate::cli::FailuresArgs;
use crate::failure::{End, Failure};
use crate::losses::{Losses, Read};
use crate::results::medium;
use crate::screen::Screen;
use crate::{connect, pick};

mod rows;

pub(crate) use rows::Format;
use rows::Rows;

/// Failures read in one round trip; each has less than a KiB.
const PAGE: usize = 500;

/// A place in the failures of several batches: after an end of a batch, which is named where it is not the only one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    batch: Option<BatchId>,
    cursor: Cursor,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.batch {
            Some(batch) => write!(f, "{batch}:{}", self.cursor),
            None => self.cursor.fmt(f),
        }
    }
}

impl FromStr for Place {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = text.split_once(':').and_then(|(batch, rest)| Some((batch.parse().ok()?, rest)));
        let (batch, rest) = named.map_or((None, text), |(batch, rest)| (Some(batch), rest));
        Ok(Self { batch, cursor: rest.parse()? })
    }
}

pub(crate) async fn run(
    settings: &ProducerSettings,
    args: &FailuresArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let store = connect::store(settings, screen).await?;
    let batches = pick::batches(&store, args.batch.as_deref()).await?;
    let terminal = io::stdout().is_terminal();
    let format = args.format.unwrap_or(if terminal { Format::Table } else { Format::Ndjson });
    let mut list = List {
        store: &store,
        kinds: &args.kind,
        left: args.limit.unwrap_or(u64::MAX),
        seen: 0,
        rows: Rows::new(BufWriter::new(io::stdout().lock()), format, medium()),
    };
    let mut has_lost = false;
    let (batches, mut cursor) = from(batches, args.cursor.as_ref());
    for state in &batches {
        let from = std::mem::replace(&mut cursor, Cursor::start());
        if state.failed() == 0 {
            continue;
        }
        let (losses, whole) = (Losses::begin(&store, state.batch_id).await?, from == Cursor::start());
        list.seen = 0;
        let rest = list.batch(state.batch_id, from).await?;
        let read = if whole && rest.is_none() { Read::Failures(list.seen) } else { Read::Part };
        has_lost |= losses.tell(&store, read, screen).await?;
        if let Some(cursor) = rest {
            let batch = args.batch.is_none().then_some(state.batch_id);
            list.rows.finish()?;
            screen.line(&format!("more: {}", continuation(args, &Place { batch, cursor })));
            return Ok(end(has_lost));
        }
    }
    if list.rows.finish()? == 0 && !has_lost {
        screen.line("no failures");
    }
    Ok(end(has_lost))
}

const fn end(has_lost: bool) -> End {
    if has_lost { End::Incomplete } else { End::Done }
}

/// The batches from the cursor's on, and where to go on in the first of them. One that has expired since is passed over,
/// with what is newer.
fn from(mut batches: Vec<BatchState>, place: Option<&Place>) -> (Vec<BatchState>, Cursor) {
    let Some(Place { batch, cursor }) = place else { return (batches, Cursor::start()) };
    let Some(batch) = batch else { return (batches, cursor.clone()) };
    match batches.iter().position(|state| state.batch_id == *batch) {
        Some(position) => (batches.split_off(position), cursor.clone()),
        None => {
            // Ids sort by the time of their making, and that of the last, which nobody made, is the least.
            batches.retain(|state| state.batch_id < *batch);
            (batches, Cursor::start())
        }
    }
}

struct List<'a, W: io::Write> {
    store: &'a Store,
    kinds: &'a [FailureKind],
    left: u64,
    /// Failures of this batch that were read, of whichever kind.
    seen: u64,
    rows: Rows<W>,
}

impl<W: io::Write> List<'_, W> {
    /// Lists the failures of a batch. Returns the place of the last one if the limit was reached and there may be more.
    async fn batch(&mut self, batch: BatchId, mut cursor: Cursor) -> Result<Option<Cursor>, Failure> {
        loop {
            let (ends, next) = self.store.ends(batch, Outcome::Failed, &cursor, PAGE).await?;
            self.seen += ends.len() as u64;
            for (place, end) in ends.iter().filter(|(_, end)| is_of(self.kinds, end)) {
                if self.left == 0 {
                    return Ok(Some(cursor));
                }
                self.left -= 1;
                cursor = place.cursor();
                self.rows.write(batch, end)?;
            }
            self.rows.flush()?;
            match next {
                Some(next) => cursor = next,
                None => return Ok(None),
            }
        }
    }
}

/// Whether an end is of one of these kinds; of none named, every one is.
pub(crate) fn is_of(kinds: &[FailureKind], end: &StoredEnd) -> bool {
    kinds.is_empty() || kinds.iter().any(|kind| end.record.kind == Some(Kind::Failure(*kind)))
}

/// The command that prints what comes next.
fn continuation(args: &FailuresArgs, place: &Place) -> String {
    let mut command = String::from("producer failures");
    if let Some(batch) = &args.batch {
        command += &format!(" {batch}");
    }
    for kind in &args.kind {
        command += &format!(" --kind {kind}");
    }
    if let Some(format) = args.format {
        command += &format!(" --format {}", format.name());
    }
    if let Some(limit) = args.limit {
        command += &format!(" --limit {limit}");
    }
    command + &format!(" --cursor {place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_its_batch_or_not() {
        for text in ["17-2", "01890a5d-ac96-774b-bcce-b302099a8001:17-2"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        for text in ["", ":", "x:17-2", "01890a5d-ac96-774b-bcce-b302099a8001:", "17"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
