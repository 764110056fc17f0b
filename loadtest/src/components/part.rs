//! The parts that are measured, by name.

/// How deliveries are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acks {
    /// Each by itself.
    Single,
    /// Those of half a window by one word.
    Multiple,
}

/// One part of the road.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The ready heap of the worker.
    Queue,
    JobEncode,
    JobDecode,
    ReportEncode,
    ReportDecode,
    /// With so many confirms awaited at a time.
    Publish(usize),
    Consume(Acks),
    /// So many ends with their reports in one round trip.
    Finish(usize),
    /// So many ends without a report in one round trip.
    Progress(usize),
    /// Ends read back, as a watcher does.
    Events,
    /// So many look-ups at a time.
    ReportRead(usize),
    /// So many starts counted at a time.
    JobStart(usize),
}

impl Part {
    /// In the order in which they are reported.
    pub(super) fn all() -> Vec<Self> {
        let mut all =
            vec![Self::Queue, Self::JobEncode, Self::JobDecode, Self::ReportEncode, Self::ReportDecode];
        // What a shell script does, what the default is near, the default, and where more gains no more.
        all.extend([1, 64, 256, 1024].map(Self::Publish));
        all.extend([Acks::Single, Acks::Multiple].map(Self::Consume));
        all.extend([1, 10, 100].map(Self::Finish));
        all.extend([1, 10, 100].map(Self::Progress));
        all.push(Self::Events);
        all.extend([1, 16].map(Self::ReportRead));
        all.extend([1, 16].map(Self::JobStart));
        all
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Queue => "queue".to_owned(),
            Self::JobEncode => "job_encode".to_owned(),
            Self::JobDecode => "job_decode".to_owned(),
            Self::ReportEncode => "report_encode".to_owned(),
            Self::ReportDecode => "report_decode".to_owned(),
            Self::Publish(window) => format!("publish_window_{window}"),
            Self::Consume(Acks::Single) => "consume_ack_single".to_owned(),
            Self::Consume(Acks::Multiple) => "consume_ack_multiple".to_owned(),
            Self::Finish(size) => format!("finish_batch_{size}"),
            Self::Progress(size) => format!("progress_batch_{size}"),
            Self::Events => "events_read".to_owned(),
            Self::ReportRead(window) => format!("report_read_{window}"),
            Self::JobStart(window) => format!("job_start_{window}"),
        }
    }

    /// Whether it needs RabbitMQ or Redis.
    pub(super) fn is_local(&self) -> bool {
        matches!(
            self,
            Self::Queue | Self::JobEncode | Self::JobDecode | Self::ReportEncode | Self::ReportDecode
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<String> = Part::all().iter().map(Part::name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
