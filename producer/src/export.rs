//! `producer export`: a whole batch as one document, read a page at a time.

use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use shared::job::BatchId;
use shared::record::{Format, Locate, Record, RecordWriter};
use shared::report::{Report, Tempo};
use shared::scan::path_order;
use shared::settings::ProducerSettings;
use shared::store::{BatchState, Cursor, Store};
use tempfile::NamedTempFile;

use crate::cli::ExportArgs;
use crate::failure::{End, Failure};
use crate::losses::{Losses, Read};
use crate::results::PAGE;
use crate::screen::Screen;
use crate::{connect, resolve, text};

/// What a new file may be used for, less what the user's umask takes.
const MODE: u32 = 0o666;

/// Files of a CSV or playlist that are held, to be put into the order of the folders: 2 to 3 kB each. Those of a larger batch are
/// written in the order in which they ended.
const SORTED_AT_MOST: u64 = 100_000;

pub(crate) async fn run(
    settings: &ProducerSettings,
    args: &ExportArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let locate = match (args.format, &settings.media_roots) {
        (Format::M3u, None) => {
            let why = "MEDIA_ROOTS is not set: a playlist has the paths of this machine\n  export MEDIA_ROOTS='music=/srv/music'";
            return Err(Failure::Settings(why.to_owned()));
        }
        (_, roots) => roots.clone().map_or(Locate::Here, Locate::Below),
    };
    let store = connect::store(settings, screen).await?;
    let batch = resolve::batch(&store, &args.batch).await?;
    let state = store.batch(batch).await?;
    if let Some(state) = state.as_ref().filter(|state| !args.partial && !state.is_complete()) {
        return Err(Failure::NotFound(incomplete(state)));
    }
    let mut losses = Losses::begin(&store, batch).await?;
    let is_sorted = matches!(args.format, Format::Csv | Format::M3u);
    let few = state.as_ref().is_none_or(|state| state.done() <= SORTED_AT_MOST);
    let document = Document { store: &store, batch, args, locate, is_sorted: is_sorted && few };
    let written = match &args.output {
        None => document.write(io::stdout().lock(), &mut losses).await?,
        Some(path) => document.write_in_place(path, &mut losses).await?,
    };
    if is_sorted && !few {
        let most = text::count(SORTED_AT_MOST, "file");
        screen.line(&format!("more than {most}: they are in the order in which they ended"));
    }
    if let Some(path) = &args.output {
        let files = text::count(written.records, "file");
        screen.line(&format!("{}: {files}", path.display()));
    }
    let left_out = written.left_out;
    let has_lost = losses.tell(&store, Read::All, screen).await?;
    if left_out == 0 {
        return Ok(if has_lost { End::Incomplete } else { End::Done });
    }
    let files = text::count(left_out, "file");
    screen.line(&format!(
        "{files} left out of the playlist: of a root that is not in MEDIA_ROOTS here, or with a line break in the name"
    ));
    Ok(End::Incomplete)
}

fn incomplete(state: &BatchState) -> String {
    let (done, accepted) = (state.done(), text::count(state.accepted, "file"));
    if !state.counted {
        return format!(
            "nobody has counted the jobs of this batch, so nobody knows whether it is complete: {done} done\n  --partial takes \
             what has ended"
        );
    }
    let open = if state.sealed { "" } else { ", and it is still being enqueued" };
    format!(
        "the batch is not complete: {done} of {accepted} done{open}\n  producer watch {} waits for the rest; --partial takes what has ended",
        state.batch_id
    )
}

/// What an export is of.
struct Document<'a> {
    store: &'a Store,
    batch: BatchId,
    args: &'a ExportArgs,
    locate: Locate,
    /// Whether the records are put into the order of the folders.
    is_sorted: bool,
}

/// What became of it.
struct Written {
    records: u64,
    /// Tracks that have no place in a playlist.
    left_out: u64,
}

impl Document<'_> {
    /// Beside the name first: a file that is there stays until the new one is whole.
    async fn write_in_place(&self, path: &Path, losses: &mut Losses) -> Result<Written, Failure> {
        let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        builder.prefix(".export-").permissions(Permissions::from_mode(MODE));
        let file: NamedTempFile = builder.tempfile_in(folder.unwrap_or(Path::new("."))).map_err(told)?;
        let written = self.write(file.as_file(), losses).await?;
        file.as_file().sync_all().map_err(told)?;
        file.persist(path).map_err(|error| told(error.error))?;
        Ok(written)
    }

    async fn write(&self, out: impl Write, losses: &mut Losses) -> Result<Written, Failure> {
        let mut writer = RecordWriter::new(BufWriter::new(out), self.args.format)
            .locating(self.locate.clone())
            .without(&self.args.without);
        let (mut records, mut held, mut cursor) = (0, Vec::new(), Cursor::start());
        loop {
            let page = self.store.page(self.batch, &cursor, PAGE as usize).await?;
            for mut record in page.records {
                losses.note(&record);
                records += 1;
                if self.is_sorted {
                    record.report.iter_mut().for_each(|report| strip(report));
                    held.push(record);
                } else {
                    writer.write(&record)?;
                }
            }
            match page.next {
                Some(next) => cursor = next,
                None => break,
            }
        }
        held.sort_by_cached_key(|record: &Record| path_order(&record.path_bytes()));
        held.iter().try_for_each(|record| writer.write(record))?;
        Ok(Written { records, left_out: writer.finish()? })
    }
}

/// Takes out what no row shows and what is large.
fn strip(report: &mut Report) {
    (report.waveform, report.structure, report.similarity, report.fingerprint) = (None, None, None, None);
    (report.spectral, report.descriptors) = (None, None);
    if let Some(tempo) = &mut report.tempo {
        *tempo = Tempo { bpm: tempo.bpm, confidence: tempo.confidence, ..Tempo::default() };
    }
}
