//! Priority levels and their names.

use serde::{Deserialize, Serialize};

/// A priority level; 0 is the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Priority(pub u8);

/// The levels of a fleet (`QUEUE_PRIORITY_LEVELS`): `high`, `normal`, `low` for three, otherwise `p0` … `pN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels(u8);

/// More levels would be more queues on every broker node than anybody can tell apart.
const MAX_LEVELS: u8 = 10;
const THREE: [&str; 3] = ["high", "normal", "low"];
const MANY: [&str; MAX_LEVELS as usize] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"];

/// A number of levels that no fleet can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} priority levels: expected 1 to {MAX_LEVELS}")]
pub struct LevelsError(pub u8);

/// A name that is none of the fleet's levels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown priority level '{name}': expected one of {expected}")]
pub struct UnknownLevel {
    name: String,
    expected: String,
}

impl Levels {
    /// # Errors
    /// When the count is not 1 to 10.
    pub const fn new(count: u8) -> Result<Self, LevelsError> {
        if count == 0 || count > MAX_LEVELS { Err(LevelsError(count)) } else { Ok(Self(count)) }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(self) -> usize {
        self.0 as usize
    }

    /// All levels, the highest first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Priority> + ExactSizeIterator {
        (0..self.0).map(Priority)
    }

    /// The level that a job gets when nobody says otherwise: the middle one.
    #[must_use]
    pub const fn default_level(self) -> Priority {
        Priority(self.0 / 2)
    }

    /// The lowest level.
    #[must_use]
    pub const fn lowest(self) -> Priority {
        Priority(self.0 - 1)
    }

    /// The name of a level, as in queue names and on the command line. A level beyond the last has the last one's
    /// name: a message of a fleet with more levels is served as the lowest here.
    #[must_use]
    pub fn name(self, level: Priority) -> &'static str {
        let index = usize::from(level.min(self.lowest()).0);
        if self.0 == 3 { THREE[index] } else { MANY[index] }
    }

    /// The level of a name.
    ///
    /// # Errors
    /// When no level has it; the error lists those that exist.
    pub fn parse(self, name: &str) -> Result<Priority, UnknownLevel> {
        self.iter().find(|level| self.name(*level) == name).ok_or_else(|| UnknownLevel {
            name: name.to_owned(),
            expected: self.iter().map(|level| self.name(level)).collect::<Vec<_>>().join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_levels_are_each_others_inverse() {
        for count in 1..=MAX_LEVELS {
            let levels = Levels::new(count).unwrap();
            assert_eq!(levels.iter().len(), levels.count());
            for level in levels.iter() {
                assert_eq!(levels.parse(levels.name(level)), Ok(level));
            }
        }
        assert_eq!(Levels::new(0), Err(LevelsError(0)));
        assert_eq!(Levels::new(11), Err(LevelsError(11)));
    }

    #[test]
    fn three_levels_have_words() {
        let levels = Levels::new(3).unwrap();
        assert_eq!(levels.name(levels.default_level()), "normal");
        assert_eq!(levels.name(Priority(200)), "low");
        let error = levels.parse("urgent").unwrap_err().to_string();
        assert_eq!(error, "unknown priority level 'urgent': expected one of high, normal, low");
    }
}
