//! `loadtest peers`: what others need for the same. The same files through Celery with librosa, through Essentia, bliss and
//! ffmpeg's loudness filter; the same number of jobs that do nothing through Celery and through our fleet; all in one run, in turns.
//!
//! Each [`peer`] lives in an environment of its own that [`envs`] makes once, from pinned versions; one that cannot be installed here
//! is left out by name and with the reason. [`files`] measures analysis, [`noop`] the road without it.

mod arguments;
mod celery;
mod envs;
mod files;
mod fleet;
mod noop;
mod peer;
mod python;
mod run;
mod text;

pub(crate) use arguments::Peers;
pub(crate) use run::run;
