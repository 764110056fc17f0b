//! Policies on the broker that can lose or expire jobs. An operator sets them apart from what a queue was declared with, and a
//! declaration that compares equal says nothing of them; RabbitMQ's HTTP API does.

use serde_json::{Map, Value};
use shared::management::{Management, ManagementError, QueueRules};
use shared::settings::ProducerSettings;
use shared::topology::Topology;

use crate::connect;
use crate::failure::Failure;

/// What a queue is for; the same key of a policy does other harm in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Jobs of a level: full, it refuses.
    Level,
    /// Jobs that wait for a retry: it takes any number.
    Tier,
    /// What the broker gave up on: it takes any number, and nothing is behind it.
    Dead,
}

/// A part of a policy that can lose or expire jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hazard {
    pub(crate) queue: String,
    /// The policies in force on the queue, in words.
    pub(crate) policies: String,
    /// Key and value of the definition.
    pub(crate) key: String,
    pub(crate) value: String,
    /// What it does to jobs.
    harm: &'static str,
}

impl Hazard {
    /// All of it and what to do, for people.
    pub(crate) fn detail(&self) -> String {
        let Self { queue, policies, key, value, harm } = self;
        format!(
            "queue '{queue}': {policies} sets {key} = {value}: {harm}. Exclude the fleet's queues from it, or clear it \
             (rabbitmqctl list_policies, list_operator_policies)"
        )
    }
}

/// The API of the settings; `None` where they name none.
pub(crate) fn api(settings: &ProducerSettings) -> Result<Option<Management>, Failure> {
    let Some(url) = &settings.management.api_url else { return Ok(None) };
    let to = connect::tls(settings)?.at(url.expose());
    Ok(Management::new(to, settings.queue.amqp_url.expose()))
}

/// What policies can do to the jobs of the fleet. A queue that does not exist has none.
pub(crate) async fn hazards(api: &Management, topology: &Topology) -> Result<Vec<Hazard>, ManagementError> {
    let mut found = Vec::new();
    for queue in topology.queues() {
        if let Some(rules) = api.queue(&queue).await? {
            found.extend(hazards_of(role(topology, &queue), &queue, &rules));
        }
    }
    Ok(found)
}

fn role(topology: &Topology, queue: &str) -> Role {
    if queue == topology.dead() {
        Role::Dead
    } else if topology.is_consumed(queue) {
        Role::Level
    } else {
        Role::Tier
    }
}

fn hazards_of(role: Role, queue: &str, rules: &QueueRules) -> Vec<Hazard> {
    let definition = rules.definition();
    let named = |kind: &str, name: &Option<String>| name.as_ref().map(|name| format!("{kind} '{name}'"));
    let names = [named("policy", &rules.policy), named("operator policy", &rules.operator_policy)];
    let policies = names.into_iter().flatten().collect::<Vec<_>>().join(" with ");
    let hazard = |(key, value): (&String, &Value)| {
        let harm = harm(role, key, value, &definition)?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(Hazard { queue: queue.to_owned(), policies: policies.clone(), key: key.clone(), value, harm })
    };
    definition.iter().filter_map(hazard).collect()
}

