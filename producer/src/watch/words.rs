//! A batch in words: one line while it runs, a few when it is over.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use shared::outcome::{FailureKind, NotApplicable, Outcome};
use shared::record::{Record, printable};
use shared::store::{BatchState, WaitingRetries};

use super::pace::Speed;
use crate::text;
use crate::verdict::QUIET_FOR;

/// `120/500 · 9s left · failed 3: corrupt 2, timeout 1 · 41.7 files/s (150120/h) · 312 × real time`, what a narrow terminal
/// may cut off at the end.
pub(super) fn progress(state: &BatchState, speed: Option<Speed>, waiting: &WaitingRetries) -> String {
    let (done, accepted) = (state.done(), state.accepted);
    let mut parts = vec![match (state.counted, state.sealed) {
        (true, true) => format!("{done}/{accepted}"),
        (true, false) => format!("{done}/{accepted}+ (still being enqueued)"),
        (false, _) => format!("{done} done (nobody has counted the jobs of this batch)"),
    }];
    if let Some(speed) = speed.filter(|speed| state.sealed && speed.files_per_second > 0.0) {
        let left = accepted.saturating_sub(done) as f64 / speed.files_per_second;
        let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
        parts.push(format!("{} left", text::duration(left)));
    }
    if waiting.jobs > 0 {
        parts.push(format!("{} for a retry", waits(waiting)));
    }
    if state.failed() > 0 {
        parts.push(failed(state));
    }
    if state.unwanted() > 0 {
        parts.push(format!("cancelled {}", state.unwanted()));
    }
    if let Some(Speed { files_per_second, times_real_time }) = speed {
        let (second, hour) = (text::rate(files_per_second), text::rate(files_per_second * 3600.0));
        parts.push(format!("{second} files/s ({hour}/h)"));
        if times_real_time > 0.0 {
            parts.push(format!("{} × real time", text::rate(times_real_time)));
        }
    }
    parts.join(" · ")
}

/// `30 wait`, of those that were counted.
fn waits(waiting: &WaitingRetries) -> String {
    let least = if waiting.is_all { "" } else { "at least " };
    format!("{least}{} {}", waiting.jobs, if waiting.jobs == 1 { "waits" } else { "wait" })
}

/// Why jobs wait for a retry, a line for each kind of failure.
pub(super) fn retry_causes(waiting: &WaitingRetries) -> Vec<String> {
    let line = |(kind, cause): (&String, &String)| {
        let cause = if cause.is_empty() { String::new() } else { format!(" ({})", printable(cause)) };
        format!("jobs wait for a retry: {}{cause}", printable(kind))
    };
    waiting.causes.iter().map(line).collect()
}

/// The end of a batch. `timed`: the caller has seen it end, so the clock of this machine says how long it took.
pub(super) fn summary(state: &BatchState, timed: bool) -> Vec<String> {
    let label =
        if state.label.is_empty() { String::new() } else { format!(" ({})", printable(&state.label)) };
    let took = timed.then(|| since(state.created_ms)).flatten();
    let took = took.map(|time| format!(" in {}", text::duration(time))).unwrap_or_default();
    let files = text::count(state.done(), "file");
    vec![
        format!("batch {}{label} is complete: {files}{took}", state.batch_id),
        format!("  {}", outcomes(state)),
        format!(
            "  {} of audio, {}, {} known already",
            text::duration(Duration::from_millis(state.audio_ms)),
            text::bytes(state.bytes),
            state.cached
        ),
    ]
}

/// What a batch that its producer has not closed may mean, and what helps.
pub(super) fn orphaned(state: &BatchState) -> String {
    format!(
        "all that was accepted is done, but the batch is still open: its producer is scanning, waits for room, or was killed \
         (then close it: producer cancel {})",
        state.batch_id
    )
}

/// What is said of a batch that will not come to its end by itself: nothing waits, and nobody holds or makes jobs of it.
pub(super) fn never_ends(state: &BatchState) -> Vec<String> {
    let (batch, quiet) = (state.batch_id, text::duration(QUIET_FOR));
    let nothing = format!("nothing waits in the queues, and no worker has held a job of it for {quiet}");
    let mut lines = Vec::new();
    if !state.counted {
        lines.push(format!(
            "batch {batch}: {} done. Nobody has counted its jobs: another program has published them, or Redis has lost the \
             count. As {nothing}, this is taken for its end",
            text::count(state.done(), "file")
        ));
        lines.push(format!("  {}", outcomes(state)));
        return lines;
    }
    let missing = state.missing();
    if missing > 0 {
        lines.push(format!(
            "batch {batch}: {} of {} will not come to an end by itself: {nothing}",
            text::count(missing, "job"),
            state.accepted
        ));
        if state.data_lost {
            lines.push(
                "  Redis has lost data of this batch while it was enqueued (FLUSHALL, or a restart without persistence): \
                 these jobs may have had their ends before"
                    .to_owned(),
            );
        } else {
            lines.push(
                "  their messages are lost: a queue was purged, or RabbitMQ has lost its data".to_owned(),
            );
        }
        lines.push(format!(
            "  to publish them again: producer retry {batch}; to close the batch without them: producer cancel {batch} --now"
        ));
    }
    if state.retrying > 0 {
        lines.push(abandoned(state));
    }
    if !state.sealed {
        lines.push(format!(
            "batch {batch} is still open, and nothing was heard of its producer for {quiet}: it was killed. To close the \
             batch: producer cancel {batch}"
        ));
    }
    lines.push(format!("  {}", outcomes(state)));
    lines
}

