use crate::onset::{Band, Novelty, PITCHES};

/// Kinds of evidence.
pub(crate) const KINDS: usize = 10;
/// Frames to each side of a beat in which its onset may peak.
const NEAR: usize = 2;
/// A single beat counts for so many deviations at most: a crash or a pause says no more than a strong bar.
const FURTHEST: f64 = 3.0;
/// Deviations below this are no evidence but rounding.
const FLAT: f64 = 1e-4;

/// What each beat has that a downbeat may have more of, each kind with mean 0 and deviation 1 over the piece.
///
/// How far the pitch classes move, from the beat before and from the two before to the two that follow; what begins on the
/// beat in the four bands, what ends; what begins in the bass half a beat later; how much begins until the next beat, and
/// how loud the pitches then are.
pub(crate) fn evidence(novelty: &Novelty, seconds: &[f64]) -> Vec<[f64; KINDS]> {
    let frames: Vec<usize> = seconds.iter().map(|it| (it * novelty.rate()).round() as usize).collect();
    let mut rows: Vec<[f64; KINDS]> = (0..frames.len()).map(|beat| raw(novelty, &frames, beat)).collect();
    for kind in 0..KINDS {
        standardise(&mut rows, kind);
    }
    rows
}

fn raw(novelty: &Novelty, frames: &[usize], beat: usize) -> [f64; KINDS] {
    let last = frames.len() - 1;
    let place = |beat: usize| frames[beat.min(last)];
    let chord = |from: usize, to: usize| novelty.chord(place(from), place(to));
    let (one, two) = (beat.saturating_sub(1), beat.saturating_sub(2));
    let now = chord(beat, beat + 1);
    let on = |band: Band, frame: usize| {
        let near = novelty.band(band, frame.saturating_sub(NEAR), frame + NEAR + 1);
        f64::from(near.fold(0.0, f32::max))
    };
    let here = place(beat);
    let middle = (here + place(beat + 1)) / 2;
    let until = novelty.sum(here, place(beat + 1));
    [
        change(&chord(one, beat), &now),
        change(&chord(two, beat), &chord(beat, beat + 2)),
        on(Band::Low, here),
        on(Band::Middle, here),
        on(Band::High, here),
        on(Band::Air, here),
        on(Band::Fall, here),
        on(Band::Low, middle),
        f64::from(until.iter().sum::<f32>()) / until.len().max(1) as f64,
        f64::from(now.iter().sum::<f32>()),
    ]
}

/// 1 − cosine between what sounds before and after.
fn change(before: &[f32; PITCHES], after: &[f32; PITCHES]) -> f64 {
    let dot =
        |a: &[f32; PITCHES], b: &[f32; PITCHES]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    let scale = (dot(before, before) * dot(after, after)).sqrt();
    if scale > 0.0 { 1.0 - dot(before, after) / scale } else { 0.0 }
}

fn standardise(rows: &mut [[f64; KINDS]], kind: usize) {
    let count = rows.len().max(1) as f64;
    let mean = rows.iter().map(|it| it[kind]).sum::<f64>() / count;
    let deviation = (rows.iter().map(|it| (it[kind] - mean).powi(2)).sum::<f64>() / count).sqrt();
    for row in rows {
        let value = if deviation > FLAT { (row[kind] - mean) / deviation } else { 0.0 };
        row[kind] = value.clamp(-FURTHEST, FURTHEST);
    }
}
