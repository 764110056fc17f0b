//! What each slot of the pool is doing, and whether all of them together are out of order.

use super::LaneError;

/// A start that fails once may have met a passing shortage. After so many in a row (0.7 s with the supervisor's pauses)
/// whoever waits for a lane should rather go elsewhere.
const FAILED_STARTS: u32 = 3;

/// One place for a lane process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Slot {
    /// A process is being started.
    #[default]
    Starting,
    /// This process lives.
    Running(u32),
    /// This process was killed and does not end: it hangs in the kernel.
    Hanging(u32),
    /// So many starts in a row were in vain, the last one for this reason.
    Failing {
        /// How many.
        starts: u32,
        /// Why.
        reason: String,
    },
}

impl Slot {
    /// The process that there is.
    pub(super) const fn pid(&self) -> Option<u32> {
        match self {
            Self::Running(pid) | Self::Hanging(pid) => Some(*pid),
            Self::Starting | Self::Failing { .. } => None,
        }
    }

    /// What follows when a start has failed.
    pub(super) fn after_failed_start(&self, error: &LaneError) -> Self {
        let before = match self {
            Self::Failing { starts, .. } => *starts,
            _ => 0,
        };
        Self::Failing { starts: before.saturating_add(1), reason: error.to_string() }
    }

    const fn is_out_of_order(&self) -> bool {
        match self {
            Self::Starting | Self::Running(_) => false,
            Self::Hanging(_) => true,
            Self::Failing { starts, .. } => *starts >= FAILED_STARTS,
        }
    }
}

/// Why there is no lane and none will be for a while; `None` as long as one lives or is likely to.
pub(super) fn outage(slots: &[Slot]) -> Option<String> {
    if slots.is_empty() || !slots.iter().all(Slot::is_out_of_order) {
        return None;
    }
    let hanging = slots.iter().filter(|slot| matches!(slot, Slot::Hanging(_))).count();
    let reasons = slots.iter().find_map(|slot| match slot {
        Slot::Failing { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    let hang = (hanging > 0).then(|| {
        format!(
            "{hanging} of {} lanes were killed and do not end: they hang in the kernel, on a dead mount most likely",
            slots.len()
        )
    });
    Some([reasons, hang].into_iter().flatten().collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn failing(times: u32) -> Slot {
        let error = LaneError::Spawn(io::Error::other("no"));
        (0..times).fold(Slot::Starting, |slot, _| slot.after_failed_start(&error))
    }

    #[test]
    fn one_lane_that_lives_or_is_likely_to_is_enough() {
        let table = [
            (vec![], false),
            (vec![Slot::Starting], false),
            (vec![Slot::Running(1)], false),
            (vec![failing(2)], false),
            (vec![failing(3)], true),
            (vec![Slot::Hanging(1)], true),
            (vec![failing(9), Slot::Running(1)], false),
            (vec![failing(9), failing(1)], false),
            (vec![failing(9), Slot::Starting], false),
            (vec![failing(9), Slot::Hanging(1)], true),
        ];
        for (slots, out) in table {
            assert_eq!(outage(&slots).is_some(), out, "{slots:?}");
        }
        let reason = outage(&[failing(3), Slot::Hanging(7)]).unwrap();
        assert!(reason.starts_with("a lane cannot be started: no"), "{reason}");
        assert!(reason.contains("1 of 2 lanes were killed and do not end"), "{reason}");
    }
}
