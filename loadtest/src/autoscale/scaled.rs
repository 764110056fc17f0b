//! The ScaledObject of `k8s/components/keda`, as far as it decides how many workers there are.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::hpa::Behavior;
use crate::rig::{RigError, io};

/// Where it is, in the repository.
pub(crate) const FILE: &str = "k8s/components/keda/scaledobject.yaml";

/// What the names of triggers end with that read a rate (`mode: MessageRate`), and not a length.
pub(super) const RATE: &str = "_rate";

/// What decides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scaled {
    /// Seconds.
    pub(crate) polling_interval: f64,
    pub(crate) least: u32,
    pub(crate) most: u32,
    /// Of the metric, for each worker.
    pub(crate) target: f64,
    /// Weights of the levels, by the names of the triggers.
    pub(crate) weights: BTreeMap<String, f64>,
    pub(crate) behavior: Behavior,
}

#[derive(Deserialize)]
struct Object {
    kind: String,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    polling_interval: f64,
    min_replica_count: u32,
    max_replica_count: u32,
    advanced: Advanced,
    triggers: Vec<Trigger>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Advanced {
    scaling_modifiers: Modifiers,
    horizontal_pod_autoscaler_config: Config,
}

#[derive(Deserialize)]
struct Modifiers {
    formula: String,
    target: String,
}

#[derive(Deserialize)]
struct Config {
    behavior: Behavior,
}

#[derive(Deserialize)]
struct Trigger {
    name: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    mode: String,
}

impl Scaled {
    /// Reads the first document of the file.
    pub(crate) fn read(repository: &Path) -> Result<Self, RigError> {
        let path = repository.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(io(path.display().to_string()))?;
        Self::parse(&text).map_err(|cause| RigError::NotReady(format!("{}: {cause}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let first = serde_yaml_ng::Deserializer::from_str(text).next().ok_or("it is empty")?;
        let Object { kind, spec } = Object::deserialize(first).map_err(|error| error.to_string())?;
        if kind != "ScaledObject" {
            return Err(format!("a {kind} comes first, not a ScaledObject"));
        }
        let Modifiers { formula, target } = spec.advanced.scaling_modifiers;
        let weights = weights(&formula)?;
        let triggers: Vec<&str> = spec.triggers.iter().map(|trigger| trigger.name.as_str()).collect();
        if let Some(unknown) = weights.keys().find(|name| !triggers.contains(&name.as_str())) {
            return Err(format!("the formula has '{unknown}', which no trigger is called"));
        }
        let fits =
            |trigger: &Trigger| (trigger.metadata.mode == "MessageRate") == trigger.name.ends_with(RATE);
        if let Some(other) = spec.triggers.iter().find(|trigger| !fits(trigger)) {
            return Err(format!(
                "trigger '{}' reads a {}, which its name denies",
                other.name, other.metadata.mode
            ));
        }
        Ok(Self {
            polling_interval: spec.polling_interval,
            least: spec.min_replica_count,
            most: spec.max_replica_count,
            target: target.parse().map_err(|_| format!("target '{target}' is no number"))?,
            weights,
            behavior: spec.advanced.horizontal_pod_autoscaler_config.behavior,
        })
    }

    /// The value of the formula for what the triggers read.
    pub(crate) fn metric(&self, readings: &BTreeMap<String, f64>) -> f64 {
        let read = |name: &str| readings.get(name).copied().unwrap_or(0.0);
        self.weights.iter().map(|(name, weight)| weight * read(name)).sum()
    }

    /// The same with a time that runs so many times faster.
    pub(crate) fn faster(mut self, speed: f64) -> Self {
        self.polling_interval /= speed;
        // Of what arrives in a second of ours, a second of the fleet's has less.
        self.weights
            .iter_mut()
            .filter(|(name, _)| name.ends_with(RATE))
            .for_each(|(_, weight)| *weight /= speed);
        for rules in [&mut self.behavior.scale_up, &mut self.behavior.scale_down] {
            rules.stabilization_window_seconds /= speed;
            rules.policies.iter_mut().for_each(|policy| policy.period_seconds /= speed);
        }
        self
    }
}

/// A sum of names, each with or without a factor before it: `2 * high + normal`.
fn weights(formula: &str) -> Result<BTreeMap<String, f64>, String> {
    let term = |term: &str| {
        let (factor, name) = term.split_once('*').unwrap_or(("1", term));
        let (factor, name) = (factor.trim().parse::<f64>().ok()?, name.trim());
        let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        named.then(|| (name.to_owned(), factor))
    };
    let terms: Option<BTreeMap<_, _>> = formula.split('+').map(term).collect();
    terms.ok_or_else(|| format!("formula '{formula}' is no sum of weighted names"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::Repository;

    #[test]
    fn the_committed_one_is_understood() {
        let root = Repository::find().unwrap().root;
        let scaled = Scaled::read(&root).unwrap();
        let names = ["high", "high_rate", "low", "low_rate", "normal", "normal_rate"];
        assert_eq!(scaled.weights.keys().collect::<Vec<_>>(), names);
        assert!(scaled.least >= 1 && scaled.most > scaled.least && scaled.target > 0.0);
        let readings =
            [("high", 10.0), ("low", 4.0), ("normal_rate", 0.5)].map(|(name, read)| (name.to_owned(), read));
        assert_eq!(scaled.metric(&readings.into()), 52.0);
        let faster = scaled.clone().faster(10.0);
        assert_eq!(faster.polling_interval, scaled.polling_interval / 10.0);
        assert_eq!(faster.weights["low_rate"], scaled.weights["low_rate"] / 10.0);
        assert_eq!(
            faster.behavior.scale_down.stabilization_window_seconds,
            scaled.behavior.scale_down.stabilization_window_seconds / 10.0
        );
    }

    #[test]
    fn another_formula_is_refused() {
        assert!(weights("max(high, low)").unwrap_err().contains("max(high, low)"));
        assert!(weights("high + ").is_err() && weights("x * high").is_err());
        assert_eq!(weights("high").unwrap(), BTreeMap::from([("high".to_owned(), 1.0)]));
    }
}
