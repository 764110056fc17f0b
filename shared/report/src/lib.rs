//! The schema of what an analysis leaves behind.