/// The same of a retry that has not come to its end.
pub(super) fn abandoned(state: &BatchState) -> String {
    format!(
        "{} taken back by a `producer retry` that waits for room or was killed (then go on: producer retry {})",
        text::count(state.retrying, "job"),
        state.batch_id
    )
}

/// One failed file.
pub(super) fn failure(record: &Record) -> String {
    let reason = record.reason().unwrap_or_else(|| record.outcome.to_string());
    format!("  {}  {}", printable(&record.path), printable(&reason))
}

fn outcomes(state: &BatchState) -> String {
    let number = |outcome| state.outcomes.get(&outcome).copied().unwrap_or(0);
    let mut parts = vec![format!("ok {}", number(Outcome::Ok))];
    if number(Outcome::Partial) > 0 {
        parts.push(format!("partial {}", number(Outcome::Partial)));
    }
    if number(Outcome::NotApplicable) > 0 {
        let reasons = kinds(state, |code| NotApplicable::from_code(code).is_some());
        parts.push(format!("not applicable {}: {reasons}", number(Outcome::NotApplicable)));
    }
    if state.failed() > 0 {
        parts.push(failed(state));
    }
    if state.unwanted() > 0 {
        parts.push(format!("cancelled {}", state.unwanted()));
    }
    parts.join(" · ")
}

fn failed(state: &BatchState) -> String {
    format!("failed {}: {}", state.failed(), kinds(state, |code| FailureKind::from_code(code).is_some()))
}

/// The most frequent first.
fn kinds(state: &BatchState, wanted: impl Fn(&str) -> bool) -> String {
    let mut kinds: Vec<_> = state.kinds.iter().filter(|(code, _)| wanted(code)).collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    kinds.iter().map(|(code, count)| format!("{code} {count}")).collect::<Vec<_>>().join(", ")
}

fn since(created_ms: i64) -> Option<Duration> {
    let created = UNIX_EPOCH + Duration::from_millis(u64::try_from(created_ms).ok()?);
    SystemTime::now().duration_since(created).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> BatchState {
        BatchState {
            batch_id: "01890a5d-ac96-774b-bcce-b302099a8001".parse().unwrap(),
            label: "new\nalbums".into(),
            created_ms: 0,
            accepted: 500,
            sealed: true,
            outcomes: [(Outcome::Ok, 116), (Outcome::NotApplicable, 1), (Outcome::Failed, 3)].into(),
            kinds: [("corrupt", 1), ("timeout", 2), ("silence", 1)]
                .map(|(kind, n)| (kind.to_owned(), n))
                .into(),
            cached: 7,
            audio_ms: 7_300_000,
            bytes: 2_500_000,
            counted: true,
            cancelled: false,
            retrying: 0,
            data_lost: false,
            last_sign_ms: None,
        }
    }

    #[test]
    fn a_running_batch_is_one_line() {
        let none = WaitingRetries::default();
        let speed = Speed { files_per_second: 2.5, times_real_time: 312.4 };
        assert_eq!(
            progress(&state(), Some(speed), &none),
            "120/500 · 2m32s left · failed 3: timeout 2, corrupt 1 · 2.50 files/s (9000/h) · 312 × real time"
        );
        let open = BatchState { sealed: false, outcomes: [].into(), ..state() };
        assert_eq!(progress(&open, None, &none), "0/500+ (still being enqueued)");
        let still = Speed { files_per_second: 0.0, times_real_time: 0.0 };
        assert_eq!(
            progress(&state(), Some(still), &none),
            "120/500 · failed 3: timeout 2, corrupt 1 · 0.00 files/s (0.00/h)"
        );
        let causes = [("root_unavailable".to_owned(), "no media root 'other'\n".to_owned())].into();
        let waiting = WaitingRetries { jobs: 30, is_all: true, causes };
        assert_eq!(progress(&open, None, &waiting), "0/500+ (still being enqueued) · 30 wait for a retry");
        let cause = "jobs wait for a retry: root_unavailable (no media root 'other'\\n)";
        assert_eq!(retry_causes(&waiting), [cause]);
    }

    #[test]
    fn a_batch_that_never_ends_is_explained_with_what_helps() {
        let lost = never_ends(&state()).join("\n");
        for text in
            ["380 jobs of 500 will not", "a queue was purged", "producer retry 01890a5d", "cancel 01890a5d"]
        {
            assert!(lost.contains(text), "{lost}");
        }
        let lost = never_ends(&BatchState { data_lost: true, ..state() }).join("\n");
        assert!(lost.contains("FLUSHALL") && !lost.contains("purged"), "{lost}");
        let open = never_ends(&BatchState { sealed: false, accepted: 120, ..state() }).join("\n");
        assert!(open.contains("it was killed") && !open.contains("will not"), "{open}");
        let foreign = BatchState { counted: false, accepted: 0, ..state() };
        let words = never_ends(&foreign).join("\n");
        assert!(words.contains("120 files done. Nobody has counted"), "{words}");
        assert!(
            progress(&foreign, None, &WaitingRetries::default()).starts_with("120 done (nobody has counted"),
            "{words}"
        );
    }

    #[test]
    fn a_finished_batch_is_summed_up() {
        assert_eq!(
            summary(&state(), false),
            [
                "batch 01890a5d-ac96-774b-bcce-b302099a8001 (new\\nalbums) is complete: 120 files",
                "  ok 116 · not applicable 1: silence 1 · failed 3: timeout 2, corrupt 1",
                "  2h01m of audio, 2.5 MB, 7 known already",
            ]
        );
    }
}
