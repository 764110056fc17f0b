//! `--dry-run`: the walk alone. It knows no server.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::Instant;

use shared::record::printable;
use tokio::sync::mpsc;

use super::feed::Item;
use super::summary::{Numbers, places};
use super::tally::Tally;
use crate::cli::EnqueueArgs;
use crate::failure::{End, Failure};
use crate::screen::Screen;
use crate::text::{bytes, count};

pub(super) async fn run(
    mut found: mpsc::Receiver<Item>,
    args: &EnqueueArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let begun = Instant::now();
    let mut tally = Tally::default();
    let terminal = io::stdout().is_terminal();
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(item) = found.recv().await {
        match item {
            Item::File(file, seen) => {
                tally.files += 1;
                tally.bytes += seen.bytes;
                if args.json {
                    continue;
                }
                if terminal {
                    writeln!(out, "{}", printable(&file.to_string()))?;
                } else {
                    out.write_all(&file.to_bytes())?;
                    out.write_all(b"\n")?;
                }
            }
            Item::Unchanged(files) => tally.unchanged(files),
            Item::Problem(text) => tally.problem(&text, screen),
            Item::SameProblem => tally.problems += 1,
            Item::Over(summary) => tally.over(&summary),
        }
    }
    if args.json {
        let numbers = Numbers { dry_run: true, ..Numbers::of(&tally, begun.elapsed()) };
        numbers.write(&mut out)?;
    }
    out.flush()?;
    if tally.files == 0 {
        screen.line(&tally.why_nothing(&places(args)));
    } else {
        screen.line(&format!("would enqueue {}, {}", count(tally.files, "file"), bytes(tally.bytes)));
        tally.left_out().iter().for_each(|line| screen.line(line));
    }
    Ok(if tally.files == 0 || tally.problems > 0 { End::Incomplete } else { End::Done })
}
