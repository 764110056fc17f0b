//! The judgement: what both producers read of every batch. A pure function of what they printed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::fleet::Version;
use crate::chaos::Accepted;

/// Findings that are spelt out; the rest is counted.
const SPELT_OUT: usize = 20;

/// One batch, as each of the producers printed it.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) label: String,
    pub(super) by: Version,
    pub(super) accepted: u64,
    pub(super) read_by_old: Vec<Value>,
    pub(super) read_by_new: Vec<Value>,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Verdict {
    pub(super) batches: u64,
    pub(super) accepted: u64,
    pub(super) ended: u64,
    /// Accepted, and without an end.
    pub(super) lost: u64,
    /// Ends beyond one for a job.
    pub(super) doubled: u64,
    /// Reports that both versions read alike.
    pub(super) reports: u64,
    /// Records or reports that the two versions do not read alike.
    pub(super) misread: u64,
    /// Reports that an older analyser made after a newer one had.
    pub(super) overwritten: u64,
    /// Ends that are not what the file is for.
    pub(super) unexplained: u64,
    /// Ends by producer and worker, such as `old producer, new worker`.
    pub(super) ends: BTreeMap<String, u64>,
    /// Versions of the analyser that made the reports, with their number.
    pub(super) analysers: BTreeMap<String, u64>,
    pub(super) findings: Vec<String>,
}

impl Verdict {
    pub(super) fn passes(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn find(&mut self, what: String) {
        if self.findings.len() < SPELT_OUT {
            self.findings.push(what);
        }
    }
}

/// Judges. `files` has what each may end as, `newest` the version of the analyser of the newer worker.
pub(super) fn audit(batches: &[Batch], files: &BTreeMap<String, Vec<Accepted>>, newest: &str) -> Verdict {
    let mut verdict = Verdict::default();
    for batch in batches {
        verdict.batches += 1;
        verdict.accepted += batch.accepted;
        ends(&mut verdict, batch);
        for record in &batch.read_by_new {
            of_its_file(&mut verdict, batch, record, files);
            report(&mut verdict, batch, record, newest);
        }
        alike(&mut verdict, batch);
    }
    verdict
}

/// Each accepted job has one end.
fn ends(verdict: &mut Verdict, batch: &Batch) {
    let mut jobs: BTreeMap<&str, u64> = BTreeMap::new();
    for record in &batch.read_by_new {
        *jobs.entry(text(record, "job_id")).or_default() += 1;
    }
    let (ended, label) = (jobs.len() as u64, &batch.label);
    verdict.ended += ended;
    if ended < batch.accepted {
        verdict.lost += batch.accepted - ended;
        verdict.find(format!("{label}: {} of {} jobs have no end", batch.accepted - ended, batch.accepted));
    }
    if ended > batch.accepted {
        verdict.doubled += ended - batch.accepted;
        verdict.find(format!("{label}: {ended} jobs of {} have an end", batch.accepted));
    }
    for (job, count) in jobs.into_iter().filter(|(_, count)| *count > 1) {
        verdict.doubled += count - 1;
        verdict.find(format!("{label}: job {job} has {count} ends"));
    }
}

/// The end is one that the file may have by itself.
fn of_its_file(
    verdict: &mut Verdict,
    batch: &Batch,
    record: &Value,
    files: &BTreeMap<String, Vec<Accepted>>,
) {
    let worker = text(record, "worker").split('-').next().unwrap_or_default();
    *verdict.ends.entry(format!("{} producer, {worker} worker", batch.by.name())).or_default() += 1;
    let (path, outcome, kind) = (text(record, "path"), text(record, "outcome"), record["kind"].as_str());
    let expected =
        |end: &Accepted| end.outcome == outcome && (outcome != "failed" || end.kind.as_deref() == kind);
    if !files.get(path).is_some_and(|accepted| accepted.iter().any(expected)) {
        verdict.unexplained += 1;
        verdict.find(format!(
            "{}: {path} ended as {outcome} {kind:?}: {}",
            batch.label,
            text(record, "detail")
        ));
    }
}

/// What has a report has it still, of the newest analyser that has looked at the audio.
fn report(verdict: &mut Verdict, batch: &Batch, record: &Value, newest: &str) {
    if text(record, "outcome") == "failed" {
        return;
    }
    let (path, by_new) = (text(record, "path"), text(record, "worker").starts_with("new-"));
    let version = record["report"]["versions"]["analysis"].as_str();
    match version {
        None if text(record, "outcome") == "ok" => {
            verdict.misread += 1;
            verdict.find(format!("{}: {path} has no report", batch.label));
        }
        Some(version) if by_new && version != newest => {
            verdict.overwritten += 1;
            verdict.find(format!(
                "{}: {path} was analysed by a new worker ({newest}), and its report is of {version}",
                batch.label
            ));
        }
        _ => {}
    }
    if let Some(version) = version {
        *verdict.analysers.entry(version.to_owned()).or_default() += 1;
    }
}

/// What the old producer reads, the new one reads as well, and the same of it.
fn alike(verdict: &mut Verdict, batch: &Batch) {
    let by_job = |records: &[Value]| -> BTreeMap<String, Value> {
        records.iter().map(|record| (text(record, "job_id").to_owned(), record.clone())).collect()
    };
    let (old, new) = (by_job(&batch.read_by_old), by_job(&batch.read_by_new));
    if old.len() != new.len() {
        verdict.misread += 1;
        verdict.find(format!(
            "{}: the old producer reads {} ends, the new one {}",
            batch.label,
            old.len(),
            new.len()
        ));
    }
    for (job, record) in &new {
        let Some(other) = old.get(job) else { continue };
        match difference(other, record) {
            None => verdict.reports += u64::from(!record["report"].is_null()),
            Some(place) => {
                verdict.misread += 1;
                verdict.find(format!("{}: the two producers read {job} differently at {place}", batch.label));
            }
        }
    }
}

/// Where the newer value lacks something of the older one, or has it otherwise. What the newer one has beside it is new.
fn difference(older: &Value, newer: &Value) -> Option<String> {
    match (older, newer) {
        (Value::Object(older), Value::Object(newer)) => older.iter().find_map(|(name, value)| {
            let place = difference(value, newer.get(name).unwrap_or(&Value::Null))?;
            Some(if place.is_empty() { name.clone() } else { format!("{name}.{place}") })
        }),
        (Value::Array(older), Value::Array(newer)) if older.len() == newer.len() => {
            older.iter().zip(newer).find_map(|(older, newer)| difference(older, newer))
        }
        _ => (older != newer).then(String::new),
    }
}

fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(job: &str, worker: &str, version: &str) -> Value {
        json!({
            "job_id": job, "path": "music/a.wav", "outcome": "ok", "worker": worker,
            "report": {"versions": {"analysis": version}, "key": {"tonic": "C"}},
        })
    }

