//! Every load scenario, held short against the real programs and servers: that it measures what it says, and that it finds a
//! fleet that is slow and a message that is gone.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

#[path = "scenarios/bench.rs"]
mod bench;
#[path = "common/programs.rs"]
mod programs;
#[path = "common/verdicts.rs"]
mod verdicts;

use bench::{Ended, hold, hold_privately};
use serde_json::Value;
use verdicts::missed;

fn phases(run: &Value) -> &[Value] {
    run["phases"].as_array().map_or(&[], Vec::as_slice)
}

/// What holds of every run: the form, the machine, and that nothing was lost.
fn sound(scenario: &str, ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let run = &ended.run;
    assert_eq!((run["schema"].as_str(), run["scenario"].as_str()), (Some("loadtest.run"), Some(scenario)));
    assert!(
        run["machine"]["processors"].as_u64() > Some(0) && run["settings"]["ANALYSIS_BATCH_SIZE"].is_string()
    );
    assert!(!run["versions"]["worker"].as_str().unwrap_or_default().is_empty(), "{}", run["versions"]);
    assert!(!phases(run).is_empty());
    for phase in phases(run) {
        let jobs = &phase["jobs"];
        assert!(jobs["offered"].as_u64() > Some(0), "{phase}");
        for (one, other) in [("offered", "accepted"), ("accepted", "ended")] {
            assert_eq!(jobs[one], jobs[other], "{phase}");
        }
        assert_eq!((jobs["lost"].as_u64(), jobs["doubled"].as_u64()), (Some(0), Some(0)));
        assert!(phase["usage"]["worker"]["processes"].as_u64() >= Some(1), "{}", phase["usage"]);
        assert!(phase["usage"]["lanes"]["peak_rss_bytes"].as_u64() > Some(1 << 20), "{}", phase["usage"]);
        assert!(!phase["timeline"].as_array().is_none_or(Vec::is_empty), "{phase}");
    }
    // A short phase may take less than the kernel's smallest unit, 10 ms.
    let cpu =
        phases(run).iter().filter_map(|phase| phase["usage"]["worker"]["cpu_seconds"].as_f64()).sum::<f64>();
    assert!(cpu > 0.0, "no processor time in {}", phases(run)[0]["usage"]);
}

#[test]
fn a_burst_of_real_files_keeps_the_order_on_servers_of_its_own() {
    let ended = hold_privately(&["burst", "--count", "300", "--files", "60", "--kind", "flac-100k"]);
    sound("burst", &ended);
    let phase = &phases(&ended.run)[0];
    let wait = |level: &str| phase["latency"][level]["wait"]["p50"].as_f64().unwrap();
    assert!(wait("high") < wait("low"), "{phase}");
    for (level, count) in [("high", 60), ("normal", 150), ("low", 90), ("all", 300)] {
        assert_eq!(phase["latency"][level]["total"]["count"].as_u64(), Some(count), "{level}");
    }
    assert!(phase["audio_seconds"].as_f64() > Some(100.0), "{phase}");
    for server in ["rabbitmq", "redis"] {
        assert!(phase["usage"][server]["cpu_seconds"].as_f64() > Some(0.0), "{}", phase["usage"]);
        assert!(ended.run["versions"][server].is_string(), "{}", ended.run["versions"]);
    }
}

#[test]
fn throughput_of_two_kinds_is_told_apart() {
    let ended =
        hold(&["throughput", "--kinds", "flac-1k,wav-1m", "--modes", "single,concurrent", "--jobs", "40"]);
    sound("throughput", &ended);
    let names: Vec<_> = phases(&ended.run).iter().filter_map(|phase| phase["name"].as_str()).collect();
    assert_eq!(names, ["flac-1k single", "flac-1k concurrent", "wav-1m single", "wav-1m concurrent"]);
    let workers: Vec<_> = phases(&ended.run).iter().map(|phase| phase["workers"].as_u64()).collect();
    assert_eq!(workers, [1, 2, 1, 2].map(Some));
    // Each file once and different: the cache has not answered, though it was asked.
    assert!(phases(&ended.run).iter().all(|phase| phase["jobs"]["cached"].as_u64() == Some(0)));
}

