//! `producer results`: the records of a batch, a page at a time and never all at once.

use std::io::{self, BufWriter, IsTerminal};

use shared::columns::Medium;
use shared::job::BatchId;
use shared::record::{Format, RecordWriter};
use shared::scan::path_order;
use shared::settings::ProducerSettings;
use shared::store::{Cursor, Page, Store};

use crate::cli::ResultsArgs;
use crate::failure::{End, Failure};
use crate::losses::{Losses, Read};
use crate::screen::Screen;
use crate::{connect, resolve, text};

/// Reports have some KiB each: a page stays below a few MiB, and a million records take two thousand round trips.
pub(crate) const PAGE: u64 = 500;

/// What standard output is.
pub(crate) fn medium() -> Medium {
    terminal_width().map_or_else(Medium::piped, |width| Medium::terminal(width.into()))
}

/// Columns of the terminal that standard output is, if it is one.
pub(crate) fn terminal_width() -> Option<u16> {
    let size = terminal_size::terminal_size_of(io::stdout()).filter(|_| io::stdout().is_terminal());
    size.map(|(width, _)| width.0)
}

pub(crate) async fn run(
    settings: &ProducerSettings,
    args: &ResultsArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let store = connect::store(settings, screen).await?;
    let batch = resolve::batch(&store, &args.batch).await?;
    let terminal = io::stdout().is_terminal();
    let format = args.format.unwrap_or(if terminal { Format::Table } else { Format::Ndjson });
    let mut writer =
        RecordWriter::new(BufWriter::new(io::stdout().lock()), format).on(medium()).without(&args.without);
    let mut losses = Losses::begin(&store, batch).await?;
    let mut printed = 0;
    let mut cursor = args.cursor.clone().unwrap_or_else(Cursor::start);
    let mut left = args.limit.unwrap_or(u64::MAX);
    let rest = loop {
        let limit = left.min(PAGE) as usize;
        let mut page = page(&store, batch, args.failed, &cursor, limit).await?;
        if format == Format::Table {
            // People look for files in their folders.
            page.records.sort_by_cached_key(|record| path_order(&record.path_bytes()));
        }
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
    if !args.without.is_empty() {
        let names: Vec<&str> = args.without.iter().map(|part| part.name()).collect();
        command += &format!(" --without {}", names.join(","));
    }
    if let Some(limit) = args.limit {
        command += &format!(" --limit {limit}");
    }
    command + &format!(" --cursor {rest}")
}
