//! Two figures, and whether the difference between them means anything.

use super::Side;
use super::figures::{Better, Figure, figures};
use crate::report::plot::Unit;

/// A figure of both sides.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) phase: String,
    pub(super) figure: String,
    pub(super) unit: Unit,
    /// Medians; `None` where a side has no such figure.
    pub(super) a: Option<f64>,
    pub(super) b: Option<f64>,
    /// By how much they may differ by chance; `None` where nothing says so.
    pub(super) noise: Option<f64>,
    pub(super) change: Change,
    pub(super) headline: bool,
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Within the noise or the tolerance.
    Same,
    Better,
    Worse,
    /// Beyond both, and nobody knows which way is better.
    Other,
    /// B does not have it any more. Nobody can vouch for it, so that this is no pass.
    Gone,
    /// A did not have it.
    New,
}

impl Change {
    pub(super) const fn is_regression(self) -> bool {
        matches!(self, Self::Worse | Self::Gone)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Better => "better",
            Self::Worse => "WORSE",
            Self::Other => "changed",
            Self::Gone => "GONE",
            Self::New => "new",
        }
    }
}

/// A figure of one side.
struct Value {
    figure: Figure,
    median: f64,
    noise: Option<f64>,
}

/// Every figure of every phase, in the order of A.
pub(super) fn differences(a: &Side, b: &Side, tolerance: f64) -> Vec<Difference> {
    let mut phases: Vec<&str> = Vec::new();
    for phase in a.runs().chain(b.runs()).flat_map(|run| &run.phases) {
        if !phases.contains(&phase.name.as_str()) {
            phases.push(&phase.name);
        }
    }
    let of_phase = |phase: &&str| {
        let (mut values, mut others) = (values(a, phase), values(b, phase));
        let mut found: Vec<Difference> = Vec::new();
        for value in values.drain(..) {
            let other = others.iter().position(|other| other.figure.name == value.figure.name);
            let other = other.map(|at| others.remove(at));
            found.push(difference(phase, Some(value), other, tolerance));
        }
        found.extend(others.into_iter().map(|other| difference(phase, None, Some(other), tolerance)));
        found.retain(|difference| difference.a.is_some() || difference.b.is_some());
        found
    };
    phases.iter().flat_map(of_phase).collect()
}

/// The figures of a phase over all runs of a side.
fn values(side: &Side, phase: &str) -> Vec<Value> {
    let mut found: Vec<(Figure, Vec<f64>)> = Vec::new();
    for phase in side.runs().flat_map(|run| &run.phases).filter(|other| other.name == phase) {
        for figure in figures(phase) {
            match found.iter_mut().find(|(known, _)| known.name == figure.name) {
                Some((_, values)) => values.push(figure.value),
                None => found.push((figure.clone(), vec![figure.value])),
            }
        }
    }
    found.into_iter().map(|(figure, values)| Value::new(figure, values)).collect()
}

impl Value {
    fn new(figure: Figure, mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        let range = values[values.len() - 1] - values[0];
        let noise = if values.len() > 1 { Some(range / 2.0) } else { figure.estimate };
        Self { figure, median, noise }
    }
}

fn difference(phase: &str, a: Option<Value>, b: Option<Value>, tolerance: f64) -> Difference {
    let noise = |value: &Option<Value>| value.as_ref().and_then(|value| value.noise);
    // Both may be off at once; one of which that is not known is taken to be as unsteady as the other.
    let noise = match (noise(&a), noise(&b)) {
        (Some(a), Some(b)) => Some(a + b),
        (known, None) | (None, known) => known.map(|noise| 2.0 * noise),
    };
    let change = match (&a, &b) {
        (Some(a), Some(b)) => judge(&a.figure, a.median, b.median, noise, tolerance),
        (Some(_), None) => Change::Gone,
        _ => Change::New,
    };
    let (first, second) = (a.as_ref().map(|a| a.median), b.as_ref().map(|b| b.median));
    let figure = a.or(b).map(|value| value.figure);
    let (name, unit, headline) = figure
        .map_or((String::new(), Unit::Plain, false), |figure| (figure.name, figure.unit, figure.headline));
    Difference { phase: phase.to_owned(), figure: name, unit, a: first, b: second, noise, change, headline }
}

fn judge(figure: &Figure, a: f64, b: f64, noise: Option<f64>, tolerance: f64) -> Change {
    let allowed = if figure.exact { 0.0 } else { noise.unwrap_or(0.0).max(tolerance * a.abs()) };
    if (b - a).abs() <= allowed {
        return Change::Same;
    }
    match (figure.better, b > a) {
        (Better::Unknown, _) => Change::Other,
        (Better::Higher, true) | (Better::Lower, false) => Change::Better,
        _ => Change::Worse,
    }
}
