use std::collections::BTreeMap;

use shared::job::{BatchId, JobId};
use shared::outcome::Outcome;
use shared::store::BatchState;

use super::*;
use crate::engine::audit::Fate;
use crate::engine::plan::{Intended, Plan};
use crate::engine::proc::Sample;
use crate::engine::{Arrivals, Mix, Shape, Told};

/// Two jobs a second for two seconds, then four for one; each ends `late` seconds after its arrival, half of it on a lane.
fn measured(late: f64) -> Measured {
    let steps = [("slow".to_owned(), 2.0, 2.0), ("fast".to_owned(), 4.0, 1.0)];
    let plan = Plan::rates(&steps, Arrivals::Even, Mix::NORMAL, 1);
    let sent: Vec<Sent> = plan.jobs.iter().map(sent).collect();
    let end = |sent: &Sent| Ended {
        job: sent.job,
        at: sent.intended + late,
        service: late / 2.0,
        outcome: "ok",
        cached: false,
    };
    let ends: Vec<Ended> = sent.iter().map(end).collect();
    let last = ends.last().map_or(0.0, |end| end.at);
    let looks = (0..).map(f64::from).take_while(|at| *at < last).chain([last + 0.01]);
    Measured {
        began: 10.0,
        shape: Shape { workers: 2, lanes: 3, rehearsal: None, told: Told::Nothing },
        glances: looks.map(glance).collect(),
        state: state(ends.len() as u64),
        plan,
        sent,
        ends,
        broken_off: false,
        profile: None,
        clock_offset: 0.0,
    }
}

fn sent(intended: &Intended) -> Sent {
    let fate = Fate::Accepted(intended.at + 0.001);
    Sent { job: JobId::new(), level: intended.level, file: 0, intended: intended.at, fate }
}

/// A worker that uses half a processor and grows by a byte a second.
fn glance(at: f64) -> Glance {
    let rss_bytes = 100 + at as u64;
    let process = Sample { role: "worker", pid: 1, started: 1, cpu_seconds: 0.0, rss_bytes };
    Glance {
        at,
        depth: BTreeMap::new(),
        cpu: BTreeMap::from([("worker", at / 2.0)]),
        processes: vec![process],
    }
}

fn state(ended: u64) -> BatchState {
    BatchState {
        batch_id: BatchId::new(),
        label: String::new(),
        created_ms: 0,
        accepted: ended,
        sealed: true,
        outcomes: BTreeMap::from([(Outcome::Ok, ended)]),
        kinds: BTreeMap::new(),
        cached: 0,
        audio_ms: ended * 1000,
        bytes: ended * 10,
        cancelled: false,
        retrying: 0,
        counted: true,
        data_lost: false,
        last_sign_ms: None,
    }
}

fn levels() -> Levels {
    Levels::new(3).unwrap()
}

#[test]
fn each_segment_has_its_own_jobs_and_its_own_tail() {
    let [slow, fast] = reckon(&measured(3.0), levels()).try_into().unwrap();
    assert_eq!((slow.jobs.ended, fast.jobs.ended), (4, 4));
    // The last of the slow ones arrives after 1.5 s and ends after 4.5; the last of the fast ones 2.75 and 5.75.
    assert_eq!((slow.seconds, fast.seconds), (4.5, 3.75));
    assert_eq!((slow.began_seconds, fast.began_seconds), (10.0, 12.0));
    assert_eq!((slow.workers, slow.lanes), (2, 6));
    assert_eq!((fast.audio_seconds, fast.bytes), (4.0, 40));
    assert_eq!(slow.figures["done_in_time_share"], 0.0);
    assert!((slow.figures["achieved_share"] - 4.0 / 4.5 / 2.0).abs() < 1e-9);
}

#[test]
fn latencies_count_from_the_intended_arrival() {
    let phases = reckon(&measured(0.5), levels());
    for level in ["all", "normal"] {
        let parts = &phases[0].latency[level];
        for (part, seconds) in [("total", 0.5), ("service", 0.25), ("wait", 0.25), ("confirm", 0.001)] {
            assert!((parts[part].p50 / seconds - 1.0).abs() < 2e-3, "{part}: {:?}", parts[part]);
            assert_eq!(parts[part].count, 4);
        }
    }
}

#[test]
fn the_timeline_reaches_to_the_last_end_and_counts_everything_once() {
    let phases = reckon(&measured(3.0), levels());
    let sum = |count: fn(&crate::measure::Moment) -> u64| {
        phases.iter().flat_map(|phase| &phase.timeline).map(count).sum::<u64>()
    };
    assert_eq!([sum(|it| it.offered), sum(|it| it.accepted), sum(|it| it.ended)], [8, 8, 8]);
    let last = phases[1].timeline.last().unwrap();
    assert!(last.at_seconds > 15.75 && last.latency["all"][0] > 2.9, "{last:?}");
    assert!((last.cpu_percent["worker"] - 50.0).abs() < 1e-6);
}

#[test]
fn usage_is_of_the_segment_alone() {
    let phases = reckon(&measured(0.1), levels());
    let [slow, fast] = [&phases[0], &phases[1]].map(|phase| &phase.usage["worker"]);
    assert_eq!((slow.cpu_seconds, slow.begin_rss_bytes, slow.peak_rss_bytes), (1.0, 100, 102));
    assert_eq!((fast.begin_rss_bytes, fast.processes), (102, 1));
}

#[test]
fn a_missing_end_is_lost_and_a_strange_one_doubled() {
    let mut measured = measured(0.1);
    let gone = measured.ends.pop().unwrap();
    measured.ends.push(Ended { job: JobId::new(), ..gone });
    let phases = reckon(&measured, levels());
    assert_eq!((phases[0].jobs.lost, phases[1].jobs.lost, phases[0].jobs.doubled), (0, 1, 1));
}
