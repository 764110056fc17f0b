//! What the listeners leave behind for those who look at the piece as a whole: histories of bounded size.

use crate::chroma::Harmony;
use crate::onset::Novelty;
use crate::timbre::Texture;

/// A history of each listener that was there.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    /// What began when.
    pub(crate) novelty: Option<Novelty>,
    /// What was played.
    pub(crate) harmony: Option<Harmony>,
    /// How it sounded.
    pub(crate) texture: Option<Texture>,
}
