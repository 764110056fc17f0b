use super::*;
use crate::signals;
use half_band::PAIRS;

/// All of what a decimator yields, fed in pieces of these sizes, used in turn: middle, low, upper.
fn run(rate: u32, signal: &[f32], sizes: &[usize]) -> [Vec<f32>; 3] {
    let mut decimator = Decimator::new(rate);
    let mut out: [Vec<f32>; 3] = Default::default();
    let mut collect = |decimator: &Decimator| {
        out[0].extend_from_slice(decimator.middle());
        out[1].extend_from_slice(decimator.low());
        out[2].extend_from_slice(decimator.upper());
    };
    let mut at = 0;
    let mut sizes = sizes.iter().cycle();
    while at < signal.len() {
        let end = signal.len().min(at + sizes.next().unwrap());
        decimator.push(&signal[at..end]);
        collect(&decimator);
        at = end;
    }
    decimator.finish();
    collect(&decimator);
    out
}

/// The slow twin: every output by the plain convolution in double precision, with the delay taken out.
fn halve_slowly(signal: &[f32]) -> Vec<f32> {
    let reach = 2 * PAIRS as i64;
    let window = |d: f64| {
        let bessel = |x: f64| {
            (0..40).fold((0.0, 1.0), |(s, t), k| (s + t, t * (x / 2.0 / f64::from(k + 1)).powi(2))).0
        };
        bessel(5.65 * (1.0 - (d / reach as f64).powi(2)).sqrt()) / bessel(5.65)
    };
    let sinc = |d: f64| {
        if d == 0.0 { 0.5 } else { (std::f64::consts::PI * d / 2.0).sin() / (std::f64::consts::PI * d) }
    };
    let odd: f64 = (1..reach).filter(|d| d % 2 == 1).map(|d| sinc(d as f64) * window(d as f64)).sum();
    let tap = |d: i64| {
        if d == 0 {
            0.5
        } else if d % 2 == 0 {
            0.0
        } else {
            sinc(d as f64) * window(d as f64) * 0.25 / odd
        }
    };
    let at = |n: i64| usize::try_from(n).ok().and_then(|n| signal.get(n)).map_or(0.0, |it| f64::from(*it));
    (0..signal.len().div_ceil(2) as i64)
        .map(|m| (1 - reach..reach).map(|d| tap(d) * at(2 * m + d)).sum::<f64>() as f32)
        .collect()
}

fn level(samples: &[f32]) -> f64 {
    let inner = &samples[100..samples.len() - 100];
    10.0 * (2.0 * inner.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>() / inner.len() as f64).log10()
}

#[test]
fn rates_are_halved_while_they_stay_above_the_lowest() {
    let rates = [
        (8_000, 8_000.0, 8_000.0),
        (11_025, 11_025.0, 11_025.0),
        (16_000, 16_000.0, 16_000.0),
        (22_050, 22_050.0, 11_025.0),
        (32_000, 32_000.0, 16_000.0),
        (44_100, 22_050.0, 11_025.0),
        (48_000, 24_000.0, 12_000.0),
        (88_200, 22_050.0, 11_025.0),
        (96_000, 24_000.0, 12_000.0),
        (192_000, 24_000.0, 12_000.0),
    ];
    for (rate, middle, low) in rates {
        let decimator = Decimator::new(rate);
        assert!((decimator.middle_rate() - middle).abs() < 1e-9, "{rate}");
        assert!((decimator.low_rate() - low).abs() < 1e-9, "{rate}");
    }
}

#[test]
fn it_agrees_with_the_plain_convolution() {
    for frames in [1, 2, 7, 31, 1000, 4097] {
        let signal = signals::noise(frames, 3);
        let middle = halve_slowly(&signal);
        let low = halve_slowly(&middle);
        let got = run(44_100, &signal, &[4096]);
        for (got, expected) in got.iter().zip([&middle, &low]) {
            assert_eq!(got.len(), expected.len());
            assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{frames} frames");
        }
    }
}

#[test]
fn pieces_of_any_size_give_the_same_samples() {
    let signal = signals::noise(20_000, 5);
    let whole = run(96_000, &signal, &[20_000]);
    assert_eq!(run(96_000, &signal, &[1, 3, 4096, 17, 2]), whole);
    assert_eq!(run(96_000, &signal, &[1]), whole);
}

#[test]
fn a_pulse_stays_where_it_is() {
    let mut signal = vec![0.0; 8000];
    signal[4000] = 1.0;
    let [middle, low, _] = run(44_100, &signal, &[777]);
    let peak =
        |samples: &[f32]| (0..samples.len()).max_by(|a, b| samples[*a].total_cmp(&samples[*b])).unwrap();
    assert_eq!((peak(&middle), peak(&low)), (2000, 1000));
}

#[test]
fn what_would_fold_down_is_removed() {
    let hear = |frequency| run(44_100, &signals::sine(44_100, frequency, 1.0, 1.0), &[4096]);
    for frequency in [30.0, 440.0, 2000.0, 4000.0] {
        assert!(level(&hear(frequency)[1]).abs() < 0.05, "{frequency} Hz");
    }
    // These fold down to 4000 Hz and below; the transition, around 5512 Hz, is nobody's.
    for frequency in [7_030.0, 9_000.0, 11_000.0, 15_000.0, 18_100.0, 22_000.0] {
        assert!(level(&hear(frequency)[1]) < -55.0, "{frequency} Hz: {}", level(&hear(frequency)[1]));
    }
    assert!(level(&hear(7_500.0)[2]).abs() < 0.1);
    assert!(level(&hear(3_500.0)[2]) < -55.0);
}

#[test]
fn a_low_rate_passes_untouched() {
    let signal = signals::noise(5000, 9);
    let [middle, low, upper] = run(8_000, &signal, &[999]);
    assert_eq!((&middle, &low), (&signal, &signal));
    assert!(upper.is_empty());
}