    fn judged(old: Vec<Value>, new: Vec<Value>) -> Verdict {
        let ok = Accepted { outcome: "ok".to_owned(), kind: None };
        let batch = Batch {
            label: "b".to_owned(),
            by: Version::Old,
            accepted: 1,
            read_by_old: old,
            read_by_new: new,
        };
        audit(&[batch], &BTreeMap::from([("music/a.wav".to_owned(), vec![ok])]), "4+x")
    }

    #[test]
    fn what_both_read_alike_passes_and_new_fields_are_no_difference() {
        let mut newer = record("j", "new-0", "4+x");
        newer["report"]["key"]["confidence"] = json!(1.0);
        let verdict = judged(vec![record("j", "new-0", "4+x")], vec![newer]);
        assert!(verdict.passes(), "{:?}", verdict.findings);
        assert_eq!((verdict.ended, verdict.reports), (1, 1));
        assert_eq!(verdict.ends, BTreeMap::from([("old producer, new worker".to_owned(), 1)]));
    }

    #[test]
    fn each_fault_is_found_and_counted() {
        let lost = judged(vec![], vec![]);
        assert_eq!((lost.lost, lost.passes()), (1, false));
        let one = || record("j", "new-0", "4+x");
        assert_eq!(judged(vec![one(), one()], vec![one(), one()]).doubled, 1);
        assert_eq!(judged(vec![], vec![one()]).misread, 1);
        let overwritten = || record("j", "new-0", "3+x");
        assert_eq!(judged(vec![overwritten()], vec![overwritten()]).overwritten, 1);
        let mut other = one();
        other["report"]["key"]["tonic"] = json!("D");
        let verdict = judged(vec![other], vec![one()]);
        assert!(verdict.findings[0].ends_with("report.key.tonic"), "{:?}", verdict.findings);
        let mut without = one();
        without["report"] = Value::Null;
        assert_eq!(judged(vec![without.clone()], vec![without]).misread, 1);
        let mut failed = one();
        failed["outcome"] = json!("failed");
        assert_eq!(judged(vec![failed.clone()], vec![failed]).unexplained, 1);
    }
}
