//! FFmpeg's libraries behind a safe interface: `Demuxer` reads packets, `Decoder` turns them into samples.
//!
//! What keeps the libraries in bounds:
//!
//! - They open nothing. Bytes come from an `Input` that the caller opened, the list of allowed protocols is empty, and the
//!   function by which a demuxer opens further files always refuses.
//! - A demuxer is named by the caller, never guessed, and may be one of [`DEMUXERS`]; a decoder must be one of [`DECODERS`].
//!   The hundreds of others that a distribution's build brings are never entered.
//! - They start no thread.
//! - They log nothing, and allocate no more than `MAX_ALLOCATION` bytes at once.
//!
//! This crate knows no other decoder, no report and no job. Without the feature `linked` it is empty.

#[cfg(feature = "linked")]
mod decoder;
#[cfg(feature = "linked")]
mod demuxer;
#[cfg(feature = "linked")]
mod error;
#[cfg(feature = "linked")]
mod input;
#[cfg(feature = "linked")]
mod packet;
#[cfg(feature = "linked")]
mod parameters;
#[cfg(feature = "linked")]
mod samples;
#[cfg(feature = "linked")]
mod setup;

#[cfg(feature = "linked")]
pub use {
    decoder::Decoder,
    demuxer::{Demuxer, StreamInfo},
    error::Error,
    input::Input,
    packet::Packet,
    parameters::Parameters,
    samples::{Layout, Samples},
    setup::{MAX_ALLOCATION, version},
};

/// The demuxers that may be used, by the short names that FFmpeg gives them.
pub const DEMUXERS: [&str; 19] = [
    "ac3", "amr", "ape", "asf", "dsf", "dts", "dtshd", "eac3", "iff", "mlp", "mpc", "mpc8", "oma", "rm",
    "tak", "truehd", "tta", "wav", "wv",
];

/// The decoders that may be used, by FFmpeg's names.
pub const DECODERS: [&str; 34] = [
    "aac",
    "ac3",
    "amrnb",
    "amrwb",
    "ape",
    "atrac1",
    "atrac3",
    "atrac3al",
    "atrac3plus",
    "atrac3plusal",
    "cook",
    "dca",
    "dsd_lsbf",
    "dsd_lsbf_planar",
    "dsd_msbf",
    "dsd_msbf_planar",
    "dst",
    "eac3",
    "mlp",
    "mpc7",
    "mpc8",
    "ralf",
    "real_144",
    "real_288",
    "sipr",
    "tak",
    "truehd",
    "tta",
    "wavpack",
    "wmalossless",
    "wmapro",
    "wmav1",
    "wmav2",
    "wmavoice",
];
