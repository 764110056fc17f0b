//! Where a value lies on an axis, and at which values the axis is marked.

use crate::report::words;

/// Marks that an axis should have, about: fewer say too little, more run into each other on a phone.
const WANTED_MARKS: f64 = 5.0;

/// Widest a logarithmic axis gets: beyond it the differences that matter cannot be seen.
const MOST_DECADES: i32 = 9;

/// The right end of an axis of doublings: 1,024 lanes.
const MOST_DOUBLINGS: i32 = 10;

/// No figure of a run is that small and not nothing; an axis for it would have no marks that can be told apart.
const NOTHING: f64 = 1e-12;

/// The right end of a percentile axis, in nines: 99.999 %.
const MOST_NINES: f64 = 5.0;

/// Steps that people divide time by, in seconds.
const CLOCK: [f64; 15] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21_600.0, 86_400.0];

/// An axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) label: String,
    pub(crate) scale: Scale,
    pub(crate) unit: Unit,
}

impl Axis {
    pub(crate) fn new(label: &str, scale: Scale, unit: Unit) -> Self {
        Self { label: label.to_owned(), scale, unit }
    }
}

/// How distances on an axis grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From zero.
    Linear,
    Log,
    /// From 1; each doubling is as wide as the one before.
    Doublings,
    /// Percentiles: each further nine is as wide as the one before.
    Nines,
}

/// What the numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Plain,
    /// A short time: `12 ms`.
    Seconds,
    /// A time since the start: `90 s`, `5 min`.
    Clock,
    Bytes,
    Percent,
}

impl Unit {
    /// A value in full.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Self::Plain => words::number(value),
            Self::Seconds => words::seconds(value),
            Self::Clock => format!("{} s", words::number(value)),
            Self::Bytes => words::bytes(value),
            Self::Percent => format!("{} %", words::number(value)),
        }
    }

    /// A mark's text: as short as can be.
    fn mark(self, value: f64, step: f64) -> String {
        match self {
            Self::Clock if value == 0.0 => "0".to_owned(),
            Self::Clock if step >= 3600.0 => format!("{} h", words::number(value / 3600.0)),
            Self::Clock if step >= 60.0 => format!("{} min", words::number(value / 60.0)),
            Self::Plain if value >= 1e6 => format!("{} M", words::number(value / 1e6)),
            Self::Bytes | Self::Seconds if value == 0.0 => "0".to_owned(),
            // Marks that are ten times as far each stay in one unit.
            Self::Seconds if value >= 1.0 => format!("{} s", words::number(value)),
            unit => unit.text(value),
        }
    }
}

/// An axis with its two ends.
#[derive(Debug, Clone)]
pub(super) struct Ruler {
    scale: Scale,
    low: f64,
    high: f64,
    /// Value and text.
    pub(super) marks: Vec<(f64, String)>,
}

impl Ruler {
    /// Ends and marks such that every value has a place. `whole` lets the axis end at a mark.
    pub(super) fn new(axis: &Axis, values: impl Iterator<Item = f64>, whole: bool) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| value.is_finite()) {
            most = most.max(value);
            if value > NOTHING {
                least = least.min(value);
            }
        }
        match axis.scale {
            Scale::Linear => Self::linear(axis.unit, if most > NOTHING { most } else { 1.0 }, whole),
            Scale::Log if least > most => Self::linear(axis.unit, 1.0, true),
            Scale::Log => Self::log(axis.unit, least, most),
            Scale::Doublings => Self::doublings(axis.unit, most),
            Scale::Nines => Self::nines(most),
        }
    }

    fn linear(unit: Unit, most: f64, whole: bool) -> Self {
        let step = step(unit, most / WANTED_MARKS);
        let high = if whole { (most / step - 1e-9).ceil().max(1.0) * step } else { most };
        let last = (high / step + 1e-9).floor() as u32;
        let values = (0..=last).map(|at| f64::from(at) * step);
        let marks = values.map(|value| (value, unit.mark(value, step))).collect();
        Self { scale: Scale::Linear, low: 0.0, high, marks }
    }

    fn log(unit: Unit, least: f64, most: f64) -> Self {
        let last = (most.log10() - 1e-9).ceil() as i32;
        let first = ((least.log10() + 1e-9).floor() as i32).clamp(last - MOST_DECADES, last - 1);
        // One or two decades have marks in between.
        let within: &[f64] = if last - first <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = if last - first > 6 { 2 } else { 1 };
        let decades = (first..=last).filter(|decade| (decade - first) % every == 0);
        let values = decades.flat_map(|decade| within.iter().map(move |factor| factor * 10f64.powi(decade)));
        let high = f64::from(last);
        let marks = values
            .filter(|value| value.log10() <= high + 1e-9)
            .map(|value| (value, unit.mark(value, value)))
            .collect();
        Self { scale: Scale::Log, low: f64::from(first), high, marks }
    }

    fn doublings(unit: Unit, most: f64) -> Self {
        let high = most.clamp(2.0, 2f64.powi(MOST_DOUBLINGS)).log2();
        let values = (0..=MOST_DOUBLINGS)
            .map(|power| 2f64.powi(power))
            .take_while(|value| value.log2() <= high + 1e-9);
        let marks = values.map(|value| (value, unit.mark(value, value))).collect();
        Self { scale: Scale::Doublings, low: 0.0, high, marks }
    }

    fn nines(most: f64) -> Self {
        let high = nines(most).clamp(1.0, MOST_NINES);
        let all = [
            (0.0, "0 %"),
            (50.0, "50"),
            (90.0, "90"),
            (99.0, "99"),
            (99.9, "99.9"),
            (99.99, "99.99"),
            (99.999, "99.999"),
        ];
        let marks = all.iter().filter(|(value, _)| nines(*value) <= high + 1e-9);
        let marks = marks.map(|(value, text)| (*value, (*text).to_owned())).collect();
        Self { scale: Scale::Nines, low: 0.0, high, marks }
    }

    /// From 0, the low end, to 1. What lies beyond an end is put there.
    pub(super) fn place(&self, value: f64) -> f64 {
        let at = match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Doublings => value.max(1.0).log2(),
            Scale::Nines => nines(value),
        };
        ((at - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// How many nines a percentile has: 1 for 90, 2 for 99.
fn nines(percent: f64) -> f64 {
    -(1.0 - percent / 100.0).max(10f64.powf(-MOST_NINES - 1.0)).log10()
}

/// A step that is no smaller than `least`, and that people count in.
fn step(unit: Unit, least: f64) -> f64 {
    if unit == Unit::Clock
        && let Some(step) = CLOCK.iter().find(|step| **step >= least)
    {
        return *step;
    }
    let power = 10f64.powi(least.log10().floor() as i32);
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}
