//! A rehearsal: a lane that opens nothing and takes a fixed time over every file, so that a load test measures the fleet and
//! not the analysis. What it answers can be told from a report by its profile alone (`lane_settings::profile`).

use std::time::{Duration, SystemTime};

use analysis::Verdict;
use shared::outcome::FailureKind;

use super::{Analysed, Cached, LaneFailure, Target};

/// Takes its time, and ends as a healthy file with an empty report. Every path has an identity of its own: as many reports
/// are stored as by a real run over as many pieces.
pub(super) fn rehearse(target: &Target, time: Duration) -> Result<Analysed, LaneFailure> {
    std::thread::sleep(time);
    let hash = blake3::hash(target.path.as_bytes()).to_hex();
    let identity = hash.get(..IDENTITY_DIGITS).unwrap_or_default().parse().map_err(|error| LaneFailure {
        kind: FailureKind::Internal,
        detail: format!("the identity of a rehearsed file: {error}"),
    })?;
    Ok(Analysed {
        verdict: Verdict::Complete,
        identity,
        report: Box::default(),
        bytes: 0,
        modified: SystemTime::UNIX_EPOCH,
        elapsed: time,
        cached: Cached::Something,
    })
}

/// Of an identity in hexadecimal.
const IDENTITY_DIGITS: usize = 32;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use shared::job::RelPath;
    use shared::report::Report;

    use super::*;

    fn target(path: &str) -> Target {
        Target { root: "/nowhere".into(), path: RelPath::new(path).unwrap() }
    }

    #[test]
    fn it_takes_its_time_and_needs_no_file() {
        let begun = Instant::now();
        let analysed = rehearse(&target("a.flac"), Duration::from_millis(20)).unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(20));
        assert_eq!((analysed.verdict, *analysed.report), (Verdict::Complete, Report::default()));
    }

    #[test]
    fn every_path_is_a_piece_of_its_own() {
        let identity = |path| rehearse(&target(path), Duration::ZERO).unwrap().identity;
        assert_eq!(identity("a.flac"), identity("a.flac"));
        assert_ne!(identity("a.flac"), identity("b.flac"));
    }
}
