//! Whole analyses of files that are built here, byte by byte.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod build;
mod descriptors;
mod formats;
mod hostile;
mod identity;
mod music;
mod outcomes;
mod similarity;
mod structure;
mod tags;
