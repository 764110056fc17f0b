//! Plain listeners, slow and obvious: is what was written there to be heard?

use crate::corpus::pcm::Pcm;
use crate::corpus::theory::{Key, Mode, frequency};

/// The profiles of Krumhansl and Kessler (1982).
const MAJOR: [f64; 12] = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88];
const MINOR: [f64; 12] = [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17];

/// Frames of the onset envelope per second.
const ENVELOPE_RATE: usize = 200;

fn mono(pcm: &Pcm) -> Vec<f64> {
    let channels = usize::from(pcm.layout.channels);
    pcm.samples.chunks(channels).map(|frame| frame.iter().map(|s| f64::from(*s)).sum::<f64>()).collect()
}

/// The lag in seconds between `from` and `to` at which the onset envelope is most like itself.
pub(in crate::corpus) fn periodicity(pcm: &Pcm, from: f64, to: f64) -> f64 {
    let hop = pcm.layout.rate as usize / ENVELOPE_RATE;
    let energy: Vec<f64> = mono(pcm).chunks(hop).map(|c| c.iter().map(|x| x * x).sum()).collect();
    // A floor of −40 dB keeps the start out of silence from outweighing everything.
    let floor = 1e-4 * energy.iter().copied().fold(0.0, f64::max);
    let level: Vec<f64> = energy.iter().map(|e| (floor + e).ln()).collect();
    let rise: Vec<f64> = level.windows(2).map(|w| (w[1] - w[0]).max(0.0)).collect();
    // Onsets 20 ms apart are the same beat, as they are to an ear.
    let rise: Vec<f64> = rise.windows(5).map(|w| w.iter().sum()).collect();
    let mean = rise.iter().sum::<f64>() / rise.len() as f64;
    let likeness = |lag: usize| {
        let pairs = rise.len() - lag;
        (0..pairs).map(|i| (rise[i] - mean) * (rise[i + lag] - mean)).sum::<f64>() / pairs as f64
    };
    let rate = f64::from(pcm.layout.rate) / hop as f64;
    let lags = (from * rate) as usize..=(to * rate) as usize;
    let best = lags.max_by(|a, b| likeness(*a).total_cmp(&likeness(*b))).unwrap();
    best as f64 / rate
}

/// Amplitude per pitch class, from one Goertzel filter per pitch and quarter second.
fn chroma(pcm: &Pcm) -> [f64; 12] {
    let rate = f64::from(pcm.layout.rate);
    let signal = mono(pcm);
    let length = pcm.layout.rate as usize / 4;
    let window: Vec<f64> =
        (0..length).map(|i| 0.5 - 0.5 * (i as f64 / length as f64 * std::f64::consts::TAU).cos()).collect();
    let mut chroma = [0.0; 12];
    for block in signal.chunks_exact(length) {
        let block: Vec<f64> = block.iter().zip(&window).map(|(x, w)| x * w).collect();
        for pitch in 33..=88_u8 {
            chroma[usize::from(pitch % 12)] += goertzel(&block, frequency(pitch) / rate);
        }
    }
    chroma
}

fn goertzel(block: &[f64], turns: f64) -> f64 {
    let coefficient = 2.0 * (turns * std::f64::consts::TAU).cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for x in block {
        (s1, s2) = (x + coefficient * s1 - s2, s1);
    }
    (s1 * s1 + s2 * s2 - coefficient * s1 * s2).max(0.0).sqrt()
}

/// Share of the amplitude that lies in the scale of a key.
pub(in crate::corpus) fn scale_share(pcm: &Pcm, key: Key) -> f64 {
    let chroma = chroma(pcm);
    let inside: f64 = (0..7).map(|degree| chroma[usize::from(key.pitch(degree, 60) % 12)]).sum();
    inside / chroma.iter().sum::<f64>()
}

/// The key whose profile the chroma is most like.
pub(in crate::corpus) fn heard_key(pcm: &Pcm) -> Key {
    let chroma = chroma(pcm);
    let mut best = (f64::MIN, Key { tonic: 0, mode: Mode::Major });
    for tonic in 0..12_u8 {
        for (mode, profile) in [(Mode::Major, MAJOR), (Mode::Minor, MINOR)] {
            let turned: Vec<f64> = (0..12).map(|i| chroma[(i + usize::from(tonic)) % 12]).collect();
            let likeness = correlation(&turned, &profile);
            if likeness > best.0 {
                best = (likeness, Key { tonic, mode });
            }
        }
    }
    best.1
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let covariance: f64 = a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum();
    let variance = |x: &[f64], m: f64| x.iter().map(|v| (v - m) * (v - m)).sum::<f64>();
    covariance / (variance(a, ma) * variance(b, mb)).sqrt()
}
