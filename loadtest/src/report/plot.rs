//! Plots as SVG: lines over two axes. It knows numbers and units, and no run.

mod draw;
mod ruler;

#[cfg(test)]
mod tests;

pub(crate) use draw::figure;
pub(crate) use ruler::{Axis, Scale, Unit};

/// Styles of lines that a page has; further ones begin again.
pub(crate) const STYLES: usize = 8;

/// A plot.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// What is to be seen, in a sentence.
    pub(crate) about: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
    /// Where something begins: place on the x axis, and its name.
    pub(crate) marks: Vec<(f64, String)>,
}

impl Chart {
    /// Whether there is anything to draw.
    pub(crate) fn is_drawn(&self) -> bool {
        let drawn =
            |series: &Series| !series.reference && series.points.iter().any(|point| point.1.is_finite());
        self.series.iter().any(drawn)
    }
}

/// A line.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// 0 to [`STYLES`]; the same thing has the same one in all plots of a page.
    pub(crate) style: usize,
    /// What others are held against: drawn faintly.
    pub(crate) reference: bool,
    /// By ascending x. A y that is no number breaks the line.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn new(name: impl Into<String>, style: usize, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), style: style % STYLES, reference: false, points }
    }

    pub(crate) fn reference(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self { reference: true, ..Self::new(name, 0, points) }
    }
}
