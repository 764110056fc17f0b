//! Dashboard, rules, runbook and their tests belong together: nothing names what another does not have, and Prometheus answers
//! every question.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use shared::telemetry::metrics::METRICS;

use crate::harness::{Prometheus, deploy};

/// What Grafana puts in place of its variables.
const VARIABLES: [(&str, &str); 4] =
    [("$__rate_interval", "1m"), ("$__range", "5m"), ("$job", ".+"), ("$instance", ".+")];

const PANELS: [&str; 7] =
    ["alertlist", "bargauge", "heatmap", "stat", "state-timeline", "table", "timeseries"];

/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

fn dashboard() -> Value {
    let text = fs::read_to_string(deploy().join("grafana/analysis-pipeline.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn read(folder: &str) -> String {
    let mut files: Vec<_> =
        fs::read_dir(deploy().join(folder)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

/// Panels that are no headings.
fn panels(dashboard: &Value) -> Vec<&Value> {
    list(dashboard, "panels").iter().filter(|panel| panel["type"] != "row").collect()
}

/// Everything that the dashboard asks Prometheus, by its panel.
fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let of_panel = |panel: &Value| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = list(panel, "targets").iter().map(|target| target["expr"].as_str().unwrap().to_owned());
        targets.map(|expression| (title.clone(), expression)).collect::<Vec<_>>()
    };
    let annotations = list(&dashboard["annotations"], "list")
        .iter()
        .filter_map(|annotation| Some(("an annotation".to_owned(), annotation["expr"].as_str()?.to_owned())));
    panels(dashboard).into_iter().flat_map(of_panel).chain(annotations).collect()
}

fn substituted(expression: &str) -> String {
    VARIABLES.iter().fold(expression.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// Needs workers that have just been under load.
pub async fn every_query_has_an_answer(prometheus: &Prometheus) {
    for (panel, expression) in expressions(&dashboard()) {
        let expression = substituted(&expression);
        assert!(!expression.contains('$'), "{panel}: {expression}");
        let found = prometheus.try_query(&expression).await;
        let found = found.unwrap_or_else(|error| panic!("{panel}: {expression}\n{error}"));
        // A worker starts when it starts, which is an empty answer at any other time.
        let is_event = panel == "an annotation";
        let finite = found.iter().any(|sample| sample.value.is_finite());
        assert!(finite || is_event, "{panel} shows nothing: {expression}\n{found:?}");
    }
    let rules = prometheus.rules().await;
    let (alerting, recording): (Vec<Value>, Vec<Value>) =
        rules.into_iter().partition(|rule| rule["type"] == "alerting");
    for rule in &recording {
        let query = rule["query"].as_str().unwrap();
        let finite = prometheus.query(query).await.iter().any(|sample| sample.value.is_finite());
        assert!(finite, "{} records nothing: {query}", rule["name"]);
        assert!(is_well_named(rule["name"].as_str().unwrap()), "{}", rule["name"]);
    }
    for rule in &alerting {
        let query = rule["query"].as_str().unwrap();
        prometheus.query(query).await;
        names_what_exists(prometheus, query).await;
    }
    are_documented_and_tested(&alerting);
}

/// `level:metric:operation`
fn is_well_named(name: &str) -> bool {
    let parts: Vec<&str> = name.split(':').collect();
    let plain = |part: &&str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let of_ours = |metric: &str| METRICS.iter().any(|own| own.name.trim_end_matches("_total") == metric);
    matches!(parts[..], [level, metric, _] if level.starts_with("job") && of_ours(metric))
        && parts.iter().all(plain)
}

/// Each selector of an alert finds a series now, and so does each alternative that it lists: a misspelt label would keep the
/// alert quiet for ever.
async fn names_what_exists(prometheus: &Prometheus, query: &str) {
    for (name, matchers) in selectors(query) {
        let selector = format!("{name}{{{matchers}}}");
        assert!(!prometheus.query(&selector).await.is_empty(), "{selector} of {query}");
        for (label, value) in alternatives(&matchers) {
            let one = format!("{name}{{{label}=\"{value}\"}}");
            assert!(!prometheus.query(&one).await.is_empty(), "{one} of {query}");
        }
    }
}

/// Names of metrics in a query, each with what stands in its braces.
fn selectors(query: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '"') {
        rest = &rest[start..];
        if let Some(text) = rest.strip_prefix('"') {
            rest = text.split_once('"').map_or("", |(_, after)| after);
            continue;
        }
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c))).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        let is_metric = name == "up" || name.contains(':') || name.starts_with("analysis_");
        let matchers = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        if is_metric {
            found.push((name.to_owned(), matchers.map_or(String::new(), |(inside, _)| inside.to_owned())));
        }
        if let Some((_, after)) = matchers {
            rest = after;
        }
    }
    found
}

