//! `producer results`: the records of a batch, a page at a time and never all at once.

use std::io::{self, BufWriter, IsTerminal};

use shared::job::BatchId;
use shared::record::{Format, RecordWriter};
use shared::settings::ProducerSettings;
use shared::store::{Cursor, Page, Store};

use crate::cli::ResultsArgs;
use crate::failure::{End, Failure};
use crate::losses::{Losses, Read};
use crate::screen::Screen;
use crate::{connect, resolve, text};

/// Reports have some KiB each: a page stays below a few MiB, and a million records take two thousand round trips.
pub(crate) const PAGE: u64 = 500;

/// Of a table that no terminal shows.
const WIDTH: u16 = 120;

pub(crate) async fn run(
    settings: &ProducerSettings,
    args: &ResultsArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let store = connect::store(settings, screen).await?;
    let batch = resolve::batch(&store, &args.batch).await?;
    let terminal = io::stdout().is_terminal();
    let format = args.format.unwrap_or(if terminal { Format::Table } else { Format::Ndjson });
    let width = terminal_size::terminal_size_of(io::stdout()).map_or(WIDTH, |(width, _)| width.0);
    let mut writer = RecordWriter::new(BufWriter::new(io::stdout().lock()), format, usize::from(width));
    let mut losses = Losses::begin(&store, batch).await?;
    let mut printed = 0;
    let mut cursor = args.cursor.clone().unwrap_or_else(Cursor::start);
    let mut left = args.limit.unwrap_or(u64::MAX);
    let rest = loop {
        let limit = left.min(PAGE) as usize;
        let page = page(&store, batch, args.failed, &cursor, limit).await?;
        for record in &page.records {
            writer.write(record)?;
            losses.note(record);
        }
        writer.flush()?;
        printed += page.records.len() as u64;
        left -= page.records.len() as u64;
        match page.next {
            Some(next) if left > 0 => cursor = next,
            next => break next,
        }
    };
    writer.finish()?;
    let read = match (&rest, args.failed, &args.cursor) {
        (None, false, _) => Read::All,
        (None, true, None) => Read::Failures(printed),
        _ => Read::Part,
    };
    let has_lost = losses.tell(&store, read, screen).await?;
    if let Some(rest) = rest {
        screen.line(&format!("more: {}", continuation(batch, args, &rest)));
    } else if let Some(state) =
        store.batch(batch).await?.filter(|state| state.counted && !state.is_complete())
    {
        let (done, accepted) = (state.done(), text::count(state.accepted, "file"));
        screen.line(&format!("the batch is not complete: {done} of {accepted} done so far"));
    }
    Ok(if has_lost { End::Incomplete } else { End::Done })
}

async fn page(
    store: &Store,
    batch: BatchId,
    failed: bool,
    cursor: &Cursor,
    limit: usize,
) -> Result<Page, Failure> {
    let page = if failed {
        store.failures(batch, cursor, limit).await
    } else {
        store.page(batch, cursor, limit).await
    };
    Ok(page?)
}

/// The command that prints what comes next.
fn continuation(batch: BatchId, args: &ResultsArgs, rest: &Cursor) -> String {
    let mut command = format!("producer results {batch}");
    if args.failed {
        command += " --failed";
    }
    if let Some(format) = args.format {
        command += &format!(" --format {}", format.name());
    }
    if let Some(limit) = args.limit {
        command += &format!(" --limit {limit}");
    }
    command + &format!(" --cursor {rest}")
}
