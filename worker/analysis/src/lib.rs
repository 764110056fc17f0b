//! Audio in, report out.
//!
//! [`analyze`] reads a file once, decodes it once, and hands each block of samples to every stage that was asked for;
//! [`identify`] reads it without decoding. Memory does not grow with the length of the file.
//!
//! This crate knows no job, no queue, no network, no environment and no calendar. It opens no file, writes nothing, starts
//! no thread, and its answers depend on the bytes of the file and the options alone; only the timings in a report differ.

mod features;
mod identity;
mod options;
mod verdict;

pub use features::{Features, UnknownFeature};
pub use identity::{Identity, InvalidIdentity};
pub use options::{Input, Limits, Options, Progress};
pub use verdict::{Analysis, Error, Identified, NotApplicable, Verdict};

/// Version of the analyser and of its decoder. Reports of different versions may differ, so it belongs in a cache key.
pub const VERSION: &str = concat!("1.0+symphonia-", "0.6.1");

/// Finds out who the audio is, and reads its tags, without decoding.
///
/// # Errors
/// As [`analyze`], except for what only decoding reveals.
pub fn identify(
    input: Input,
    options: &Options,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Identified, Error> {
    let _ = (input, options, on_progress);
    Err(Error::Unsupported { detail: "this revision has the interface alone".to_owned() })
}

/// Analyses the audio in one pass. `on_progress` is called several times a second of work.
///
/// # Errors
/// [`Error::Unsupported`] for a container or codec that this build does not read, [`Error::Corrupt`] for a file without
/// enough usable audio, [`Error::TooLarge`] beyond the limits, [`Error::Io`] if reading fails.
pub fn analyze(
    input: Input,
    options: &Options,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Analysis, Error> {
    let _ = (input, options, on_progress);
    Err(Error::Unsupported { detail: "this revision has the interface alone".to_owned() })
}
