//! What became of the files of a run, in numbers; the first of those that were left out by name.

use std::collections::BTreeMap;

use shared::broker::BrokerError;
use shared::job::FileRef;
use shared::record::printable;
use shared::scan::Summary;

use crate::publish::Fared;
use crate::screen::Screen;
use crate::text::count;

/// So many are named of each kind of trouble; a million lines would hide the first.
const NAMED: u64 = 50;

/// Extensions that are worth naming when nothing was found.
const NAMED_EXTENSIONS: usize = 5;

/// Counts of one run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Files found inside the roots.
    pub(super) files: u64,
    /// Jobs that the broker has confirmed.
    pub(super) accepted: u64,
    /// Bytes of their files.
    pub(super) bytes: u64,
    /// Files left out because the queue was full.
    pub(super) skipped: u64,
    /// Paths that cannot be enqueued: unreadable, or outside the roots.
    pub(super) problems: u64,
    /// Files left out because they are as they were when they last ended; `files` has them too.
    pub(super) unchanged: u64,
    /// Jobs that were sent and never confirmed; they may be in the queue.
    pub(super) unconfirmed: u64,
    /// Hidden folders and files of audio, in folders.
    pub(super) hidden: u64,
    /// Links in folders, not followed (`--no-follow`).
    pub(super) links: u64,
    /// Links in folders that lead to what was found anyway.
    pub(super) repeated_links: u64,
    /// Files in folders without an extension of audio.
    pub(super) ignored: BTreeMap<String, u64>,
    /// Whether somebody else has cancelled the batch meanwhile.
    pub(super) cancelled: bool,
    /// Why the broker takes no more.
    pub(super) broken: Option<BrokerError>,
}

impl Tally {
    pub(super) fn problem(&mut self, text: &str, screen: &Screen) {
        self.problems += 1;
        name(self.problems, &printable(text), screen);
    }

    pub(super) fn unchanged(&mut self, files: u64) {
        self.files += files;
        self.unchanged += files;
    }

    pub(super) fn over(&mut self, summary: &Summary) {
        self.hidden += summary.hidden;
        self.links += summary.links;
        self.repeated_links += summary.repeated_links;
        for (extension, count) in &summary.ignored_by_extension {
            *self.ignored.entry(extension.clone()).or_default() += count;
        }
    }

    pub(super) fn fared(&mut self, fared: Fared, file: &FileRef, bytes: u64, screen: &Screen) {
        match fared {
            Fared::Accepted => {
                self.accepted += 1;
                self.bytes += bytes;
            }
            Fared::Refused => self.skip(file, screen),
            Fared::GivenUp => {}
            Fared::Failed(error) => {
                self.unconfirmed += 1;
                self.broken.get_or_insert(error);
            }
        }
    }

    /// The first is named; of a queue that is full the others have nothing new to say.
    fn skip(&mut self, file: &FileRef, screen: &Screen) {
        self.skipped += 1;
        if self.skipped == 1 {
            let file = printable(&file.to_string());
            screen.line(&format!(
                "{file}: not enqueued, the queue is full; further ones are counted, not named"
            ));
        }
    }

    pub(super) fn ignored(&self) -> u64 {
        self.ignored.values().sum()
    }

    /// `no audio files under X; 14 other files ignored: 12 .jpg, 2 .txt …`: why there was nothing to do.
    pub(super) fn why_nothing(&self, places: &str) -> String {
        let why = match self.unchanged {
            0 => format!("no audio files under {places}"),
            files => format!("{} under {places}, unchanged since the last run", count(files, "audio file")),
        };
        let mut parts = vec![format!("nothing to enqueue: {why}")];
        parts.extend(self.left_out());
        if self.problems > 0 {
            parts.push(format!("{} could not be used, see above", count(self.problems, "path")));
        }
        parts.join("; ")
    }

    /// What the walk passed over, in words.
    pub(super) fn left_out(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if self.ignored() > 0 {
            let others = count(self.ignored(), "other file");
            parts.push(format!("{others} ignored: {} (--all-files takes them too)", self.extensions()));
        }
        if self.hidden > 0 {
            parts.push(format!(
                "hidden files and folders left out (their names begin with a dot): {}",
                self.hidden
            ));
        }
        if self.links > 0 {
            let links = count(self.links, "link");
            parts.push(format!("{links} not followed (--no-follow)"));
        }
        if self.repeated_links > 0 {
            parts.push(format!(
                "{} to what was found anyway, or back to a folder around it",
                count(self.repeated_links, "link")
            ));
        }
        parts
    }

    fn extensions(&self) -> String {
        let mut counts: Vec<(&String, &u64)> = self.ignored.iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let named = counts.iter().take(NAMED_EXTENSIONS).map(|(extension, count)| match extension.as_str() {
            "" => format!("{count} without extension"),
            "…" => format!("{count} of other kinds"),
            known => format!("{count} .{}", printable(known)),
        });
        let more = if counts.len() > NAMED_EXTENSIONS { ", …" } else { "" };
        named.collect::<Vec<_>>().join(", ") + more
    }
}

fn name(nth: u64, text: &str, screen: &Screen) {
    match nth {
        ..=NAMED => screen.line(text),
        n if n == NAMED + 1 => screen.line("further ones are counted, not named"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_run_is_explained() {
        let mut tally = Tally::default();
        assert_eq!(tally.why_nothing("/a"), "nothing to enqueue: no audio files under /a");
        let ignored =
            [("jpg", 12), ("", 1), ("txt", 2)].map(|(extension, count)| (extension.to_owned(), count));
        tally.over(&Summary { ignored_by_extension: ignored.into(), links: 1, ..Summary::default() });
        assert_eq!(
            tally.why_nothing("/a"),
            "nothing to enqueue: no audio files under /a; 15 other files ignored: 12 .jpg, 2 .txt, 1 without extension \
             (--all-files takes them too); 1 link not followed (--no-follow)"
        );
    }
}
