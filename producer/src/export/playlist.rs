//! An extended playlist (M3U in UTF-8, as of RFC 8216 section 4.1 and its `#EXTINF`): what players and DJ programs read.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use shared::outcome::Outcome;
use shared::record::Record;
use shared::report::Tags;
use shared::roots::MediaRoots;

/// Playable files, one after the other.
pub(super) struct Playlist<'a, W: Write> {
    out: W,
    roots: Option<&'a MediaRoots>,
    left_out: u64,
}

impl<'a, W: Write> Playlist<'a, W> {
    pub(super) fn begin(mut out: W, roots: Option<&'a MediaRoots>) -> io::Result<Self> {
        out.write_all(b"#EXTM3U\n")?;
        Ok(Self { out, roots, left_out: 0 })
    }

    /// A file that failed is no track, and is not counted as left out.
    pub(super) fn write(&mut self, record: &Record) -> io::Result<()> {
        if !matches!(record.outcome, Outcome::Ok | Outcome::Partial) {
            return Ok(());
        }
        let Some(path) = self.path(record) else {
            self.left_out += 1;
            return Ok(());
        };
        let report = record.report.as_deref();
        // −1 stands for an unknown length.
        let seconds = report.map_or(-1.0, |report| report.audio.duration_seconds.round());
        let tags = report.and_then(|report| report.tags.as_ref());
        writeln!(self.out, "#EXTINF:{seconds},{}", title(tags, &path))?;
        self.out.write_all(path.as_os_str().as_bytes())?;
        self.out.write_all(b"\n")
    }

    /// How many files had no place in it.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.left_out)
    }

    /// The file on this machine. A line break would be another entry, and a `#` in front cannot be: the path is absolute.
    fn path(&self, record: &Record) -> Option<PathBuf> {
        let reference = record.path_bytes();
        let slash = reference.iter().position(|byte| *byte == b'/')?;
        let root = std::str::from_utf8(&reference[..slash]).ok()?;
        let path = self.roots?.get(root)?.join(OsStr::from_bytes(&reference[slash + 1..]));
        (!path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b'\n' | b'\r'))).then_some(path)
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
    use shared::outcome::{End, FailureKind};

    use super::*;

    fn record(path: &[u8], end: End) -> Record {
        Record { report: Some(Box::default()), ..Record::new(path, end) }
    }

    #[test]
    fn tracks_have_length_title_and_the_path_of_this_machine() {
        let roots = MediaRoots::parse("music=/srv/music").unwrap();
        let mut out = Vec::new();
        let mut list = Playlist::begin(&mut out, Some(&roots)).unwrap();
        let mut named = record(b"music/a/1.flac", End::Ok);
        let tags = Tags { artist: Some("A\nB".into()), title: Some("T".into()), ..Tags::default() };
        let report = named.report.as_mut().unwrap();
        report.tags = Some(tags);
        report.audio.duration_seconds = 215.6;
        list.write(&named).unwrap();
        list.write(&Record::new(b"music/b \xff.mp3", End::Partial)).unwrap();
        list.write(&record(b"music/c.mp3", End::Failed(FailureKind::Corrupt))).unwrap();
        list.write(&record(b"music/d\n#EXTINF.mp3", End::Ok)).unwrap();
        list.write(&record(b"elsewhere/e.mp3", End::Ok)).unwrap();
        assert_eq!(list.finish().unwrap(), 2);
        let expected: &[u8] =
            b"#EXTM3U\n#EXTINF:216,A B - T\n/srv/music/a/1.flac\n#EXTINF:-1,b \xef\xbf\xbd\n/srv/music/b \xff.mp3\n";
        assert_eq!(out, expected, "{}", String::from_utf8_lossy(&out));
    }
}
