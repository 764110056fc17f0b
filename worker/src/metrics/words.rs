//! What is logged of a file beside its being counted: each failure once, and retries sparingly.

use std::time::{Duration, Instant};

use shared::outcome::{End, FailureKind};

use super::Stage;
use crate::sparing::Sparing;
use crate::task::Ended;

/// A root that goes away sends every job that waits here to the retries within a second, each for the same reason.
static RETRIES: Sparing = Sparing::new(10, Duration::from_secs(10));

/// The one place where a failure is logged.
pub(super) fn failed(ended: &Ended, kind: FailureKind) {
    let record = &ended.record;
    tracing::warn!(
        file = record.path,
        job_id = record.job_id.map(display),
        batch_id = record.batch_id.map(display),
        trace_id = ended.trace_id().map(display),
        stage = ended.stage.map(Stage::label),
        kind = kind.code(),
        attempts = record.attempts,
        detail = record.detail,
        "file failed"
    );
}

/// A failure that may pass.
pub(super) fn retried(ended: &Ended) {
    let Some(left_out) = RETRIES.admit(Instant::now()) else { return };
    let record = &ended.record;
    let kind = match record.end() {
        End::Failed(kind) => Some(kind.code()),
        _ => None,
    };
    tracing::warn!(
        file = record.path,
        job_id = record.job_id.map(display),
        batch_id = record.batch_id.map(display),
        trace_id = ended.trace_id().map(display),
        stage = ended.stage.map(Stage::label),
        kind,
        attempts = record.attempts,
        detail = record.detail,
        left_out = Some(left_out).filter(|count| *count > 0),
        "file is tried again later"
    );
}
