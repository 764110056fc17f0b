use std::collections::BTreeSet;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn the_seed_alone_decides() {
    assert_eq!(plan(Scenario::Single, 1, MINUTE, 3, &[]), plan(Scenario::Single, 1, MINUTE, 3, &[]));
    assert_ne!(plan(Scenario::Single, 1, MINUTE, 3, &[]), plan(Scenario::Single, 2, MINUTE, 3, &[]));
}

#[test]
fn a_longer_run_begins_as_the_shorter_one() {
    let (short, long) =
        (plan(Scenario::Single, 7, MINUTE, 3, &[]), plan(Scenario::Single, 7, MINUTE * 3, 3, &[]));
    assert!(long.len() > 2 * short.len());
    assert_eq!(long[..short.len()], short);
}

#[test]
fn a_fault_can_be_chosen_alone_on_any_target() {
    for kind in KINDS {
        let scenario = match kind {
            "kill_node" | "partition_node" => Scenario::RabbitmqCluster,
            "kill_master" | "stop_master" => Scenario::RedisSentinel,
            _ => Scenario::Single,
        };
        let planned = plan(scenario, 1, MINUTE, 3, &[kind.to_owned()]);
        assert!(planned.len() > 5 && planned.iter().all(|planned| planned.fault.kind() == kind), "{kind}");
    }
    let stopped = plan(Scenario::Single, 1, MINUTE * 2, 3, &["stop_worker".to_owned()]);
    let workers: BTreeSet<Option<usize>> = stopped.iter().map(|planned| planned.fault.worker()).collect();
    assert_eq!(workers.len(), 3, "{workers:?}");
}

#[test]
fn two_minutes_see_every_fault_and_every_target_exists() {
    for seed in 0..50 {
        let planned = plan(Scenario::Single, seed, MINUTE * 2, 2, &[]);
        let kinds: BTreeSet<&str> = planned.iter().map(|planned| planned.fault.kind()).collect();
        let of_clusters = ["kill_node", "partition_node", "kill_master", "stop_master"];
        let expected = KINDS.into_iter().filter(|kind| !of_clusters.contains(kind));
        assert_eq!(kinds, expected.collect());
        assert!(planned.is_sorted_by_key(|planned| planned.at));
        for planned in planned {
            match planned.fault {
                Fault::Wire { client, .. } => assert!(client <= 2),
                Fault::KillWorker { worker } | Fault::StopLane { worker } => assert!(worker < 2),
                _ => {}
            }
        }
    }
}

#[test]
fn three_minutes_on_several_nodes_see_each_of_their_faults_twice() {
    for (scenario, kinds) in [
        (Scenario::RabbitmqCluster, ["kill_node", "partition_node"]),
        (Scenario::RedisSentinel, ["kill_master", "stop_master"]),
    ] {
        for seed in 0..50 {
            let planned = plan(scenario, seed, MINUTE * 3, 3, &[]);
            for kind in kinds {
                let times = planned.iter().filter(|planned| planned.fault.kind() == kind).count();
                assert!(times >= 2, "{scenario:?} {seed} {kind}");
            }
            assert!(
                planned
                    .iter()
                    .all(|planned| !matches!(planned.fault, Fault::KillRabbitmq | Fault::KillRedis))
            );
        }
    }
}