/// `kind=~"crash|timeout"`: (kind, crash), (kind, timeout). Patterns that are more than a list are left out, and so are levels,
/// whose names are a setting.
fn alternatives(matchers: &str) -> Vec<(String, String)> {
    let lists = matchers.split(',').filter_map(|matcher| matcher.trim().split_once("=~\""));
    lists
        .filter(|(label, _)| *label != "priority")
        .map(|(label, pattern)| (label, pattern.trim_end_matches('"')))
        .filter(|(_, pattern)| pattern.bytes().all(|b| b.is_ascii_lowercase() || b"_|".contains(&b)))
        .flat_map(|(label, pattern)| {
            pattern.split('|').map(move |value| (label.to_owned(), value.to_owned()))
        })
        .collect()
}

fn are_documented_and_tested(alerts: &[Value]) {
    let runbook = fs::read_to_string(deploy().join("prometheus/RUNBOOK.md")).unwrap();
    let tests = read("prometheus/tests");
    let sections: BTreeSet<&str> = runbook.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let names: BTreeSet<&str> = alerts.iter().map(|alert| alert["name"].as_str().unwrap()).collect();
    assert_eq!(sections, names, "a section of the runbook for each alert");
    for alert in alerts {
        let (name, notes) = (alert["name"].as_str().unwrap(), &alert["annotations"]);
        assert!(["critical", "warning"].contains(&alert["labels"]["severity"].as_str().unwrap()), "{name}");
        for note in ["summary", "description"] {
            assert!(notes[note].as_str().is_some_and(|text| !text.is_empty()), "{note} of {name}");
        }
        let url = format!("deploy/prometheus/RUNBOOK.md#{}", name.to_lowercase());
        assert_eq!(notes["runbook_url"], url, "{name}");
        let tested = format!("alertname: {name}\n        exp_alerts:");
        let outcomes: Vec<&str> = tests.split(&tested).skip(1).collect();
        assert!(outcomes.iter().any(|after| after.starts_with(" []")), "{name} is tested to be quiet");
        assert!(outcomes.iter().any(|after| after.starts_with('\n')), "{name} is tested to fire");
    }
    let dashboard = dashboard();
    let links = panels(&dashboard).into_iter().flat_map(|panel| list(panel, "links"));
    for url in links.map(|link| link["url"].as_str().unwrap()) {
        let section = url.strip_prefix("${runbook}#").unwrap();
        assert!(names.iter().any(|name| name.to_lowercase() == section), "{url}");
    }
}

#[test]
fn every_panel_is_explained_and_has_a_place_of_its_own() {
    let dashboard = dashboard();
    let (mut taken, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for panel in list(&dashboard, "panels") {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let place = |field: &str| panel["gridPos"][field].as_u64().unwrap();
        assert!(place("x") + place("w") <= COLUMNS, "{title}");
        for y in place("y")..place("y") + place("h") {
            for x in place("x")..place("x") + place("w") {
                assert!(taken.insert((x, y)), "{title} lies over another panel");
            }
        }
    }
    for panel in panels(&dashboard) {
        let (title, kind) = (panel["title"].as_str().unwrap(), panel["type"].as_str().unwrap());
        assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{title}");
        assert!(PANELS.contains(&kind), "{title}: {kind} is not drawn by preview.html");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}");
        assert_eq!(list(panel, "targets").is_empty(), kind == "alertlist", "{title}");
        assert!(
            list(panel, "targets").iter().all(|target| target["datasource"]["uid"] == "${datasource}"),
            "{title}"
        );
    }
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let all: String =
        expressions(&dashboard()).into_iter().map(|(_, expression)| expression + "\n").collect();
    for metric in METRICS {
        assert!(all.contains(metric.name), "{}", metric.name);
    }
}

#[test]
fn selectors_are_found_in_a_query() {
    let query =
        r#"sum by (job) (a_b:analysis_x:rate5m{kind=~"a|b_c", up="up"}) / on (job) (up == 0) > analysis_y"#;
    let found = selectors(query);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a_b:analysis_x:rate5m", "up", "analysis_y"]);
    let listed = [("kind".to_owned(), "a".to_owned()), ("kind".to_owned(), "b_c".to_owned())];
    assert_eq!(alternatives(&found[0].1), listed);
}
