//! Structure: where the sections of a piece begin, and which of them are alike.
//!
//! [`columns`] makes one description of timbre, level and harmony from the histories of [`crate::timbre`] and
//! [`crate::chroma`], at most 1200 columns whatever the length. [`partition`] cuts them into homogeneous stretches,
//! [`labels`] finds the stretches that are alike (homogeneity in the sense of Paulus, Müller & Klapuri, "Audio-based music
//! structure analysis", ISMIR 2010, §5). Time is in the square of the number of columns, so it is bounded too.

mod columns;
mod labels;
mod partition;

use crate::chroma::Harmony;
use crate::timbre::{Column, Texture};
use crate::traces::Traces;
use columns::{Columns, WIDTH};
use report::{Report, Section, Structure};

/// Version of what is computed here.
pub(crate) const VERSION: u16 = 1;

/// A shorter piece has one section: two of them would be phrases.
const SHORTEST_SECONDS: f64 = 20.0;
/// No section is shorter: four bars at 160 BPM.
const MIN_SECTION_SECONDS: f64 = 6.0;
/// A section with so much less bass than the fuller columns of the piece (a quarter of the power) is intro or outro.
const WITHOUT_BASS: f64 = 0.25;

/// Describes the piece. `None` if nothing sounds.
pub(crate) fn describe(report: &Report, traces: &Traces) -> Option<Structure> {
    let (texture, harmony) = (traces.texture.as_ref()?, traces.harmony.as_ref()?);
    texture.columns().iter().any(|column| column.power > 0.0).then(|| {
        let seconds = report.audio.duration_seconds;
        let (edges, labels, novelty) = sections(texture, harmony, seconds);
        structure(texture, seconds, &edges, &labels, &novelty)
    })
}

/// Columns at which the sections begin, and the end; what they are called, by number; and how they differ from the ones before.
fn sections(texture: &Texture, harmony: &Harmony, seconds: f64) -> (Vec<usize>, Vec<usize>, Vec<f64>) {
    let count = texture.columns().len();
    if seconds < SHORTEST_SECONDS {
        return (vec![0, count], vec![0], vec![1.0]);
    }
    let columns = Columns::new(texture, harmony);
    let shortest = (MIN_SECTION_SECONDS / texture.column_seconds()).ceil().max(2.0) as usize;
    let edges = partition::edges(&columns, shortest);
    let labels = labels::labels(&columns, &edges);
    // Neighbours that are alike are one section.
    let mut kept: Vec<usize> =
        (0..labels.len()).filter(|at| *at == 0 || labels[*at] != labels[at - 1]).collect();
    let labels: Vec<usize> = kept.iter().map(|at| labels[*at]).collect();
    kept.push(edges.len() - 1);
    let edges: Vec<usize> = kept.iter().map(|at| edges[*at]).collect();
    let novelty = |at: usize| if at == 0 { 1.0 } else { novelty(&columns, &edges[at - 1..=at + 1]) };
    let novelty = (0..labels.len()).map(novelty).collect();
    (edges, labels, novelty)
}

/// How two neighbours differ: d²/(1 + d²), where d is the distance of their means, root mean square over the dimensions.
fn novelty(columns: &Columns, edges: &[usize]) -> f64 {
    let distance = distance(&columns.mean(edges[0], edges[1]), &columns.mean(edges[1], edges[2]));
    distance / (1.0 + distance)
}

/// Mean squared distance over the dimensions.
fn distance(a: &[f64; WIDTH], b: &[f64; WIDTH]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / WIDTH as f64
}

fn structure(
    texture: &Texture,
    seconds: f64,
    edges: &[usize],
    labels: &[usize],
    novelty: &[f64],
) -> Structure {
    let last = labels.len() - 1;
    let at = |edge: usize| (edges[edge] as f64 * texture.column_seconds()).min(seconds);
    let end = |section: usize| if section == last { seconds } else { at(section + 1) };
    let sections: Vec<Section> = (0..=last)
        .map(|section| Section {
            start_seconds: at(section),
            end_seconds: end(section),
            label: labels::name(labels[section]),
            novelty: novelty[section],
        })
        .collect();
    let founded = founded(texture, edges);
    let first = founded.iter().position(|it| *it).unwrap_or(0);
    let until = founded.iter().rposition(|it| *it).unwrap_or(last);
    Structure {
        intro_end_seconds: (first > 0).then(|| at(first)),
        outro_start_seconds: (until < last).then(|| at(until + 1)),
        sections,
    }
}

/// Which sections have about as much bass as the upper quartile of the columns: half of a piece may be without.
fn founded(texture: &Texture, edges: &[usize]) -> Vec<bool> {
    let columns = texture.columns();
    let mut powers: Vec<f32> = columns.iter().filter(|it| it.power > 0.0).map(|it| it.bass).collect();
    powers.sort_by(f32::total_cmp);
    let usual = powers.get(powers.len() * 3 / 4).map_or(0.0, |it| f64::from(*it));
    let mean = |part: &[Column]| {
        let sum: f64 = part.iter().map(|it| f64::from(it.bass)).sum();
        sum / part.len().max(1) as f64
    };
    edges.windows(2).map(|pair| mean(&columns[pair[0]..pair[1]]) >= WITHOUT_BASS * usual).collect()
}
