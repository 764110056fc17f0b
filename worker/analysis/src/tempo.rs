//! Tempo: which periods the novelty repeats with, and which of them is the beat.
//!
//! The periodicity is never the hard part, the metrical level is. So: a tempogram and a comb give the periods, their metrical
//! relatives are the candidates, each is tried by tracking its beats, and a small model weighs what is found.
//!
//! This room knows novelty and beats, no samples and no file.

pub(crate) mod candidates;
pub(crate) mod chords;
pub(crate) mod comb;
pub(crate) mod features;
pub(crate) mod local;
pub(crate) mod octave;
pub(crate) mod profile;
pub(crate) mod tempogram;
