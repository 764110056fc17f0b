//! A chart as a figure: the drawing, and its legend as text beside it, where it wraps by itself.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::ruler::Ruler;
use super::{Chart, Series};
use crate::report::html::escaped;

/// Of the drawing, in its own units; a page shows it as wide as there is room.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 300.0;
/// Room for the longest text of a mark at the size it has on a phone.
const LEFT: f64 = 74.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 54.0;

/// Up to so many points each gets a dot.
const DOTS: usize = 40;

/// Places that can be pointed at; more are narrower than a pointer.
const MOST_STRIPS: usize = 140;

/// Width of a letter of a phase's name, at its largest.
const LETTER: f64 = 9.0;

struct Frame {
    x: Ruler,
    y: Ruler,
}

impl Frame {
    fn new(chart: &Chart) -> Self {
        let points = || chart.series.iter().flat_map(|series| &series.points);
        let x = Ruler::new(&chart.x, points().map(|point| point.0), false);
        Self { x, y: Ruler::new(&chart.y, points().map(|point| point.1), true) }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)
    }
}

/// The whole figure.
pub(crate) fn figure(chart: &Chart) -> String {
    let frame = Frame::new(chart);
    let mut html = format!(
        "<figure>\n<figcaption>{title}</figcaption>\n<p>{about}</p>\n\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}. {about} {summary}\">\n",
        title = escaped(&chart.title),
        about = escaped(&chart.about),
        summary = escaped(&summary(chart)),
    );
    axes(&mut html, chart, &frame);
    phases(&mut html, chart, &frame);
    for series in &chart.series {
        line(&mut html, series, &frame);
    }
    strips(&mut html, chart, &frame);
    html.push_str("</svg>\n");
    legend(&mut html, &chart.series);
    html.push_str("</figure>\n");
    html
}

/// What somebody who does not see the drawing is told.
fn summary(chart: &Chart) -> String {
    let highest = |series: &Series| {
        let values = series.points.iter().map(|point| point.1).filter(|value| value.is_finite());
        let most = values.reduce(f64::max)?;
        Some(format!("{}: at most {}", series.name, chart.y.unit.text(most)))
    };
    let parts: Vec<String> =
        chart.series.iter().filter(|series| !series.reference).filter_map(highest).collect();
    parts.join("; ")
}

// Writing to a String cannot fail.
fn axes(svg: &mut String, chart: &Chart, frame: &Frame) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for (value, text) in &frame.y.marks {
        let y = frame.y(*value);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
            LEFT - 8.0,
            y + 4.0
        );
    }
    for (value, text) in &frame.x.marks {
        let (x, below) = (frame.x(*value), bottom + 18.0);
        let _ = writeln!(svg, "<path class=\"axis\" d=\"M{x:.1} {bottom}v4\"/>");
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{below}\" text-anchor=\"middle\">{text}</text>");
    }
    let _ = writeln!(svg, "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>");
    let _ = writeln!(svg, "<text x=\"2\" y=\"15\">{}</text>", escaped(&chart.y.label));
    let _ = writeln!(
        svg,
        "<text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{}</text>",
        HEIGHT - 8.0,
        escaped(&chart.x.label)
    );
}

/// Where phases begin; their names where there is room up to the next one.
fn phases(svg: &mut String, chart: &Chart, frame: &Frame) {
    for (at, (value, name)) in chart.marks.iter().enumerate() {
        let x = frame.x(*value);
        let next = chart.marks.get(at + 1).map_or(WIDTH - RIGHT, |mark| frame.x(mark.0));
        let _ = writeln!(svg, "<path class=\"phase\" d=\"M{x:.1} {TOP}V{}\"/>", HEIGHT - BOTTOM);
        if next - x > name.chars().count() as f64 * LETTER {
            let _ =
                writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", x + 4.0, TOP + 10.0, escaped(name));
        }
    }
}

fn line(svg: &mut String, series: &Series, frame: &Frame) {
    let class = class(series);
    let mut path = String::new();
    let mut pen_down = false;
    for (x, y) in &series.points {
        if !y.is_finite() || !x.is_finite() {
            pen_down = false;
            continue;
        }
        // A point by itself is a line of no length with a round end.
        let (command, end) = if pen_down { ("L", "") } else { ("M", "h0") };
        let _ = write!(path, "{command}{:.1} {:.1}{end}", frame.x(*x), frame.y(*y));
        pen_down = true;
    }
    if path.is_empty() {
        return;
    }
    let _ = writeln!(svg, "<path class=\"line {class}\" d=\"{path}\"/>");
    if series.points.len() <= DOTS && !series.reference {
        for (x, y) in series.points.iter().filter(|point| point.1.is_finite() && point.0.is_finite()) {
            let (x, y) = (frame.x(*x), frame.y(*y));
            let _ = writeln!(svg, "<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        }
    }
}

/// Bands over the whole height which say, when they are pointed at, what all lines are there.
fn strips(svg: &mut String, chart: &Chart, frame: &Frame) {
    let mut places: BTreeMap<i64, (f64, Vec<String>)> = BTreeMap::new();
    let band = (WIDTH - LEFT - RIGHT) / MOST_STRIPS as f64;
    for series in chart.series.iter().filter(|series| !series.reference) {
        for (x, y) in series.points.iter().filter(|point| point.1.is_finite() && point.0.is_finite()) {
            let (_, texts) =
                places.entry(((frame.x(*x) - LEFT) / band) as i64).or_insert_with(|| (*x, Vec::new()));
            texts.push(format!("{}: {}", series.name, chart.y.unit.text(*y)));
        }
    }
    let centres: Vec<f64> = places.values().map(|place| frame.x(place.0)).collect();
    for (at, (x, texts)) in places.values().enumerate() {
        let from = if at == 0 { LEFT } else { f64::midpoint(centres[at - 1], centres[at]) };
        let to = centres.get(at + 1).map_or(WIDTH - RIGHT, |next| f64::midpoint(centres[at], *next));
        let lines: Vec<String> = texts.iter().map(|text| escaped(text)).collect();
        let _ = writeln!(
            svg,
            "<rect class=\"hover\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{}\"><title>{}\n{}</title></rect>",
            to - from,
            HEIGHT - TOP - BOTTOM,
            escaped(&chart.x.unit.text(*x)),
            lines.join("\n")
        );
    }
}

fn legend(html: &mut String, series: &[Series]) {
    html.push_str("<ul class=\"legend\">\n");
    for series in series {
        let _ = writeln!(
            html,
            "<li><svg viewBox=\"0 0 30 10\" aria-hidden=\"true\"><path class=\"line {}\" d=\"M1 5H29\"/></svg>{}</li>",
            class(series),
            escaped(&series.name)
        );
    }
    html.push_str("</ul>\n");
}

fn class(series: &Series) -> String {
    if series.reference { "ref".to_owned() } else { format!("s{}", series.style) }
}
