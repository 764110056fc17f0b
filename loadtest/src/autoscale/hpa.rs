//! The algorithm of Kubernetes' HorizontalPodAutoscaler (autoscaling/v2) for one external metric with a target per pod.
//!
//! After <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/>, "Algorithm details" and "Configurable
//! scaling behavior", and its source (`pkg/controller/podautoscaler/horizontal.go`). Pure: whoever asks says what time it is.

use serde::Deserialize;

/// A need within this share of what there is changes nothing (`--horizontal-pod-autoscaler-tolerance`).
const TOLERANCE: f64 = 0.1;

/// `behavior`, with the names that it has there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Behavior {
    pub(crate) scale_up: Rules,
    pub(crate) scale_down: Rules,
}

/// How fast and how steadily, in one direction.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rules {
    pub(crate) stabilization_window_seconds: f64,
    pub(crate) select_policy: Select,
    pub(crate) policies: Vec<Policy>,
}

/// Which policy counts where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest.
    Min,
    /// No change in this direction.
    Disabled,
}

/// What may change within a period.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Policy {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    pub(crate) value: u32,
    pub(crate) period_seconds: f64,
}

/// The unit of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Kind {
    Pods,
    Percent,
}

/// An autoscaler, and what it remembers.
#[derive(Debug)]
pub(crate) struct Hpa {
    behavior: Behavior,
    /// Fewest and most pods.
    bounds: (u32, u32),
    target: f64,
    /// When so many pods were called for.
    called_for: Vec<(f64, u32)>,
    /// When so many pods were added, or taken away (negative).
    changes: Vec<(f64, i64)>,
}

impl Hpa {
    pub(crate) const fn new(behavior: Behavior, bounds: (u32, u32), target: f64) -> Self {
        Self { behavior, bounds, target, called_for: Vec::new(), changes: Vec::new() }
    }

    /// How many pods there are to be `now` (seconds), where there are `current` and the metric has this value.
    pub(crate) fn pods(&mut self, now: f64, current: u32, metric: f64) -> u32 {
        let wanted = self.stabilized(now, current, self.needed(current, metric));
        let allowed = match wanted.cmp(&current) {
            std::cmp::Ordering::Greater => wanted.min(self.most(now, current)),
            std::cmp::Ordering::Less => wanted.max(self.fewest(now, current)),
            std::cmp::Ordering::Equal => current,
        };
        let pods = allowed.clamp(self.bounds.0, self.bounds.1);
        if pods != current {
            self.changes.push((now, i64::from(pods) - i64::from(current)));
        }
        pods
    }

    fn needed(&self, current: u32, metric: f64) -> u32 {
        let ratio = metric / (self.target * f64::from(current.max(1)));
        let needed =
            if (ratio - 1.0).abs() <= TOLERANCE { current } else { (metric / self.target).ceil() as u32 };
        needed.clamp(self.bounds.0, self.bounds.1)
    }

    /// No more than was called for all through the window of scaling up, no fewer than at any time in that of scaling down.
    fn stabilized(&mut self, now: f64, current: u32, needed: u32) -> u32 {
        let windows =
            [&self.behavior.scale_up, &self.behavior.scale_down].map(|it| it.stabilization_window_seconds);
        if self.called_for.is_empty() {
            // As it is at the beginning nobody knows why; it counts as called for.
            self.called_for.push((now, current));
        }
        let within = |window: f64| {
            let known = self.called_for.iter().filter(move |(at, _)| *at > now - window);
            known.map(|(_, pods)| *pods).chain([needed])
        };
        let up = within(windows[0]).min().unwrap_or(needed);
        let down = within(windows[1]).max().unwrap_or(needed);
        self.called_for.push((now, needed));
        self.called_for.retain(|(at, _)| *at > now - windows[0].max(windows[1]));
        current.max(up).min(down)
    }

    fn most(&self, now: f64, current: u32) -> u32 {
        let rules = &self.behavior.scale_up;
        let allowed = rules.policies.iter().map(|policy| {
            let began = self.at_begin(now, current, policy);
            match policy.kind {
                Kind::Pods => began + policy.value,
                Kind::Percent => (f64::from(began) * (1.0 + f64::from(policy.value) / 100.0)).ceil() as u32,
            }
        });
        let chosen = match rules.select_policy {
            Select::Max => allowed.max(),
            Select::Min => allowed.min(),
            Select::Disabled => None,
        };
        chosen.unwrap_or(current).max(current)
    }

