//! The files of a run as jobs name them.

use std::path::{Path, PathBuf};

use shared::job::{FileRef, RelPath};
use shared::roots::MediaRoots;
use shared::scan::Scan;

use super::{Common, Work};
use crate::corpus::{self, Made};
use crate::measure::Corpus;
use crate::rig::{RigError, io};

/// Name of the root of made files.
const ROOT: &str = "loadtest";

/// Files for a warm-up, for each lane: what is warm after two was warm after one.
const WARM_PER_LANE: usize = 2;

/// More paths would be no more different work.
const MOST_IMAGINED: usize = 100_000;

/// A worker takes an empty root for one that is not mounted.
const MARK: &str = "root.txt";

/// Files to be worked on. The warm-up has its own, so that it leaves nothing in the cache.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) files: Vec<FileRef>,
    pub(crate) warm: Vec<FileRef>,
    /// Jobs are forced: files are used more than once, and the cache shall not answer.
    pub(crate) forced: bool,
    /// `name=/path`, as workers are told of it.
    pub(crate) root: String,
    pub(crate) corpus: Corpus,
}

impl Media {
    /// For so many jobs, of which the warm-up of `lanes` lanes is none. Made below `folder`, named by the kind of work.
    pub(crate) async fn for_jobs(
        common: &Common,
        work: &Work,
        jobs: usize,
        lanes: u32,
        folder: &Path,
    ) -> Result<Self, RigError> {
        let warm = (lanes as usize * WARM_PER_LANE).max(1);
        if let Some(media) = &common.media {
            return Self::given(media, jobs, warm);
        }
        let folder = folder.join("media");
        std::fs::create_dir_all(&folder).map_err(io(folder.display().to_string()))?;
        std::fs::write(folder.join(MARK), ROOT).map_err(io(folder.display().to_string()))?;
        if let Some(time) = work.rehearsal {
            let about = format!("a rehearsal: nothing is decoded, every file takes {time:?} on its lane");
            return Self::imagined(jobs.min(MOST_IMAGINED), warm, &folder, about);
        }
        let distinct = jobs.min(work.files as usize);
        let below = PathBuf::from(format!("{}-{}", work.kind.name(), distinct));
        let (kind, song, seed, to) = (work.kind, work.song, common.seed, folder.join(&below));
        let making =
            tokio::task::spawn_blocking(move || corpus::make(kind, distinct + warm, song, seed, &to));
        let made = making.await.map_err(|error| RigError::Refused(error.to_string()))??;
        let forced = distinct < jobs;
        let about = format!("{} of {}", how(distinct, forced), work.kind.about(work.song));
        Self::made(&made, warm, &below, &folder, (forced, about))
    }

    fn made(
        made: &[Made],
        warm: usize,
        below: &Path,
        folder: &Path,
        (forced, about): (bool, String),
    ) -> Result<Self, RigError> {
        let named = |made: &Made| file(ROOT, &below.join(&made.path));
        let mut files: Vec<FileRef> = made.iter().map(named).collect::<Result<_, _>>()?;
        let measured = &made[..made.len() - warm];
        let corpus = Corpus {
            files: measured.len() as u64,
            bytes: measured.iter().map(|made| made.bytes).sum(),
            audio_seconds: measured.iter().map(|made| made.seconds).sum(),
            about,
        };
        let warm = files.split_off(measured.len());
        Ok(Self { files, warm, forced, root: root(folder), corpus })
    }

    /// Paths without files.
    pub(crate) fn imagined(jobs: usize, warm: usize, folder: &Path, about: String) -> Result<Self, RigError> {
        let name = |index: usize| file(ROOT, Path::new(&format!("imagined/{index:06}.flac")));
        let mut files: Vec<FileRef> = (0..jobs + warm).map(name).collect::<Result<_, _>>()?;
        let warm = files.split_off(jobs);
        let corpus = Corpus { files: jobs as u64, about, ..Corpus::default() };
        Ok(Self { files, warm, forced: false, root: root(folder), corpus })
    }

    /// In so many equal parts, each with the whole warm-up.
    pub(crate) fn parts(mut self, count: usize) -> Vec<Self> {
        let each = self.files.len() / count.max(1);
        let mut parts = Vec::new();
        while parts.len() + 1 < count {
            let rest = self.files.split_off(each.min(self.files.len()));
            let files = std::mem::replace(&mut self.files, rest);
            parts.push(Self {
                files,
                warm: self.warm.clone(),
                root: self.root.clone(),
                corpus: self.corpus.clone(),
                ..self
            });
        }
        parts.push(self);
        parts
    }

    /// Files that are there: the same for warm-up and measurement, so the cache must never be asked.
    fn given(media: &str, jobs: usize, warm: usize) -> Result<Self, RigError> {
        let wrong = |why: String| RigError::Refused(format!("--media {media}: {why}"));
        let roots = MediaRoots::parse(media).map_err(|error| wrong(error.to_string()))?;
        let locator = roots.locator();
        let (mut files, mut bytes) = (Vec::new(), 0);
        let folders: Vec<PathBuf> = roots.iter().map(|(_, path)| path.to_owned()).collect();
        for found in &mut Scan::from_paths(folders) {
            let found = found.map_err(|error| wrong(error.to_string()))?;
            files.push(locator.locate(&found.path).map_err(|error| wrong(error.to_string()))?);
            bytes += found.bytes;
            if files.len() >= jobs {
                break;
            }
        }
        if files.is_empty() {
            return Err(wrong("there is no audio file below it".to_owned()));
        }
        let about = format!("{} of {}", how(files.len(), true), media);
        let corpus = Corpus { files: files.len() as u64, bytes, audio_seconds: 0.0, about };
        let warm = files.iter().cycle().take(warm).cloned().collect();
        Ok(Self { files, warm, forced: true, root: media.to_owned(), corpus })
    }
}

fn how(distinct: usize, forced: bool) -> String {
    match forced {
        false => format!("{distinct} different files, each once"),
        true => format!("{distinct} different files in turn, forced, so that the cache does not answer,"),
    }
}

fn root(folder: &Path) -> String {
    format!("{ROOT}={}", folder.display())
}

fn file(root: &str, path: &Path) -> Result<FileRef, RigError> {
    let path = RelPath::new(path.as_os_str().as_encoded_bytes())
        .map_err(|error| RigError::Refused(format!("{}: {error}", path.display())))?;
    Ok(FileRef { root: root.to_owned(), path })
}
