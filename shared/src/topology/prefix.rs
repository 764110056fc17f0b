//! Which prefixes (`QUEUE_PREFIX`) keep the names of two fleets apart.
//!
//! A fleet appends `.LEVEL`, `.retry.DELAY` or `.dead` to its prefix. A prefix that itself ends like that would be a name
//! of another fleet: the exchange of the fleet `analysis.dead` is the exchange of the dead letters of the fleet
//! `analysis`. Without such a word behind a dot, the prefix can be read off every name, so that different prefixes never
//! share one.

use crate::job::Levels;

/// What follows the prefix in the names of a fleet, beside the names of its levels.
const SUFFIXES: [&str; 2] = ["dead", "retry"];

/// The first part of the prefix, behind its first dot, that a fleet appends to its own prefix; `None` where the prefix
/// can be used.
#[must_use]
pub fn reserved_part(prefix: &str) -> Option<&str> {
    prefix.split('.').skip(1).find(|part| is_reserved(part))
}

fn is_reserved(part: &str) -> bool {
    // Whatever number of levels another fleet has.
    let mut all_levels = (1..=u8::MAX).map_while(|count| Levels::new(count).ok());
    let is_level = all_levels.any(|levels| levels.iter().any(|level| levels.name(level) == part));
    is_level || SUFFIXES.contains(&part)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::topology::Topology;

    #[test]
    fn the_names_of_a_fleet_are_no_prefixes() {
        let cases = [
            ("analysis", None),
            ("analysis.night", None),
            ("analysis-dead", None),
            ("analysis.deadline", None),
            ("dead", None),
            ("low.latency", None),
            ("analysis.", None),
            ("analysis.p10", None),
            ("analysis.dead", Some("dead")),
            ("analysis.retry", Some("retry")),
            ("analysis.retry.5s", Some("retry")),
            ("analysis.high", Some("high")),
            ("analysis.normal", Some("normal")),
            ("analysis.low", Some("low")),
            ("analysis.p0", Some("p0")),
            ("analysis.p9", Some("p9")),
            ("analysis.dead.b", Some("dead")),
        ];
        for (prefix, expected) in cases {
            assert_eq!(reserved_part(prefix), expected, "{prefix}");
        }
    }

    /// Every name that a fleet with this prefix may use at the broker, whatever its other settings are.
    fn names(prefix: &str) -> BTreeSet<String> {
        let delays = [100, 1000, 1500, 5000, 60_000, 120_000, 86_400_000].map(Duration::from_millis);
        let topologies = (1..=10).map(|levels| Topology {
            prefix: prefix.to_owned(),
            levels: Levels::new(levels).unwrap(),
            max_size: 1,
            retry_delays: delays.to_vec(),
        });
        topologies.flat_map(|topology| topology.objects()).map(|object| object.name().to_owned()).collect()
    }

    fn prefix() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            3 => prop::sample::select(vec!["a", "b", "", "high", "low", "p0", "p3", "dead", "retry"]),
            1 => prop::sample::select(vec!["5s", "1500ms", "2m", "100ms", "p10", "normal"]),
        ];
        prop::collection::vec(part, 1..5).prop_map(|parts| parts.join("."))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn no_two_accepted_prefixes_share_a_name(one in prefix(), other in prefix()) {
            prop_assume!(one != other);
            let shared: Vec<_> = names(&one).intersection(&names(&other)).cloned().collect();
            let accepted = reserved_part(&one).is_none() && reserved_part(&other).is_none();
            prop_assert!(!accepted || shared.is_empty(), "{} and {} share {:?}", one, other, shared);
        }
    }

    /// The rule is needed: each suffix makes a pair that shares a name.
    #[test]
    fn each_suffix_of_a_fleet_would_collide() {
        for name in names("a").into_iter().filter(|name| name != "a") {
            assert!(reserved_part(&name).is_some(), "{name}");
            assert!(names(&name).contains(&name), "the fleet '{name}' has an exchange of that name");
        }
    }
}
