//! Audio in, report out.
