use serde::{Deserialize, Serialize};

/// What can be said of a piece in one number each.
///
/// The first two are measured. The others are **heuristics**: rules of thumb whose ingredients are known from the literature
/// and whose constants were set by hand, so that they order music plausibly. They were not fitted to what listeners said, and
/// are no better than their ingredients. Each is a weighted mean of terms from 0 to 1, where s(x; m, w) = 1/(1 + e^((m − x)/w))
/// is the logistic curve that rises through ½ at x = m, and falls if w is negative. A heuristic is `None` if one of its
/// ingredients does not exist.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Descriptors {
    /// Onsets per second: peaks of the onset novelty (Böck, Krebs & Schedl, "Evaluating the online capabilities of onset
    /// detection methods", 2012), also where there is no tempo. Masked and very soft onsets are missed.
    pub onsets_per_second: f64,
    /// Mean share of each of the 12 pitch classes, C first, relative to the tuning; also where there is no key. The shares add
    /// up to 1. Empty if nothing has a pitch.
    pub chroma_mean: Vec<f64>,
    /// Which heuristics the numbers below are: `heuristic-1`. Those of other names cannot be compared with them.
    pub method: String,
    /// How easy it is to dance to, 0 to 1: ½ s(α; 0.32, −0.07) + 0.3 s(b; 2.6, 0.7) + 0.2 × the stability of the tempo. α is the
    /// exponent of the detrended fluctuations of the onset novelty over 0.3 to 2.5 s: low where the rhythm repeats
    /// (Streich & Herrera, "Detrended fluctuation analysis of music signals: danceability estimation and further semantic
    /// characterization", 2005). b is the novelty below 200 Hz on the beats, in standard deviations. 0 of what has no
    /// pulse: noise is as even as a groove. `None` where it is too short for a tempo.
    pub danceability: Option<f64>,
    /// How forceful it is, 0 to 1: 0.45 s(integrated loudness; −18, 4 LUFS) + 0.2 s(onsets per second; 3.5, 1.2) +
    /// 0.25 s(spectral flux; 0.22, 0.07) + 0.1 s(loudness range; 4, −2 LU). The ingredients are those of perceptual energy in
    /// Tzanetakis & Cook 2002 and Gabrielsson & Lindström 2010 ("The role of structure in the musical expression of emotions").
    /// `None` below the loudness gate, or shorter than 3 s.
    pub energy: Option<f64>,
    /// How much treble, 0 to 1: 0.6 s(log₂ of the centroid; log₂ 1600 Hz, 0.45) + 0.4 s(log₂ of the roll-off; log₂ 3200 Hz, 0.5).
    /// The centroid is what brightness is most often found to be (Schubert & Wolfe, "Does timbral brightness scale with
    /// frequency and spectral centroid?", 2006).
    pub brightness: Option<f64>,
    /// How much like acoustic instruments without drums and electronics, 0 to 1: 0.35 s(log₁₀ of the flatness; −2.4, −0.35) +
    /// 0.25 s(mean contrast of the bands; 29, 2.5 dB) + 0.2 s(log₂ of the bandwidth; log₂ 1900 Hz, −0.3) +
    /// 0.2 s(log₂ of the mean onset novelty between 5.5 and 11 kHz; log₂ 0.04, −0.8). Clear tones speak for it, noise, width
    /// and cymbals against it (Jiang et al. 2002 for the contrast, Gouyon, Pachet & Delerue 2000 for percussion).
    pub acousticness: Option<f64>,
    /// How pleasant (the horizontal axis of Russell, "A circumplex model of affect", 1980), 0 to 1: ½ × the chance that the mode
    /// is major, of the key's candidates + 0.3 s(log₂ of the tempo; log₂ 105 BPM, 0.35) + 0.2 × brightness. Mode and tempo are the
    /// strongest predictors in Eerola, Lartillot & Toiviainen, "Prediction of multidimensional emotional ratings in music from
    /// audio" (2009). `None` without key or tempo.
    pub valence: Option<f64>,
    /// How excited (the vertical axis of Russell 1980), 0 to 1: 0.45 s(integrated loudness; −18, 4 LUFS) +
    /// 0.3 s(onsets per second; 3.5, 1.2) + 0.25 × brightness: loudness, event density and brightness, after Eerola et al. 2009 and
    /// Laurier et al., "Exploring relationships between audio and emotion in music" (2009). `None` below the loudness gate.
    pub arousal: Option<f64>,
}
