//! `producer export`: a whole batch as one document, read a page at a time.

use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::str::FromStr;

use shared::job::BatchId;
use shared::record::{self, Record, RecordWriter};
use shared::roots::MediaRoots;
use shared::settings::ProducerSettings;
use shared::store::{BatchState, Cursor, Store};
use tempfile::NamedTempFile;

use crate::cli::ExportArgs;
use crate::failure::{End, Failure};
use crate::losses::{Losses, Read};
use crate::results::PAGE;
use crate::screen::Screen;
use crate::{connect, resolve, text};

mod playlist;

use playlist::Playlist;

/// What a new file may be used for, less what the user's umask takes.
const MODE: u32 = 0o666;

/// The form of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One of `producer results`.
    Records(record::Format),
    /// An extended playlist.
    M3u,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match (name, name.parse()) {
            ("m3u", _) => Ok(Self::M3u),
            (_, Ok(format)) if format != record::Format::Table => Ok(Self::Records(format)),
            _ => Err(format!("unknown format '{name}': expected one of csv, ndjson, json, m3u")),
        }
    }
}

pub(crate) async fn run(
    settings: &ProducerSettings,
    args: &ExportArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let roots = match (args.format, &settings.media_roots) {
        (Format::M3u, None) => {
            let why = "MEDIA_ROOTS is not set: a playlist has the paths of this machine\n  export MEDIA_ROOTS='music=/srv/music'";
            return Err(Failure::Settings(why.to_owned()));
        }
        (_, roots) => roots.as_ref(),
    };
    let store = connect::store(settings, screen).await?;
    let batch = resolve::batch(&store, &args.batch).await?;
    let state = store.batch(batch).await?;
    if let Some(state) = state.as_ref().filter(|state| !args.partial && !state.is_complete()) {
        return Err(Failure::NotFound(incomplete(state)));
    }
    let mut losses = Losses::begin(&store, batch).await?;
    let left_out = match &args.output {
        None => write(&store, batch, args.format, roots, io::stdout().lock(), &mut losses).await?,
        Some(path) => in_place(&store, batch, args.format, roots, path, &mut losses).await?,
    };
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

/// Beside the name first: a file that is there stays until the new one is whole.
async fn in_place(
    store: &Store,
    batch: BatchId,
    format: Format,
    roots: Option<&MediaRoots>,
    path: &Path,
    losses: &mut Losses,
) -> Result<u64, Failure> {
    let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".export-").permissions(Permissions::from_mode(MODE));
    let file: NamedTempFile = builder.tempfile_in(folder).map_err(told)?;
    let left_out = write(store, batch, format, roots, file.as_file(), losses).await?;
    file.as_file().sync_all().map_err(told)?;
    file.persist(path).map_err(|error| told(error.error))?;
    Ok(left_out)
}

/// Writes all records; how many had no place in the document.
async fn write(
    store: &Store,
    batch: BatchId,
    format: Format,
    roots: Option<&MediaRoots>,
    out: impl Write,
    losses: &mut Losses,
) -> Result<u64, Failure> {
    let out = BufWriter::new(out);
    let mut document = match (format, roots) {
        (Format::Records(format), _) => Document::Records(RecordWriter::new(out, format, 0)),
        (Format::M3u, roots) => Document::Playlist(Playlist::begin(out, roots)?),
    };
    let mut cursor = Cursor::start();
    loop {
        let page = store.page(batch, &cursor, PAGE as usize).await?;
        for record in &page.records {
            document.write(record)?;
            losses.note(record);
        }
        match page.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    Ok(document.finish()?)
}

enum Document<'a, W: Write> {
    Records(RecordWriter<W>),
    Playlist(Playlist<'a, W>),
}

impl<W: Write> Document<'_, W> {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        match self {
            Self::Records(writer) => writer.write(record),
            Self::Playlist(playlist) => playlist.write(record),
        }
    }

    fn finish(self) -> io::Result<u64> {
        match self {
            Self::Records(writer) => writer.finish().map(|()| 0),
            Self::Playlist(playlist) => playlist.finish(),
        }
    }
}
