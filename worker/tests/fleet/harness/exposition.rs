//! What `/metrics` answers, read back.

use std::collections::BTreeMap;

/// One series: name, labels, value.
#[derive(Debug, Clone)]
pub struct Series {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

#[derive(Debug, Clone)]
pub struct Exposition {
    pub text: String,
    pub series: Vec<Series>,
}

impl Exposition {
    pub fn parse(text: String) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let series =
            lines.map(|line| series(line).unwrap_or_else(|| panic!("not a series: {line}"))).collect();
        Self { text, series }
    }

    pub fn has(&self, name: &str) -> bool {
        self.series.iter().any(|series| series.name == name)
    }

    /// The sum of the series of this name that have all of these labels; 0 when there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |series: &&Series| {
            series.name == name
                && labels
                    .iter()
                    .all(|(label, value)| series.labels.get(*label).is_some_and(|own| own == value))
        };
        // An empty sum of floats is -0.
        self.series.iter().filter(fits).map(|series| series.value).sum::<f64>() + 0.0
    }

    /// What `# TYPE` says.
    pub fn kind(&self, name: &str) -> Option<&str> {
        let start = format!("# TYPE {name} ");
        self.text.lines().find_map(|line| line.strip_prefix(&start))
    }
}

fn series(line: &str) -> Option<Series> {
    let (head, value) = line.rsplit_once(' ')?;
    let (name, labels) = match head.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (head, ""),
    };
    // No label value of ours holds a comma or a quote: they are closed sets.
    let pairs = labels.split(',').filter(|pair| !pair.is_empty()).map(|pair| {
        let (label, value) = pair.split_once('=')?;
        Some((label.to_owned(), value.trim_matches('"').to_owned()))
    });
    Some(Series { name: name.to_owned(), labels: pairs.collect::<Option<_>>()?, value: value.parse().ok()? })
}