/// What a key of a definition does to the jobs of a queue. A policy's `overflow` wins over the one that the queue was
/// declared with, and of limits and times to live the smaller one holds (RabbitMQ 3.10 to 4.3).
fn harm(role: Role, key: &str, value: &Value, definition: &Map<String, Value>) -> Option<&'static str> {
    let declared_overflow = if role == Role::Dead { "drop-head" } else { "reject-publish" };
    let overflow = definition.get("overflow").and_then(Value::as_str).unwrap_or(declared_overflow);
    let is_dropping = overflow != "reject-publish";
    let is_limited = role == Role::Level
        || ["max-length", "max-length-bytes"].iter().any(|it| definition.contains_key(*it));
    match (key, role) {
        ("max-length" | "max-length-bytes", _) if is_dropping => {
            Some("beyond it the oldest jobs are dropped, although RabbitMQ has confirmed them")
        }
        ("max-length" | "max-length-bytes", Role::Tier) => {
            Some("beyond it retries are refused, and their jobs are tried again at once instead of later")
        }
        ("overflow", _) if is_dropping && is_limited && value.is_string() => {
            Some("a full queue drops its oldest jobs instead of refusing new ones")
        }
        ("message-ttl", Role::Level) => Some("jobs that wait for longer expire without having been started"),
        ("message-ttl", Role::Dead) => {
            Some("dead letters that wait for longer expire, and their files have no end")
        }
        ("message-ttl", Role::Tier) => Some("retries come sooner than RETRY_DELAYS says"),
        ("expires", _) => Some("the queue is deleted with its jobs when nobody has used it for so long"),
        ("delivery-limit", Role::Level) if value.as_u64().is_some_and(|limit| limit < 50) => {
            Some("jobs of workers that stop or die so often are given up, although they were not at fault")
        }
        ("delivery-limit", Role::Dead) => Some("dead letters that were delivered so often are dropped"),
        ("dead-letter-routing-key", Role::Level | Role::Tier) => {
            Some("retries and dead letters lose the name of their level, and no queue takes them")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys(role: Role, definition: &Value) -> Vec<String> {
        let rules: QueueRules =
            serde_json::from_value(json!({"policy": "p", "effective_policy_definition": definition}))
                .unwrap();
        hazards_of(role, "q", &rules).into_iter().map(|hazard| hazard.key).collect()
    }

    #[test]
    fn what_can_lose_or_expire_jobs_is_found_and_nothing_else() {
        let cases = [
            (Role::Level, json!({}), &[][..]),
            (Role::Level, json!([]), &[]),
            (Role::Level, json!({"queue-leader-locator": "balanced"}), &[]),
            // Smaller than QUEUE_MAX_SIZE, and it refuses: the producer waits.
            (Role::Level, json!({"max-length": 5}), &[]),
            (Role::Level, json!({"max-length": 5, "overflow": "reject-publish"}), &[]),
            (Role::Level, json!({"max-length": 5, "overflow": "drop-head"}), &["max-length", "overflow"]),
            // The limit is the one that the queue was declared with.
            (Role::Level, json!({"overflow": "drop-head"}), &["overflow"]),
            (Role::Level, json!({"overflow": "reject-publish-dlx"}), &["overflow"]),
            (Role::Level, json!({"message-ttl": 3000}), &["message-ttl"]),
            (Role::Level, json!({"expires": 1000}), &["expires"]),
            (Role::Level, json!({"delivery-limit": 5}), &["delivery-limit"]),
            (Role::Level, json!({"delivery-limit": 100}), &[]),
            (Role::Level, json!({"dead-letter-routing-key": "x"}), &["dead-letter-routing-key"]),
            (Role::Tier, json!({"max-length": 5}), &["max-length"]),
            (Role::Tier, json!({"overflow": "drop-head"}), &[]),
            (Role::Tier, json!({"message-ttl": 1}), &["message-ttl"]),
            // A queue without arguments of its own drops.
            (Role::Dead, json!({"max-length": 5}), &["max-length"]),
            (Role::Dead, json!({"message-ttl": 1, "delivery-limit": 20}), &["delivery-limit", "message-ttl"]),
        ];
        for (role, definition, expected) in cases {
            assert_eq!(keys(role, &definition), expected, "{role:?} {definition}");
        }
    }

    #[test]
    fn both_policies_are_named() {
        let rules: QueueRules = serde_json::from_value(json!({
            "policy": "p", "operator_policy": "o", "effective_policy_definition": {"message-ttl": 7}
        }))
        .unwrap();
        let detail = hazards_of(Role::Level, "a.low", &rules)[0].detail();
        assert!(
            detail.starts_with("queue 'a.low': policy 'p' with operator policy 'o' sets message-ttl = 7: "),
            "{detail}"
        );
    }
}
