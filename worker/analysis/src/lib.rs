//! Audio in, report out.
//!
//! [`analyze`] reads a file once, decodes it once, and hands each block of samples to every stage that was asked for;
//! [`identify`] reads it without decoding. Memory does not grow with the length of the file.
//!
//! This crate knows no job, no queue, no network, no environment and no calendar. It opens no file, writes nothing, starts
//! no thread, and its answers depend on the bytes of the file and the options alone; only the timings in a report differ.

mod beats;
mod chroma;
mod decimate;
mod decode;
mod descriptors;
mod engine;
mod features;
mod fingerprint;
#[cfg(feature = "fitting")]
pub mod fitting;
mod frames;
mod guard;
mod identity;
mod key;
mod listener;
mod loudness;
mod onset;
mod open;
mod options;
mod quality;
mod refresh;
mod rhythm;
#[cfg(test)]
mod signals;
mod silence;
mod similarity;
mod source;
mod speakers;
mod spectrum;
mod stage;
mod structure;
mod tags;
mod tempo;
mod timbre;
mod traces;
mod verdict;
mod waveform;

pub use features::{Features, UnknownFeature};
pub use identity::{Identity, InvalidIdentity};
pub use options::{Input, Limits, Options, Progress};
pub use refresh::{Staleness, merge, revision, staleness};
pub use verdict::{Analysis, Error, Identified, NotApplicable, Verdict};

pub(crate) use features::Feature;

/// The decoders and their versions, which `Cargo.lock` must agree with (a test does).
const DECODER: &str = "symphonia-0.6.1+opus-pure-0.2.2+lewton-0.10.2";

/// Version of what all parts of a report are made from, and of the decoders: how files are opened, what is decoded, how far
/// an analysis got, what it is a report of. The number is raised with any of these, the decoders included, and makes every
/// part of every older report stale. A part that alone has changed raises its own version.
pub const VERSION: &str = "5+symphonia-0.6.1+opus-pure-0.2.2+lewton-0.10.2";

/// Finds out who the audio is, and reads its tags, without decoding.
///
/// `on_progress` is called at once and then about four times a second; a caller that hears nothing for long may take the
/// demuxer for stuck.
///
/// # Errors
/// As [`analyze`], except for what only decoding reveals.
pub fn identify(
    input: Input,
    options: &Options,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Identified, Error> {
    engine::identify(input, options, on_progress)
}

/// Analyses the audio in one pass. `on_progress` as for [`identify`].
///
/// # Errors
/// [`Error::Unsupported`] for a container or codec that this build does not read, [`Error::Corrupt`] for a file of which less
/// than a tenth is usable, [`Error::TooLarge`] beyond the limits, [`Error::Io`] if reading fails.
pub fn analyze(
    input: Input,
    options: &Options,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Analysis, Error> {
    engine::analyze(input, options, on_progress)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_names_the_decoders_that_are_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        for decoder in super::DECODER.split('+') {
            let (name, version) = decoder.rsplit_once('-').unwrap();
            assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"")), "{decoder}");
        }
        assert!(super::VERSION.ends_with(super::DECODER));
    }
}
