//! `producer batches`: what was submitted lately and how far it is.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use jiff::Timestamp;
use shared::job::BatchId;
use shared::printable::{printable, write_json_indented};
use shared::settings::ProducerSettings;
use shared::store::BatchState;

use crate::cli::BatchesArgs;
use crate::connect;
use crate::failure::{End, Failure};
use crate::results::terminal_width;
use crate::screen::Screen;

pub(crate) async fn run(
    settings: &ProducerSettings,
    args: &BatchesArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let store = connect::store(settings, screen).await?;
    let batches = store.batches(args.limit as usize).await?;
    let mut out = io::stdout().lock();
    if args.ids {
        for batch in batches.iter().filter(|batch| batch.batch_id != BatchId::STRAY) {
            writeln!(out, "{}", batch.batch_id)?;
        }
    } else if args.json {
        write_json_indented(&mut out, &batches)?;
        out.write_all(b"\n")?;
    } else if batches.is_empty() {
        screen.line("there is no batch yet: producer enqueue PATH makes one");
    } else {
        writeln!(out, "{}", table(&batches).trim_fmt())?;
    }
    Ok(End::Done)
}

fn table(batches: &[BatchState]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = terminal_width() {
        table.set_width(width);
    }
    table.set_header(["batch", "made (UTC)", "state", "accepted", "done", "failed", "label"]);
    for batch in batches {
        table.add_row([
            batch.batch_id.to_string(),
            when(batch.created_ms),
            stage(batch).to_owned(),
            if batch.counted { batch.accepted.to_string() } else { "?".to_owned() },
            batch.done().to_string(),
            batch.failed().to_string(),
            printable(&batch.label),
        ]);
    }
    for column in 3..=5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Where a batch stands, in a word.
fn stage(batch: &BatchState) -> &'static str {
    if batch.batch_id == BatchId::STRAY {
        "stray"
    } else if !batch.counted {
        // Made by another program, or what is left after Redis has lost its data.
        "uncounted"
    } else if batch.is_complete() {
        if batch.unwanted() > 0 { "cancelled" } else { "complete" }
    } else if batch.cancelled {
        "cancelling"
    } else if batch.sealed {
        "running"
    } else {
        "enqueueing"
    }
}

/// `2026-01-02 03:04:05`
pub(crate) fn when(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_utc_to_the_second() {
        assert_eq!(super::when(1_700_000_000_999), "2023-11-14 22:13:20");
    }
}
