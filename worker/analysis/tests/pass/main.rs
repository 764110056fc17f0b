//! Whole analyses of files that are built here, byte by byte.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod build;
mod containers;
mod descriptors;
mod ffmpeg;
mod formats;
mod hostile;
mod identity;
mod matroska;
mod music;
mod outcomes;
mod similarity;
mod structure;
mod table;
mod tags;
mod wide_flac;
#[cfg(not(feature = "libav"))]
mod without_libav;
