//! Settings for usual sizes, as files that `env` and Compose read.

use super::model::Fleet;
use super::text;

/// Name of the file, the range in words, and the load that it is reckoned for: the upper end of the range.
pub(super) const PRESETS: [(&str, &str, f64); 4] = [
    ("100-500", "100 to 500", 500.0),
    ("1000-5000", "1,000 to 5,000", 5_000.0),
    ("5000-10000", "5,000 to 10,000", 10_000.0),
    ("10000-plus", "10,000 and more", 50_000.0),
];

/// Seconds of a song that is neither short nor long.
pub(super) const SONG_SECONDS: f64 = 210.0;

/// The text of a preset.
#[cfg(test)]
pub(super) fn preset(costs: &super::costs::Costs, range: &str, load: f64) -> String {
    let fleet = Fleet::of(costs, load, SONG_SECONDS);
    format!(
        "# {range} files an hour, by `loadtest size` for {load:.0}. Written by UPDATE=1 cargo test -p loadtest size; edits are lost.\n{}\n",
        settings(&fleet)
    )
}

/// The settings of each worker, and how many there are to be.
pub(super) fn settings(fleet: &Fleet) -> String {
    let Fleet { lanes_per_worker, batch, memory_mb, cache_mb, queue_max, .. } = fleet;
    format!(
        "# {}.\n\
         ANALYSIS_MAX_WORKERS={lanes_per_worker}\n\
         ANALYSIS_BATCH_SIZE={batch}\n\
         MAX_MEMORY_MB={memory_mb}\n\
         CACHE_SIZE_MB={cache_mb}\n\
         QUEUE_MAX_SIZE={queue_max}",
        text::summary(fleet)
    )
}