    fn fewest(&self, now: f64, current: u32) -> u32 {
        let rules = &self.behavior.scale_down;
        let allowed = rules.policies.iter().map(|policy| {
            let began = self.at_begin(now, current, policy);
            match policy.kind {
                Kind::Pods => began.saturating_sub(policy.value),
                Kind::Percent => (f64::from(began) * (1.0 - f64::from(policy.value.min(100)) / 100.0)) as u32,
            }
        });
        let chosen = match rules.select_policy {
            Select::Max => allowed.min(),
            Select::Min => allowed.max(),
            Select::Disabled => None,
        };
        chosen.unwrap_or(current).min(current)
    }

    /// How many there were when the policy's period began.
    fn at_begin(&self, now: f64, current: u32, policy: &Policy) -> u32 {
        let since: i64 = self
            .changes
            .iter()
            .filter(|(at, _)| *at > now - policy.period_seconds)
            .map(|(_, change)| change)
            .sum();
        u32::try_from(i64::from(current) - since).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(kind: Kind, value: u32, period_seconds: f64) -> Policy {
        Policy { kind, value, period_seconds }
    }

    fn rules(window: f64, policies: &[Policy]) -> Rules {
        Rules {
            stabilization_window_seconds: window,
            select_policy: Select::Max,
            policies: policies.to_vec(),
        }
    }

    /// Kubernetes' defaults: up at once by 100 % or 4 pods in 15 s, down by all after 300 s.
    fn usual() -> Behavior {
        Behavior {
            scale_up: rules(0.0, &[policy(Kind::Percent, 100, 15.0), policy(Kind::Pods, 4, 15.0)]),
            scale_down: rules(300.0, &[policy(Kind::Percent, 100, 15.0)]),
        }
    }

    #[test]
    fn a_need_within_a_tenth_changes_nothing() {
        for (metric, needed) in [(901.0, 10), (1099.0, 10), (1101.0, 12), (899.0, 9)] {
            assert_eq!(Hpa::new(usual(), (1, 50), 100.0).needed(10, metric), needed);
        }
    }

    #[test]
    fn up_by_the_larger_policy_of_each_period() {
        let mut hpa = Hpa::new(usual(), (1, 100), 1.0);
        assert_eq!(hpa.pods(0.0, 1, 1000.0), 5, "four pods are more than double of one");
        assert_eq!(hpa.pods(5.0, 5, 1000.0), 5, "within the same period");
        assert_eq!(hpa.pods(16.0, 5, 1000.0), 10);
        assert_eq!(hpa.pods(32.0, 10, 1000.0), 20);
        assert_eq!(hpa.pods(48.0, 20, 1000.0), 40);
        assert_eq!(hpa.pods(64.0, 40, 1000.0), 80);
        assert_eq!(hpa.pods(80.0, 80, 1000.0), 100, "the most there may be");
    }

    #[test]
    fn the_largest_need_of_the_window_counts_before_any_goes() {
        let mut hpa = Hpa::new(usual(), (1, 100), 1.0);
        for at in 0..20 {
            assert_eq!(hpa.pods(f64::from(at) * 15.0, 8, if at == 1 { 8.0 } else { 2.0 }), 8, "{at}");
        }
        // 300 s after the last time that eight were called for.
        assert_eq!(hpa.pods(316.0, 8, 2.0), 2);
    }

    /// "Example: limit scale down rate" of the documentation: 80 replicas, 10 % or 4 pods a minute.
    #[test]
    fn down_by_a_tenth_and_then_by_four() {
        let down = rules(0.0, &[policy(Kind::Percent, 10, 60.0), policy(Kind::Pods, 4, 60.0)]);
        let mut hpa = Hpa::new(Behavior { scale_down: down, ..usual() }, (10, 100), 1.0);
        let (mut pods, mut seen) = (80, Vec::new());
        for minute in 0..6 {
            pods = hpa.pods(f64::from(minute) * 61.0, pods, 10.0);
            seen.push(pods);
        }
        assert_eq!(seen, [72, 64, 57, 51, 45, 40]);
    }

    #[test]
    fn a_direction_can_be_shut() {
        let down = Rules { select_policy: Select::Disabled, ..usual().scale_down };
        let mut hpa = Hpa::new(Behavior { scale_down: down, ..usual() }, (1, 100), 1.0);
        assert_eq!(hpa.pods(1000.0, 9, 1.0), 9);
    }
}
