//! Files that differ in their audio: one sample of AAC without some of its first and last frames, since each frame stands for
//! itself. And what people do to files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::rig::{RigError, io};

/// So many are left out at each end at most, so that there are as many sounds as its square.
const ENDS: u32 = 100;

/// A time of last change that no later change can share.
const AGE: Duration = Duration::from_secs(3600);

/// Files in a folder: an album.
const ALBUM: u32 = 12;

/// The sample by its frames.
#[derive(Debug)]
pub(super) struct Sounds {
    bytes: Vec<u8>,
    /// Where each frame begins, and the end of the last.
    starts: Vec<usize>,
    /// How often the frames come within a file.
    copies: u16,
}

impl Sounds {
    pub(super) fn read(sample: &Path, copies: u16) -> Result<Self, RigError> {
        let bytes = fs::read(sample).map_err(io(sample.display().to_string()))?;
        let mut starts = vec![behind_id3(&bytes)];
        while let Some(length) = frame(&bytes[starts[starts.len() - 1]..]) {
            starts.push(starts[starts.len() - 1] + length);
        }
        if starts.len() <= 2 * ENDS as usize {
            let error = std::io::Error::from(std::io::ErrorKind::InvalidData);
            return Err(io(sample.display().to_string())(error));
        }
        Ok(Self { bytes, starts, copies })
    }

    fn of(&self, number: u32) -> Vec<u8> {
        let (front, back) = ((number % ENDS) as usize, (number / ENDS % ENDS) as usize);
        self.bytes[self.starts[front]..self.starts[self.starts.len() - 1 - back]]
            .repeat(usize::from(self.copies))
    }

    /// Bytes of the longest file.
    pub(super) fn longest(&self) -> usize {
        self.of(0).len()
    }

    /// Writes so many files below `root`.
    pub(super) fn write(&self, root: &Path, count: u32) -> Result<(), RigError> {
        (0..count).try_for_each(|number| put(&original(root, number), &self.of(number)))
    }

    /// Moves all of them to other folders under other names, with other tags.
    pub(super) fn retag(&self, root: &Path, count: u32) -> Result<(), RigError> {
        for number in 0..count {
            let path = root.join(format!("sorted/{:02}/{:03}/take {number}.aac", number % 23, number % 997));
            let title = format!("\u{3}Take {number}");
            put(&path, &[id3(title.as_bytes()), self.of(number)].concat())?;
            let old = original(root, number);
            fs::remove_file(&old).map_err(io(old.display().to_string()))?;
        }
        Ok(())
    }
}

fn original(root: &Path, number: u32) -> PathBuf {
    root.join(format!("inbox/{:04}/{number:05}.aac", number / ALBUM))
}

/// Writes a file that has not been touched for a while.
fn put(path: &Path, bytes: &[u8]) -> Result<(), RigError> {
    let write = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, bytes)?;
        fs::File::options().append(true).open(path)?.set_modified(SystemTime::now() - AGE)
    };
    write().map_err(io(path.display().to_string()))
}

/// Paths by the album to one empty file; their names, relative to `root`.
pub(super) fn list(root: &Path, count: u32) -> Result<Vec<String>, RigError> {
    let first = root.join("first.mp3");
    put(&first, b"")?;
    let mut original = first.clone();
    let mut names = Vec::with_capacity(count as usize);
    for number in 0..count {
        let name = format!("{:03}/{:05}/{number:07}.mp3", number / ALBUM / 100, number / ALBUM);
        let path = root.join(&name);
        let link = |original: &Path| -> std::io::Result<()> {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::hard_link(original, &path)
        };
        match link(&original) {
            // A file system allows a file so many links.
            Err(error) if error.kind() == std::io::ErrorKind::TooManyLinks => {
                put(&path, b"")?;
                original.clone_from(&path);
            }
            linked => linked.map_err(io(path.display().to_string()))?,
        }
        names.push(name);
    }
    fs::remove_file(&first).map_err(io(first.display().to_string()))?;
    Ok(names)
}

/// The length of the ADTS frame that begins here (ISO/IEC 13818-7, 6.2): 13 bits behind the fixed header.
fn frame(bytes: &[u8]) -> Option<usize> {
    let header: &[u8; 7] = bytes.first_chunk()?;
    let length = usize::from(header[3] & 3) << 11 | usize::from(header[4]) << 3 | usize::from(header[5] >> 5);
    let begins = header[0] == 0xff && header[1] & 0xf6 == 0xf0;
    (begins && length > header.len() && length <= bytes.len()).then_some(length)
}

/// Where the sound begins: behind a tag, if there is one.
fn behind_id3(bytes: &[u8]) -> usize {
    match bytes.first_chunk::<10>() {
        Some(head) if head.starts_with(b"ID3") => {
            let digits = head[6..].iter().map(|digit| usize::from(*digit));
            head.len() + digits.fold(0, |size, digit| size << 7 | digit)
        }
        _ => 0,
    }
}

/// An ID3v2.4 tag with a title.
fn id3(title: &[u8]) -> Vec<u8> {
    let size = |length: usize| {
        [
            (length >> 21) as u8 & 127,
            (length >> 14) as u8 & 127,
            (length >> 7) as u8 & 127,
            length as u8 & 127,
        ]
    };
    let text = [b"TIT2".as_slice(), &size(title.len()), &[0, 0], title].concat();
    [b"ID3\x04\0\0".as_slice(), &size(text.len()), &text].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::rig::Repository;

    #[test]
    fn every_number_is_another_sound_of_whole_frames() {
        let sounds = Sounds::read(&Repository::find().unwrap().samples.join("reggae.aac"), 1).unwrap();
        let all: HashSet<Vec<u8>> = (0..10_000).map(|number| sounds.of(number)).collect();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(|sound| frame(sound).is_some()));
        assert_eq!(
            *sounds.starts.last().unwrap(),
            sounds.bytes.len(),
            "behind its tag the sample is frames alone"
        );
    }
}
