//! `producer topology`.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::broker::lapin::options::QueueDeleteOptions;

use crate::fleet::{Fleet, Output, finish};

/// States of all objects, as the JSON has them.
fn states(output: &Output) -> BTreeMap<String, String> {
    let findings: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let name = |finding: &Value| format!("{} {}", text(finding, "object"), text(finding, "name"));
    findings.iter().map(|finding| (name(finding), text(finding, "state"))).collect()
}

#[tokio::test]
async fn what_is_missing_is_told_made_and_then_as_wanted() {
    let fleet = Fleet::new();
    let check = fleet.run(&["topology", "check", "--json"]).await;
    assert_eq!(check.code, 1, "{check:?}");
    let found = states(&check);
    // Three levels, four tiers and the dead letters; an exchange of jobs, one for each tier, one of dead letters.
    assert_eq!(found.len(), 8 + 6, "{found:?}");
    assert!(found.values().all(|state| state == "missing"), "{found:?}");
    assert!(check.stderr.contains("14 missing: `producer topology apply` makes them"), "{check:?}");
    // A queue that is missing is an answer and no fault, also where the workers' LOG_LEVEL is in force.
    let mut command = fleet.command(&["topology", "check"]);
    command.env("LOG_LEVEL", "info");
    let check = finish(command).await;
    assert!(!check.stderr.contains("ERROR") && !check.stderr.contains("WARN"), "{check:?}");
    // A question makes nothing.
    assert!(
        states(&fleet.run(&["topology", "check", "--json"]).await).values().all(|state| state == "missing")
    );

    let apply = fleet.run(&["topology", "apply", "--json"]).await;
    assert_eq!((apply.code, apply.stderr.as_str()), (0, ""), "{apply:?}");
    assert!(states(&apply).values().all(|state| state == "made"), "{apply:?}");
    let check = fleet.run(&["topology", "check"]).await;
    let unchecked = "policies were not checked, and they can lose jobs: set RABBITMQ_API_URL, or look at rabbitmqctl \
                     list_policies and list_operator_policies\n";
    assert_eq!((check.code, check.stderr.as_str()), (0, unchecked), "{check:?}");
    assert!(
        !check.stdout.contains("MISSING") && check.stdout.contains(&format!("{}.retry.30s", fleet.prefix))
    );

    // With its bindings: a queue that an administrator has deleted comes back whole.
    let queue = format!("{}.low", fleet.prefix);
    let channel = fleet.broker().await.channel().await.unwrap();
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    let check = fleet.run(&["topology", "check", "--json"]).await;
    assert_eq!((check.code, &states(&check)[&format!("queue {queue}")]), (1, &"missing".to_owned()));
    assert_eq!(fleet.run(&["topology", "apply"]).await.code, 0);
    fleet.file("a.mp3");
    assert_eq!(fleet.run(&["enqueue", fleet.root(), "--priority", "low"]).await.code, 0);
    assert_eq!(fleet.depth("low").await, 1);
}

#[tokio::test]
async fn what_differs_is_left_alone_and_all_of_it_is_told() {
    let fleet = Fleet::with_max_size(70);
    assert_eq!(fleet.run(&["topology", "apply"]).await.code, 0);
    for what in ["check", "apply"] {
        let mut command = fleet.command(&["topology", what]);
        command.env("QUEUE_MAX_SIZE", "50");
        let output = finish(command).await;
        assert_eq!(output.code, 78, "{output:?}");
        for level in ["high", "normal", "low"] {
            let told = format!(
                "queue '{0}.{level}' exists with x-max-length = 70, but 50 is wanted here. A queue's arguments cannot be changed: \
                 set QUEUE_MAX_SIZE to 70, or stop the fleet, let the queue run empty, delete it (rabbitmqctl delete_queue \
                 {0}.{level}) and start again",
                fleet.prefix
            );
            assert!(output.stdout.contains(&told), "{told}\n{output:?}");
        }
        assert!(output.stderr.contains("3 of 14 differ from what the settings ask for"), "{output:?}");
    }
    let mut command = fleet.command(&["topology", "check", "--json"]);
    command.env("QUEUE_MAX_SIZE", "50");
    let findings: Vec<Value> = serde_json::from_str(&finish(command).await.stdout).unwrap();
    let high = findings.iter().find(|it| it["name"] == format!("{}.high", fleet.prefix)).unwrap();
    assert_eq!(
        (&high["state"], &high["found"], &high["wanted"]),
        (&"differs".into(), &"70".into(), &"50".into())
    );
    assert_eq!((&high["argument"], &high["variable"]), (&"x-max-length".into(), &"QUEUE_MAX_SIZE".into()));
    // Nothing was changed by asking.
    assert_eq!(fleet.run(&["topology", "check"]).await.code, 0);
}

#[tokio::test]
async fn an_exchange_of_another_kind_is_told() {
    use shared::broker::lapin::ExchangeKind;
    use shared::broker::lapin::options::ExchangeDeclareOptions;
    use shared::broker::lapin::types::FieldTable;
    let fleet = Fleet::new();
    let channel = fleet.broker().await.channel().await.unwrap();
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let kind = ExchangeKind::Topic;
    channel
        .exchange_declare(fleet.prefix.as_str().into(), kind, options, FieldTable::default())
        .await
        .unwrap();
    let output = fleet.run(&["topology", "check"]).await;
    assert_eq!(output.code, 78, "{output:?}");
    let told = format!("exchange '{}' exists with type = topic, but direct is wanted here", fleet.prefix);
    assert!(output.stdout.contains(&told), "{output:?}");
}
