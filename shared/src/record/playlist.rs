//! An extended playlist (M3U in UTF-8, as of RFC 8216 section 4.1 and its `#EXTINF`): what players and DJ programs read.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{self, Path, PathBuf};

use report::Tags;

use super::Record;
use crate::outcome::Outcome;
use crate::roots::MediaRoots;

/// The first line.
pub(super) const HEADER: &[u8] = b"#EXTM3U\n";

/// Begins the line behind a file, listed or not, that a run need not analyse again: 32 hexadecimal digits follow, which stand
/// for the file in its state. Players pass over lines that begin with `#`.
pub const DONE: &str = "#ANALYSED:";

/// Behind those digits: the file failed, as it would again.
pub const DONE_FAILED: &str = " failed";

/// Where the file of a record lies on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Locate {
    /// Where its path says, from the current folder.
    #[default]
    Here,
    /// Below the media root that its path begins with.
    Below(MediaRoots),
}

impl Locate {
    /// The file's absolute path; `None` without one, as of a root that this machine does not have, and where a line of a
    /// playlist cannot hold it.
    #[must_use]
    pub fn path(&self, record: &Record) -> Option<PathBuf> {
        let reference = record.path_bytes();
        let path = match self {
            Self::Here => path::absolute(OsStr::from_bytes(&reference)).ok()?,
            Self::Below(roots) => {
                let slash = reference.iter().position(|byte| *byte == b'/')?;
                let root = std::str::from_utf8(&reference[..slash]).ok()?;
                roots.get(root)?.join(OsStr::from_bytes(&reference[slash + 1..]))
            }
        };
        // A line break would be another entry; a `#` in front cannot be, since the path is absolute.
        (!path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b'\n' | b'\r'))).then_some(path)
    }
}

/// What a playlist has so far.
#[derive(Debug, Default)]
pub(super) struct Playlist {
    pub(super) locate: Locate,
    /// Files that it lists, where it goes on with one that is there: none is listed twice.
    pub(super) listed: HashSet<Vec<u8>>,
    /// Tracks that have no place in it.
    pub(super) left_out: u64,
}

impl Playlist {
    /// Writes the entry of a track. A file that failed is no track, and is not counted as left out.
    pub(super) fn entry(&mut self, mut out: impl Write, record: &Record) -> io::Result<()> {
        if !matches!(record.outcome, Outcome::Ok | Outcome::Partial) {
            return Ok(());
        }
        let Some(path) = self.locate.path(record) else {
            self.left_out += 1;
            return Ok(());
        };
        if self.listed.contains(path.as_os_str().as_bytes()) {
            return Ok(());
        }
        let report = record.report.as_deref();
        // −1 stands for an unknown length.
        let seconds = report.map_or(-1.0, |report| report.audio.duration_seconds.round());
        let tags = report.and_then(|report| report.tags.as_ref());
        writeln!(out, "#EXTINF:{seconds},{}", title(tags, &path))?;
        out.write_all(path.as_os_str().as_bytes())?;
        out.write_all(b"\n")
    }
}

/// `Artist - Title`, or what there is of it, in one line.
fn title(tags: Option<&Tags>, path: &Path) -> String {
    let artist = tags.and_then(|tags| tags.artist.as_deref());
    let title = tags.and_then(|tags| tags.title.as_deref());
    let text = match (artist, title) {
        (Some(artist), Some(title)) => format!("{artist} - {title}"),
        (None, Some(title)) => title.to_owned(),
        _ => path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{End, FailureKind};

    fn record(path: &[u8], end: End) -> Record {
        Record { report: Some(Box::default()), ..Record::new(path, end) }
    }

    #[test]
    fn tracks_have_length_title_and_the_path_of_this_machine() {
        let mut list = Playlist {
            locate: Locate::Below(MediaRoots::parse("music=/srv/music").unwrap()),
            listed: HashSet::from([b"/srv/music/known.mp3".to_vec()]),
            left_out: 0,
        };
        let mut named = record(b"music/a/1.flac", End::Ok);
        let tags = Tags { artist: Some("A\nB".into()), title: Some("T".into()), ..Tags::default() };
        let report = named.report.as_mut().unwrap();
        report.tags = Some(tags);
        report.audio.duration_seconds = 215.6;
        let mut out = Vec::new();
        for record in [
            named,
            Record::new(b"music/b \xff.mp3", End::Partial),
            record(b"music/c.mp3", End::Failed(FailureKind::Corrupt)),
            record(b"music/d\n#EXTINF.mp3", End::Ok),
            record(b"elsewhere/e.mp3", End::Ok),
            record(b"music/known.mp3", End::Ok),
        ] {
            list.entry(&mut out, &record).unwrap();
        }
        assert_eq!(list.left_out, 2);
        let expected: &[u8] =
            b"#EXTINF:216,A B - T\n/srv/music/a/1.flac\n#EXTINF:-1,b \xef\xbf\xbd\n/srv/music/b \xff.mp3\n";
        assert_eq!(out, expected, "{}", String::from_utf8_lossy(&out));
    }

    #[test]
    fn a_path_from_here_is_absolute() {
        let path = Locate::Here.path(&record(b"./a.mp3", End::Ok)).unwrap();
        assert_eq!(path, std::env::current_dir().unwrap().join("a.mp3"));
    }
}
