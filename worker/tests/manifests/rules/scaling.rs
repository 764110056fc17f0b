//! Autoscalers: one for a Deployment, on the queues that its workers consume, slow to let go.

use serde_json::Value;
use shared::settings::WorkerSettings;

use super::fit::{settings_of, window_seconds, windows_of};
use crate::objects::{Workload, items, name, number, of_kind, text, title, workloads};

/// The Deployment that autoscalers are for.
const SCALED: &str = "worker";

/// Below five minutes the pauses of a producer would show as rises and falls.
const CALM_SECONDS: u64 = 300;

pub fn breaches(objects: &[Value]) -> Vec<String> {
    let mut found: Vec<String> = workloads(objects)
        .filter(|workload| workload.object["kind"] == "Deployment")
        .filter_map(|workload| replicas(&workload, objects))
        .collect();
    for scaler in of_kind(objects, "HorizontalPodAutoscaler") {
        let bounds = [&scaler["spec"]["minReplicas"], &scaler["spec"]["maxReplicas"]];
        found.extend(of_scaler(scaler, objects, bounds, &scaler["spec"]["behavior"]));
    }
    for scaler in of_kind(objects, "ScaledObject") {
        let spec = &scaler["spec"];
        let behavior = &spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"];
        found.extend(of_scaler(
            scaler,
            objects,
            [&spec["minReplicaCount"], &spec["maxReplicaCount"]],
            behavior,
        ));
        if let Some(settings) = target(scaler, objects).and_then(|workload| settings_of(&workload, objects)) {
            let breaches = by_backlog(spec, objects, &settings);
            found.extend(breaches.into_iter().map(|breach| format!("{}: {breach}", title(scaler))));
        }
    }
    found
}

fn scalers(objects: &[Value]) -> impl Iterator<Item = &Value> {
    of_kind(objects, "HorizontalPodAutoscaler").chain(of_kind(objects, "ScaledObject"))
}

fn target<'a>(scaler: &Value, objects: &'a [Value]) -> Option<Workload<'a>> {
    let wanted = &scaler["spec"]["scaleTargetRef"];
    workloads(objects).find(|workload| {
        workload.object["kind"] == wanted["kind"] && workload.object["metadata"]["name"] == wanted["name"]
    })
}

/// A number in the manifest would be set again with every `kubectl apply`, against the autoscaler's.
fn replicas(workload: &Workload<'_>, objects: &[Value]) -> Option<String> {
    let own = name(workload.object);
    let count = scalers(objects).filter(|scaler| scaler["spec"]["scaleTargetRef"]["name"] == own).count();
    match (count, &workload.object["spec"]["replicas"]) {
        // It would be added to this one later, and `kubectl scale` works already.
        (0, Value::Number(_)) if own == SCALED => {
            Some(format!("{}: has replicas of its own, which each apply would set again", workload.title()))
        }
        (0, _) | (1, Value::Null) => None,
        (1, _) => Some(format!("{}: has replicas of its own beside an autoscaler", workload.title())),
        (many, _) => Some(format!("{}: {many} autoscalers pull at it", workload.title())),
    }
}

fn of_scaler(scaler: &Value, objects: &[Value], [least, most]: [&Value; 2], behavior: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if target(scaler, objects).is_none() {
        found.push("scales nothing that is there".to_owned());
    }
    if number(least).zip(number(most)).is_none_or(|(least, most)| least > most) {
        found.push("wants more at least than at most".to_owned());
    }
    if window_seconds(behavior) < CALM_SECONDS {
        found.push(format!("scales down after less than {CALM_SECONDS} s of calm"));
    }
    found.into_iter().map(|breach| format!("{}: {breach}", title(scaler))).collect()
}

