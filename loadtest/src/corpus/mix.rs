//! Notes to a stereo mix to integer samples.

use super::compose::{Note, Part, compose};
use super::math::from_decibels;
use super::pcm::{Layout, Pcm};
use super::piece::Piece;
use super::random::Random;
use super::voices::{Drum, hit, tone};

/// A stereo mix, full scale at 1.
#[derive(Debug)]
struct Mix {
    left: Vec<f64>,
    right: Vec<f64>,
}

/// Composes and plays a piece. The same piece and layout give the same samples on every machine.
pub(crate) fn render(piece: &Piece, layout: Layout) -> Pcm {
    let frames = layout.frames(piece.seconds);
    let mut mix = Mix { left: vec![0.0; frames], right: vec![0.0; frames] };
    let mut noise = Random::new(piece.seed, "noise");
    for note in compose(piece) {
        add(&mut mix, piece, &note, f64::from(layout.rate), &mut noise);
    }
    let mut dither = Random::new(piece.seed, "dither");
    if layout.channels == 1 {
        let middle: Vec<f64> = mix.left.iter().zip(&mix.right).map(|(l, r)| 0.5 * (l + r)).collect();
        let mut channels = [middle];
        master(&mut channels, piece, layout);
        return Pcm::quantise(layout, &channels, &mut dither);
    }
    let mut channels = [mix.left, mix.right];
    master(&mut channels, piece, layout);
    Pcm::quantise(layout, &channels, &mut dither)
}

/// Level of a part and its place from −1 (left) to 1 (right).
fn place(note: &Note) -> (f64, f64) {
    match note.part {
        Part::Kick => (0.9, 0.0),
        Part::Snare => (0.5, 0.05),
        Part::ClosedHat => (0.32, 0.3),
        Part::OpenHat => (0.28, -0.3),
        Part::Bass => (0.5, 0.0),
        Part::Chords => (0.2, spread(note)),
        Part::Lead => (0.3, 0.15),
    }
}

/// The tones of a chord stand side by side, low ones on the left.
fn spread(note: &Note) -> f64 {
    let pitch = f64::from(note.pitch.unwrap_or(60));
    ((pitch - 60.0) / 12.0).clamp(-1.0, 1.0) * 0.6
}

fn add(mix: &mut Mix, piece: &Piece, note: &Note, rate: f64, noise: &mut Random) {
    let style = piece.style();
    let pitch = note.pitch.unwrap_or(60);
    let samples = match note.part {
        Part::Kick => hit(Drum::Kick, note, rate, noise),
        Part::Snare => hit(Drum::Snare, note, rate, noise),
        Part::ClosedHat => hit(Drum::ClosedHat, note, rate, noise),
        Part::OpenHat => hit(Drum::OpenHat, note, rate, noise),
        Part::Bass => tone(style.bass_voice, note, pitch, rate),
        Part::Chords => tone(style.chord_voice, note, pitch, rate),
        Part::Lead => tone(style.lead_voice, note, pitch, rate),
    };
    let (gain, pan) = place(note);
    // Equal power: the two gains' squares sum up to the same at every place.
    let (left, right) = (gain * (0.5 - 0.5 * pan).sqrt(), gain * (0.5 + 0.5 * pan).sqrt());
    let start = (note.start * rate).round() as usize;
    let rest = mix.left.iter_mut().zip(mix.right.iter_mut()).skip(start);
    for ((l, r), sample) in rest.zip(samples) {
        *l += left * sample;
        *r += right * sample;
    }
}

/// Fades, and the gain that puts the highest sample where the piece wants it.
fn master(channels: &mut [Vec<f64>], piece: &Piece, layout: Layout) {
    let rate = f64::from(layout.rate);
    for channel in channels.iter_mut() {
        fade(channel, (piece.fade_in * rate) as usize, (piece.fade_out * rate) as usize);
    }
    let peak = channels.iter().flatten().fold(0.0_f64, |peak, x| peak.max(x.abs()));
    if peak > 0.0 {
        let gain = from_decibels(piece.peak_dbfs) / peak;
        channels.iter_mut().flatten().for_each(|x| *x *= gain);
    }
}

/// Linear fades over that many samples at both ends.
fn fade(channel: &mut [f64], fade_in: usize, fade_out: usize) {
    let ends = channel.len();
    for (i, x) in channel.iter_mut().take(fade_in).enumerate() {
        *x *= i as f64 / fade_in as f64;
    }
    for (i, x) in channel.iter_mut().skip(ends.saturating_sub(fade_out)).rev().enumerate() {
        *x *= i as f64 / fade_out as f64;
    }
}

#[cfg(test)]
pub(super) mod tests;
