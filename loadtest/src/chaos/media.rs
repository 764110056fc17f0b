//! The files that the fleet is given: copies of the samples, good and bad, below a root that can be hidden.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::rig::{RigError, io};

/// The name of the media root.
pub(crate) const ROOT: &str = "music";

/// Folders that the files are spread over.
const FOLDERS: usize = 4;

/// A file of silence that takes as long as a piece of music: a few of them keep lanes busy when faults strike.
const SLOW: &str = "slow.wav";
const SLOW_SECONDS: u32 = 60;
const RATE: u32 = 44_100;

/// An outcome and a kind of failure that a file may have by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) outcome: String,
    pub(crate) kind: Option<String>,
}

/// The media root and what may become of its files. Producers see it at another place than workers, as other hosts would,
/// and keep it when the workers' one is hidden.
#[derive(Debug)]
pub(crate) struct Media {
    /// Where producers see it.
    pub(crate) library: PathBuf,
    /// Where workers do.
    pub(crate) mounted: PathBuf,
    hidden: PathBuf,
    /// By path below the root.
    pub(crate) files: BTreeMap<String, Vec<Accepted>>,
}

impl Media {
    /// Makes so many files below `folder`.
    pub(crate) fn make(samples: &Path, folder: &Path, count: usize) -> Result<Self, RigError> {
        let [library, mounted, hidden] = ["library", "mounted", "hidden"].map(|name| folder.join(name));
        let sources = sources(samples)?;
        let slow = folder.join(SLOW);
        silence(&slow).map_err(io(slow.display().to_string()))?;
        let mut files = BTreeMap::new();
        for number in 0..count {
            // The slow one now and then, the samples in turn.
            let (from, accepted) = match number % 12 {
                11 => (slow.clone(), vec![Accepted { outcome: "not_applicable".into(), kind: None }]),
                _ => sources[number % sources.len()].clone(),
            };
            let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let path = format!("{}/{number:04}-{name}", number % FOLDERS);
            for root in [&library, &mounted] {
                let to = root.join(&path);
                let made = fs::create_dir_all(root.join((number % FOLDERS).to_string()));
                made.and_then(|()| place(&from, &to)).map_err(io(to.display().to_string()))?;
            }
            files.insert(path, accepted);
        }
        Ok(Self { library, mounted, hidden, files })
    }

    /// The workers' root is not there any more.
    pub(crate) fn hide(&self) -> std::io::Result<()> {
        fs::rename(&self.mounted, &self.hidden)
    }

    /// It is back.
    pub(crate) fn show(&self) -> std::io::Result<()> {
        fs::rename(&self.hidden, &self.mounted)
    }

    /// How a record names a file of ours.
    pub(crate) fn shown(path: &str) -> String {
        format!("{ROOT}/{path}")
    }
}

/// Without room and time, where both are on one disk.
fn place(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}

/// The samples with what their truth accepts.
fn sources(samples: &Path) -> Result<Vec<(PathBuf, Vec<Accepted>)>, RigError> {
    let fine = vec![Accepted { outcome: "ok".into(), kind: None }];
    let mut sources: Vec<_> =
        truth(samples)?.into_iter().map(|file| (samples.join(file.path), fine.clone())).collect();
    let bad = samples.join("bad");
    sources.extend(truth(&bad)?.into_iter().map(|file| (bad.join(file.path), file.accept)));
    Ok(sources)
}

#[derive(Deserialize)]
struct Truth {
    files: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    #[serde(default)]
    accept: Vec<Accepted>,
}

fn truth(folder: &Path) -> Result<Vec<Entry>, RigError> {
    let path = folder.join("truth.json");
    let named = || path.display().to_string();
    let text = fs::read(&path).map_err(io(named()))?;
    let truth: Truth = serde_json::from_slice(&text).map_err(|error| io(named())(error.into()))?;
    Ok(truth.files)
}

/// A WAV of zeros that takes no room on the disk.
fn silence(path: &Path) -> std::io::Result<()> {
    let bytes = SLOW_SECONDS * RATE * 4;
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend((bytes + 36).to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    header.extend(RATE.to_le_bytes());
    header.extend((RATE * 4).to_le_bytes());
    header.extend([4, 0, 16, 0]);
    header.extend(b"data");
    header.extend(bytes.to_le_bytes());
    let mut file = File::create(path)?;
    file.write_all(&header)?;
    file.set_len(header.len() as u64 + u64::from(bytes))
}
