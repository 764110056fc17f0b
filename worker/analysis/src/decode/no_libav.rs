//! Stands in for `libav.rs` in a build without libav.

use super::{aac_variant, choice};
use crate::Error;
use crate::source::Stream;
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::packet::Packet;

/// What libav must know of a stream: nothing, there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Native {}

/// A decoder that cannot be had.
pub(super) enum Libav {}

impl Libav {
    /// Says what is missing.
    pub(super) fn new(stream: &Stream, codec: &str) -> Result<Self, Error> {
        let what = if codec == "aac" { aac_variant(stream) } else { format!("codec {codec}") };
        let detail = choice::needs_libav(&format!("{what} in {}", stream.kind.name()));
        Err(Error::Unsupported { detail })
    }

    pub(super) fn decode(&mut self, _: &Packet) -> Result<(), DecodeError> {
        match *self {}
    }

    pub(super) fn drain(&mut self) -> Result<(), DecodeError> {
        match *self {}
    }

    pub(super) fn decoded(&self) -> GenericAudioBufferRef<'_> {
        match *self {}
    }

    pub(super) fn bits(&self) -> Option<u16> {
        match *self {}
    }

    pub(super) fn profile(&self) -> Option<&'static str> {
        match *self {}
    }
}

/// Name and version of libav; empty without it.
pub(crate) fn version() -> String {
    String::new()
}