#[test]
fn a_steady_rate_is_kept_and_measured_from_the_intended_arrival() {
    let ended = hold(&["sustained", "--rate", "40", "--seconds", "4", "--rehearsal", "5ms", "--lanes", "2"]);
    sound("sustained", &ended);
    let phase = &phases(&ended.run)[0];
    assert_eq!(phase["offered_per_second"].as_f64(), Some(40.0));
    assert!((3.0..8.0).contains(&phase["seconds"].as_f64().unwrap()), "{phase}");
    let total = &phase["latency"]["all"]["total"];
    assert!(total["min"].as_f64() >= Some(0.004), "{total}");
    assert_eq!(ended.run["versions"]["analysis"].as_str(), Some("rehearsal"));
}

#[test]
fn a_slowed_worker_misses_the_requirements_and_loses_nothing() {
    let slow = ["--slow", "100ms", "--lanes", "1"];
    let ended =
        hold(&[&["sustained", "--rate", "30", "--seconds", "2", "--kind", "flac-1k"], &slow[..]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert!(missed(&ended.run).contains(&"rate_kept"), "{}", ended.said);
    let phase = &phases(&ended.run)[0];
    assert_eq!((phase["jobs"]["lost"].as_u64(), phase["jobs"]["doubled"].as_u64()), (Some(0), Some(0)));
    // The tail is in it: 60 files of 100 ms on one lane.
    assert!(phase["seconds"].as_f64() > Some(4.0), "{phase}");
    assert!(phase["latency"]["all"]["total"]["max"].as_f64() > Some(2.0), "{phase}");
}

#[test]
fn a_message_that_is_gone_is_found_lost() {
    let gone = ["--drop-one", "--patience", "3s", "--rehearsal", "1ms"];
    let ended = hold(&[&["burst", "--count", "60"], &gone[..]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert_eq!(missed(&ended.run), ["nothing_lost"], "{}", ended.said);
    let jobs = &phases(&ended.run)[0]["jobs"];
    assert_eq!((jobs["lost"].as_u64(), jobs["doubled"].as_u64()), (Some(1), Some(0)));
    assert_eq!((jobs["accepted"].as_u64(), jobs["ended"].as_u64()), (Some(60), Some(59)));
}

#[test]
fn changing_rates_are_a_phase_each() {
    let rates = ["--low", "10", "--high", "50", "--cycles", "2", "--each", "2", "--arrivals", "even"];
    let ended = hold(&[&["variable", "--rehearsal", "2ms"], &rates[..]].concat());
    sound("variable", &ended);
    let offered: Vec<_> = phases(&ended.run).iter().map(|phase| phase["jobs"]["offered"].as_u64()).collect();
    assert_eq!(offered, [20, 100, 20, 100].map(Some));
}

#[test]
fn more_lanes_are_weighed_against_the_first() {
    let steps = ["--lanes", "1,4", "--workers", "1,2", "--seconds", "1", "--no-real"];
    let ended = hold(&[&["scalability", "--rehearsal", "20ms"], &steps[..]].concat());
    sound("scalability", &ended);
    let efficiency: Vec<f64> =
        phases(&ended.run).iter().filter_map(|phase| phase["figures"]["efficiency"].as_f64()).collect();
    assert_eq!((efficiency.len(), efficiency[0], efficiency[2]), (4, 1.0, 1.0));
    assert!(efficiency.iter().all(|share| (0.3..1.2).contains(share)), "{efficiency:?}");
}

#[test]
fn the_batch_that_tunes_itself_is_held_against_a_fixed_one() {
    let ended = hold(&["tuning", "--rounds", "2", "--seconds", "1", "--no-real"]);
    let phases = phases(&ended.run);
    let names: Vec<&str> = phases.iter().filter_map(|phase| phase["name"].as_str()).collect();
    assert_eq!(
        &names[..3],
        ["nothing to do, fixed, 1", "nothing to do, tuned, 1", "nothing to do, fixed, 2, last round"]
    );
    assert_eq!(names.len(), 12);
    // How fast either is on a machine that does something else besides is not asked here.
    let jobs: Vec<_> = phases.iter().map(|phase| (&phase["jobs"]["lost"], &phase["jobs"]["ended"])).collect();
    assert!(jobs.iter().all(|(lost, ended)| **lost == 0 && ended.as_u64() > Some(0)), "{jobs:?}");
    let ratios: Vec<f64> = phases.iter().filter_map(|phase| phase["figures"]["of_fixed"].as_f64()).collect();
    assert!(ratios.len() == 3 && ratios.iter().all(|ratio| (0.2..20.0).contains(ratio)), "{ratios:?}");
}

#[test]
fn queued_items_cost_little_memory() {
    let ended = hold(&["memory", "--items", "1500"]);
    sound("memory", &ended);
    let figures = &phases(&ended.run)[0]["figures"];
    assert!(figures["queued"].as_f64() >= Some(1500.0), "{figures}");
    assert!(figures["producer_idle_rss_bytes"].as_f64() > Some(1e6), "{figures}");
    assert!(figures["worker_idle_rss_bytes"].as_f64() > Some(1e6), "{figures}");
}

#[test]
fn a_soak_finds_its_own_rate() {
    let ended = hold(&["soak", "--minutes", "0.05", "--rehearsal", "10ms", "--lanes", "1"]);
    // Whether three seconds at a pace that was measured a moment before are kept up with is up to who else uses this machine.
    let phase = &phases(&ended.run)[0];
    assert_eq!((&phase["jobs"]["lost"], &phase["jobs"]["doubled"]), (&0.into(), &0.into()), "{}", ended.said);
    let (rate, pace) = (&phase["offered_per_second"], &phase["figures"]["calibrated_files_per_second"]);
    assert!((rate.as_f64().unwrap() / pace.as_f64().unwrap() - 0.5).abs() < 1e-9, "{rate} of {pace}");
    assert!((5.0..=100.0).contains(&pace.as_f64().unwrap()), "{pace}");
}

#[test]
fn workers_come_with_the_backlog_and_go_without_one() {
    let short = ["--speed", "40", "--burst", "600", "--lanes", "1", "--pause", "200", "--sustained", "1"];
    let ended = hold_privately(&[&["autoscale"], &short[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let of = |name: &str| phases(&ended.run).iter().find(|phase| phase["name"] == name).unwrap();
    let jobs = &of("burst")["jobs"];
    assert_eq!((&jobs["lost"], &jobs["doubled"], &jobs["ended"]), (&0.into(), &0.into(), &jobs["accepted"]));
    let figures = &of("scaling")["figures"];
    assert!(figures["workers_most"].as_f64() >= Some(2.0), "{figures}");
    for (figure, value) in [("workers_at_the_end", 1.0), ("stopped_out_of_order", 0.0), ("flaps", 0.0)] {
        assert_eq!(figures[figure].as_f64(), Some(value), "{figures}");
    }
    let moments = of("after the burst")["timeline"].as_array().unwrap();
    assert!(moments.iter().any(|moment| moment["workers"].as_u64() >= Some(2)), "{moments:?}");
}

#[test]
fn what_cannot_be_held_is_said() {
    let away = [("AMQP_URL", "amqp://rabbit.invalid/%2f"), ("REDIS_URL", "redis://127.0.0.1/")];
    for (arguments, surroundings, code, words) in [
        (&["burst"][..], &away[..], 2, "rabbit.invalid is not this machine. With --cluster"),
        (&["burst"], &away[..1], 2, "belong together"),
        (&["burst", "--cluster"], &[], 2, "set AMQP_URL and REDIS_URL"),
        (&["burst", "--worker", "/nowhere/worker"], &[], 1, "no program 'worker'"),
    ] {
        let ended = bench::refused(arguments, surroundings);
        assert_eq!(ended.code, Some(code), "{}", ended.said);
        assert!(ended.said.contains(words), "{}", ended.said);
    }
}
