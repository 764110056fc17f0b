//! Stands in for `libav.rs` in a build without libav.

use super::{Foreign, Found, Opened};
use crate::Error;
use crate::decode::needs_libav;
use std::fs::File;
use std::sync::Arc;

/// Refuses.
pub(super) fn open(_: &Arc<File>, _: &Found, foreign: Foreign) -> Result<Opened, Error> {
    Err(Error::Unsupported { detail: needs_libav(foreign.label) })
}
