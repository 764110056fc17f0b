//! Whole analyses of files that are built here, byte by byte.

mod build;
mod formats;
mod hostile;
mod identity;
mod outcomes;
