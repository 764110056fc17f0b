//! A fleet in words.

use super::costs::Costs;
use super::model::Fleet;
use super::presets::{PRESETS, SONG_SECONDS};
use crate::report::words;

/// One line.
pub(super) fn summary(fleet: &Fleet) -> String {
    let Fleet { workers, lanes_per_worker, busy_processors, .. } = fleet;
    let plural = if *workers == 1 { "" } else { "s" };
    format!(
        "{workers} worker{plural} of {lanes_per_worker} lanes, {} of {} processors busy",
        words::number(*busy_processors),
        fleet.lanes
    )
}

/// Everything about one fleet.
pub(super) fn fleet(fleet: &Fleet, costs: &Costs) -> String {
    let number = words::number;
    let share = |of_one: f64| format!("{} % of a processor", number(of_one * 100.0));
    let rows = [
        (
            "load",
            format!(
                "{} files/h of {} min, {}",
                number(fleet.files_per_hour),
                number(fleet.file_seconds / 60.0),
                costs.format
            ),
        ),
        ("a file on a lane", words::seconds(fleet.service)),
        ("workers", summary(fleet)),
        (
            "memory of a worker",
            format!("{} at work; MAX_MEMORY_MB={}", words::bytes(fleet.worker_rss), fleet.memory_mb),
        ),
        (
            "wait, simulated",
            format!(
                "median {}, 99th percentile {}",
                words::seconds(fleet.waits.0),
                words::seconds(fleet.waits.1)
            ),
        ),
        ("media", format!("{}/s read: {}", words::bytes(fleet.media_bytes_per_second), bound(fleet))),
        (
            "RabbitMQ",
            format!(
                "{}; {} MB of messages in a full queue",
                share(fleet.rabbitmq_share),
                number(f64::from(fleet.queue_max) * costs.message_bytes / 1e6)
            ),
        ),
        (
            "Redis",
            format!(
                "{}; {} of reports a day, kept for RESULT_TTL",
                share(fleet.redis_share),
                words::bytes(fleet.redis_bytes_per_day)
            ),
        ),
        ("first to end", first_to_end(fleet)),
        (
            "settings",
            format!(
                "ANALYSIS_MAX_WORKERS={} ANALYSIS_BATCH_SIZE={} QUEUE_MAX_SIZE={} CACHE_SIZE_MB={}",
                fleet.lanes_per_worker, fleet.batch, fleet.queue_max, fleet.cache_mb
            ),
        ),
    ];
    rows.map(|(name, value)| format!("{name:<20} {value}")).join("\n")
}

/// What of the servers would be full first, and at which load.
fn first_to_end(fleet: &Fleet) -> String {
    let (name, share) = match fleet.rabbitmq_share > fleet.redis_share {
        true => ("RabbitMQ", fleet.rabbitmq_share),
        false => ("Redis", fleet.redis_share),
    };
    format!("{name}, with one processor to itself at {} files/h", words::number(fleet.files_per_hour / share))
}

fn bound(fleet: &Fleet) -> String {
    format!(
        "processors are what is short, unless the storage reads less ({} files/s)",
        words::number(fleet.files_per_hour / 3600.0)
    )
}

const HEADS: [&str; 9] = [
    "files/h",
    "processors",
    "workers",
    "`ANALYSIS_MAX_WORKERS`",
    "`MAX_MEMORY_MB`",
    "`ANALYSIS_BATCH_SIZE`",
    "media read",
    "wait, median / p99",
    "preset",
];

/// The usual sizes, as Markdown.
pub(super) fn table(costs: &Costs) -> String {
    let row = |(name, range, load): &(&str, &str, f64)| {
        let fleet = Fleet::of(costs, *load, SONG_SECONDS);
        let cells = [
            format!("{range} ({})", words::number(*load)),
            fleet.lanes.to_string(),
            fleet.workers.to_string(),
            fleet.lanes_per_worker.to_string(),
            fleet.memory_mb.to_string(),
            format!("{} (grows by itself)", fleet.batch),
            format!("{}/s", words::bytes(fleet.media_bytes_per_second)),
            format!("{} / {}", words::seconds(fleet.waits.0), words::seconds(fleet.waits.1)),
            format!("[`{name}.env`](../../deploy/presets/{name}.env)"),
        ];
        format!("| {} |", cells.join(" | "))
    };
    let heads = format!("| {} |\n|{}", HEADS.join(" | "), "--:|".repeat(HEADS.len()));
    std::iter::once(heads).chain(PRESETS.iter().map(row)).collect::<Vec<_>>().join("\n")
}
