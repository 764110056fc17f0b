use crate::{
    descriptors, fingerprint, key, loudness, quality, rhythm, silence, similarity, structure, timbre,
    waveform,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One part of a report that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    Tags,
    Loudness,
    Quality,
    Silence,
    Waveform,
    Key,
    Tempo,
    Spectral,
    Descriptors,
    Structure,
    Similarity,
    Fingerprint,
}

pub(crate) const ALL: [Feature; 12] = [
    Feature::Tags,
    Feature::Loudness,
    Feature::Quality,
    Feature::Silence,
    Feature::Waveform,
    Feature::Key,
    Feature::Tempo,
    Feature::Spectral,
    Feature::Descriptors,
    Feature::Structure,
    Feature::Similarity,
    Feature::Fingerprint,
];

impl Feature {
    /// Its name, in a list as in a report's versions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tags => "tags",
            Self::Loudness => "loudness",
            Self::Quality => "quality",
            Self::Silence => "silence",
            Self::Waveform => "waveform",
            Self::Key => "key",
            Self::Tempo => "tempo",
            Self::Spectral => "spectral",
            Self::Descriptors => "descriptors",
            Self::Structure => "structure",
            Self::Similarity => "similarity",
            Self::Fingerprint => "fingerprint",
        }
    }

    /// What it is made from.
    fn ingredients(self) -> &'static [Self] {
        match self {
            Self::Descriptors => &[Self::Loudness, Self::Key, Self::Tempo, Self::Spectral],
            Self::Structure => &[Self::Key, Self::Spectral],
            Self::Similarity => &[Self::Descriptors, Self::Loudness, Self::Key, Self::Tempo, Self::Spectral],
            _ => &[],
        }
    }

    /// Version of what it computes today; `None` for what is read from the file each time.
    pub(crate) fn version(self) -> Option<u16> {
        Some(match self {
            Self::Tags => return None,
            Self::Loudness => loudness::VERSION,
            Self::Quality => quality::VERSION,
            Self::Silence => silence::VERSION,
            Self::Waveform => waveform::VERSION,
            Self::Key => key::VERSION,
            Self::Tempo => rhythm::VERSION,
            Self::Spectral => timbre::VERSION,
            Self::Descriptors => descriptors::VERSION,
            Self::Structure => structure::VERSION,
            Self::Similarity => similarity::VERSION,
            Self::Fingerprint => fingerprint::VERSION,
        })
    }

    fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// The parts of a report to compute. What is not asked for costs nothing.
///
/// Written as `all`, or as names separated by commas: `tags`, `loudness`, `quality`, `silence`, `waveform`, `key`, `tempo`,
/// `spectral`, `descriptors`, `structure`, `similarity`, `fingerprint`. Displayed in one canonical form, so that it can be part of a cache key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Features(u32);

impl Features {
    /// Every part.
    pub const ALL: Self = Self((1 << ALL.len()) - 1);

    pub(crate) fn contains(self, feature: Feature) -> bool {
        self.0 & feature.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Feature> {
        ALL.into_iter().filter(move |feature| self.contains(*feature))
    }

    /// These, and all that they are made from.
    pub(crate) fn with_ingredients(self) -> Self {
        Self(self.iter().flat_map(|feature| feature.ingredients()).fold(self.0, |bits, it| bits | it.bit()))
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        Self(features.into_iter().fold(0, |bits, it| bits | it.bit()))
    }
}

impl Default for Features {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Features {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        if *self == Self::ALL {
            return out.write_str("all");
        }
        let names: Vec<_> = self.iter().map(Feature::name).collect();
        out.write_str(&names.join(","))
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "Features({self})")
    }
}

/// A list of features that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown feature `{name}`: expected `all`, or a comma-separated list of {}", ALL.map(Feature::name).join(", "))]
pub struct UnknownFeature {
    name: String,
}

impl FromStr for Features {
    type Err = UnknownFeature;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut features = Self(0);
        for name in text.split(',').map(str::trim) {
            if name.eq_ignore_ascii_case("all") {
                features = Self::ALL;
                continue;
            }
            let feature = ALL
                .into_iter()
                .find(|feature| feature.name().eq_ignore_ascii_case(name))
                .ok_or_else(|| UnknownFeature { name: name.to_owned() })?;
            features.0 |= feature.bit();
        }
        Ok(features)
    }
}

impl TryFrom<String> for Features {
    type Error = UnknownFeature;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Features> for String {
    fn from(features: Features) -> Self {
        features.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_list_is_canonical() {
        let features: Features = " waveform, tags,TAGS ".parse().unwrap();
        assert_eq!(features.to_string(), "tags,waveform");
        assert!(features.contains(Feature::Tags) && features.contains(Feature::Waveform));
        assert!(!features.contains(Feature::Loudness));
    }

    #[test]
    fn naming_every_part_is_all() {
        let listed: Features =
            "fingerprint,similarity,structure,descriptors,spectral,tempo,key,silence,quality,loudness,tags,waveform"
                .parse()
                .unwrap();
        assert_eq!(listed, Features::ALL);
        assert_eq!("tags,all".parse(), Ok(Features::default()));
        assert_eq!(listed.to_string(), "all");
    }

    #[test]
    fn the_error_names_the_word_and_the_choice() {
        let error = "tags,lowdness".parse::<Features>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown feature `lowdness`: expected `all`, or a comma-separated list of tags, loudness, quality, silence, waveform, key, tempo, spectral, descriptors, structure, similarity, fingerprint"
        );
        assert!("".parse::<Features>().is_err());
        assert!("tags,".parse::<Features>().is_err());
    }

    #[test]
    fn ingredients_of_ingredients_are_there() {
        for feature in ALL {
            let needed = Features(feature.bit()).with_ingredients();
            assert!(needed.contains(feature));
            assert_eq!(needed.with_ingredients(), needed, "{}", feature.name());
        }
        let plain: Features = "tags,loudness,tempo".parse().unwrap();
        assert_eq!(plain.with_ingredients(), plain);
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverse(bits in 1u32..4096) {
            prop_assert_eq!(Features(bits).to_string().parse(), Ok(Features(bits)));
        }
    }
}
