//! Axes and drawings.

use super::ruler::Ruler;
use super::*;

fn marks(scale: Scale, unit: Unit, values: &[f64], whole: bool) -> Vec<String> {
    let ruler = Ruler::new(&Axis::new("", scale, unit), values.iter().copied(), whole);
    ruler.marks.into_iter().map(|mark| mark.1).collect()
}

/// Scale, unit, values, whether the axis ends at a mark; the marks.
type Row<'a> = (Scale, Unit, &'a [f64], bool, &'a [&'a str]);

#[test]
fn marks_are_at_numbers_that_people_count_in() {
    let table: [Row<'_>; 9] = [
        (Scale::Linear, Unit::Plain, &[0.0, 93.0], true, &["0", "20", "40", "60", "80", "100"]),
        (Scale::Linear, Unit::Plain, &[0.0, 1.0], true, &["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (Scale::Linear, Unit::Clock, &[1.0, 63.0], false, &["0", "15 s", "30 s", "45 s", "60 s"]),
        (Scale::Linear, Unit::Clock, &[1.0, 3600.0], false, &["0", "30 min", "60 min"]),
        (Scale::Linear, Unit::Bytes, &[1.8e8], true, &["0", "50 MB", "100 MB", "150 MB", "200 MB"]),
        (Scale::Log, Unit::Seconds, &[0.003, 8.0], true, &["1 ms", "10 ms", "100 ms", "1 s", "10 s"]),
        (Scale::Log, Unit::Seconds, &[0.2, 0.9], true, &["100 ms", "200 ms", "500 ms", "1 s"]),
        (Scale::Doublings, Unit::Plain, &[1.0, 16.0], false, &["1", "2", "4", "8", "16"]),
        (Scale::Nines, Unit::Percent, &[1.0, 99.99], false, &["0 %", "50", "90", "99", "99.9", "99.99"]),
    ];
    for (scale, unit, values, whole, expected) in table {
        assert_eq!(marks(scale, unit, values, whole), expected, "{values:?}");
    }
}

#[test]
fn whatever_the_values_an_axis_has_two_ends_and_few_marks() {
    let odd = [0.0, -5.0, f64::NAN, f64::INFINITY, 1e-300, 1e300, f64::MIN_POSITIVE];
    for scale in [Scale::Linear, Scale::Log, Scale::Doublings, Scale::Nines] {
        for values in [&odd[..], &odd[..1], &odd[2..3], &[], &odd[4..5], &odd[5..6], &odd[6..]] {
            let ruler = Ruler::new(&Axis::new("", scale, Unit::Plain), values.iter().copied(), true);
            assert!(ruler.marks.len() <= 12, "{scale:?} {values:?} {:?}", ruler.marks);
            for value in values.iter().filter(|value| value.is_finite()) {
                assert!((0.0..=1.0).contains(&ruler.place(*value)), "{scale:?} {value}");
            }
        }
    }
}

fn chart(series: Vec<Series>) -> Chart {
    let [x, y] = [Unit::Clock, Unit::Plain].map(|unit| Axis::new("axis", Scale::Linear, unit));
    Chart { title: "title".to_owned(), about: "about".to_owned(), x, y, series, marks: Vec::new() }
}

#[test]
fn a_line_is_broken_where_there_is_no_value_and_a_single_point_is_seen() {
    let points = vec![(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, f64::NAN)];
    let svg = figure(&chart(vec![Series::new("one", 0, points)]));
    let path = svg.split("class=\"line s0\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
    assert_eq!(svg.matches("<circle").count(), 3);
}

#[test]
fn pointing_at_a_place_says_what_all_lines_are_there() {
    let line = |name: &str, value| Series::new(name, 0, vec![(0.0, 0.0), (10.0, value)]);
    let svg =
        figure(&chart(vec![line("a", 12.0), line("b", 30.0), Series::reference("ideal", vec![(10.0, 1.0)])]));
    assert!(svg.contains("<title>10 s\na: 12\nb: 30</title>"), "{svg}");
    assert!(svg.contains("aria-label=\"title. about a: at most 12; b: at most 30\""), "{svg}");
}

#[test]
fn without_values_there_is_nothing_to_draw() {
    assert!(!chart(Vec::new()).is_drawn());
    assert!(!chart(vec![Series::new("a", 0, vec![(0.0, f64::NAN)])]).is_drawn());
    assert!(!chart(vec![Series::reference("ideal", vec![(0.0, 1.0)])]).is_drawn());
}