fn by_backlog(spec: &Value, objects: &[Value], settings: &WorkerSettings) -> Vec<String> {
    let mut found = Vec::new();
    let modifiers = &spec["advanced"]["scalingModifiers"];
    let Some(weights) = weights(text(&modifiers["formula"])) else {
        return vec!["its formula is no sum of weighted triggers".to_owned()];
    };
    let target: f64 = text(&modifiers["target"]).parse().unwrap_or(0.0);
    let levels = settings.queue.levels;
    let mut own = 0.0;
    for (level, window) in windows_of(settings).iter() {
        let level = levels.name(level);
        let Some(trigger) = items(&spec["triggers"]).find(|trigger| trigger["name"] == level) else {
            found.push(format!("no trigger for {level}"));
            continue;
        };
        found.extend(of_trigger(trigger, level, target, objects, settings));
        found.extend(of_rate(spec, level, &weights, settings));
        match weights.iter().find(|(name, _)| name == level) {
            Some((_, weight)) => own += weight * f64::from(window),
            None => found.push(format!("its formula leaves {level} out")),
        }
    }
    if items(&spec["triggers"]).count() != weights.len() {
        found.push("triggers and formula are not of the same queues".to_owned());
    }
    if target < own {
        found.push(format!(
            "a worker's own prefetch weighs {own}, above the target of {target}: it would never be enough"
        ));
    }
    let fallback = &spec["fallback"];
    if fallback["behavior"] != "currentReplicasIfHigher" {
        found.push("its fallback does not keep the workers that there are".to_owned());
    }
    // Before the first worker has made the queues, the fallback is in force.
    let (replicas, least) = (number(&fallback["replicas"]), number(&spec["minReplicaCount"]));
    if replicas.is_none() || replicas != least {
        found.push("its fallback is not minReplicaCount: a new installation would start others".to_owned());
    }
    if !spec["cooldownPeriod"].is_null() && least != Some(0) {
        found.push(
            "cooldownPeriod has no effect while minReplicaCount is above 0, and KEDA warns of it".to_owned(),
        );
    }
    found
}

/// Beside what waits, what arrives: a trigger and a term of its own for each level, or the workers that keep up would leave.
fn of_rate(
    spec: &Value,
    level: &str,
    weights: &[(String, f64)],
    settings: &WorkerSettings,
) -> Option<String> {
    let own = format!("{level}_rate");
    let queue = format!("{}.{level}", settings.queue.prefix);
    let reads = |trigger: &Value| {
        let metadata = &trigger["metadata"];
        metadata["mode"] == "MessageRate" && metadata["protocol"] == "http" && metadata["queueName"] == queue
    };
    let read = items(&spec["triggers"]).any(|trigger| trigger["name"] == own && reads(trigger));
    let weighed = weights.iter().any(|(name, weight)| *name == own && *weight > 0.0);
    (!read || !weighed).then(|| format!("nothing in it is the rate of {level}"))
}

fn of_trigger(
    trigger: &Value,
    level: &str,
    target: f64,
    objects: &[Value],
    settings: &WorkerSettings,
) -> Vec<String> {
    let metadata = &trigger["metadata"];
    let authentication = text(&trigger["authenticationRef"]["name"]);
    let wanted = [
        (
            "does not ask the HTTP API, which alone counts what is unacknowledged",
            metadata["protocol"] == "http",
        ),
        ("leaves out what is unacknowledged", metadata["excludeUnacknowledged"] != "true"),
        ("does not count messages", metadata["mode"] == "QueueLength"),
        ("asks for another queue", metadata["queueName"] == format!("{}.{level}", settings.queue.prefix)),
        (
            "has another value than the target, which its fallback multiplies",
            text(&metadata["value"]).parse() == Ok(target),
        ),
        (
            "names no TriggerAuthentication that is there",
            of_kind(objects, "TriggerAuthentication").any(|known| name(known) == authentication),
        ),
    ];
    wanted
        .iter()
        .filter(|(_, kept)| !kept)
        .map(|(breach, _)| format!("the trigger {level} {breach}"))
        .collect()
}

/// `2 * high + normal` as names and weights. Nothing else is understood, so that nothing else is used unchecked.
fn weights(formula: &str) -> Option<Vec<(String, f64)>> {
    let term = |term: &str| {
        let (weight, name) = match term.split_once('*') {
            Some((weight, name)) => (weight.trim().parse().ok()?, name.trim()),
            None => (1.0, term.trim()),
        };
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            .then(|| (name.to_owned(), weight))
    };
    formula.split('+').map(term).collect()
}
