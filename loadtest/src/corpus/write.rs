//! Writers for the uncompressed containers, so that their bytes depend on nothing but the seed.

mod aiff;
mod caf;
mod flac;
mod id3;
mod wav;

pub(crate) use aiff::{aifc, aiff};
pub(crate) use caf::caf;
pub(crate) use flac::flac;
pub(crate) use wav::wav;

/// What a file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tags {
    pub(crate) title: String,
    pub(crate) artist: String,
    pub(crate) album: String,
    pub(crate) genre: String,
}

/// A chunk of the IFF family: four letters, a size that `size` encodes, the body, and a pad byte after an odd one.
fn chunk(out: &mut Vec<u8>, id: &[u8; 4], body: &[u8], size: fn(u32) -> [u8; 4]) {
    out.extend_from_slice(id);
    out.extend_from_slice(&size(body.len() as u32));
    out.extend_from_slice(body);
    if body.len() % 2 == 1 {
        out.push(0);
    }
}

#[cfg(test)]
mod tests;
