//! Verdicts as rows of a table: what is met in each of many phases is one row.

use crate::measure::Verdict;
use crate::requirements::was_measured;

/// A row, and how many verdicts it stands for.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) verdict: &'a Verdict,
    count: usize,
}

impl Row<'_> {
    /// Where it was measured.
    pub(super) fn phase(&self) -> String {
        match self.count {
            _ if !was_measured(self.verdict) => "–".to_owned(),
            1 => self.verdict.phase.clone(),
            count => format!("{} (worst of {count})", self.verdict.phase),
        }
    }
}

/// In their order. Those that are not met have a row each: each of them is somebody's to mend.
pub(super) fn rows(verdicts: &[Verdict]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for verdict in verdicts {
        let same = |row: &&mut Row<'_>| {
            let other = row.verdict;
            (&other.requirement, &other.set, other.met) == (&verdict.requirement, &verdict.set, true)
        };
        match rows.iter_mut().find(same).filter(|_| verdict.met) {
            Some(row) => {
                row.count += 1;
                if nearer(verdict, row.verdict) {
                    row.verdict = verdict;
                }
            }
            None => rows.push(Row { verdict, count: 1 }),
        }
    }
    rows
}

/// Whether the first is nearer to its bound.
fn nearer(verdict: &Verdict, other: &Verdict) -> bool {
    let room = |verdict: &Verdict| (verdict.measured - verdict.bound).abs();
    room(verdict) < room(other)
}
