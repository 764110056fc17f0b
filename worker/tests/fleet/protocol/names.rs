//! Exchanges, queues, bindings and arguments: the page against what workers and producers declare.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::broker::lapin::types::{AMQPValue, FieldTable};
use shared::job::Levels;
use shared::outcome::{FailureKind, NotApplicable, Outcome};
use shared::topology::{Object, Topology};

use super::page::{code, name, rows};

const PREFIX: &str = "analysis";
const DELAYS: [(&str, u64); 2] = [("5s", 5), ("2m", 120)];
const MAX_SIZE: u64 = 4321;

fn topology() -> Topology {
    Topology {
        prefix: PREFIX.to_owned(),
        levels: Levels::new(3).unwrap(),
        max_size: MAX_SIZE,
        retry_delays: DELAYS.map(|(_, seconds)| Duration::from_secs(seconds)).to_vec(),
    }
}

/// Every way to fill the placeholders that this row has.
fn values(row: &[String]) -> Vec<Vec<(&'static str, &'static str)>> {
    let has = |placeholder: &str| row.iter().any(|cell| cell.contains(placeholder));
    let levels: &[&str] = if has("{level}") { &["high", "normal", "low"] } else { &[""] };
    let delays: &[&str] = if has("{delay}") { &["5s", "2m"] } else { &[""] };
    let pairs = levels.iter().flat_map(|level| delays.iter().map(move |delay| (*level, *delay)));
    pairs.map(|(level, delay)| vec![("{prefix}", PREFIX), ("{level}", level), ("{delay}", delay)]).collect()
}

/// Each row once for each of its names.
fn expanded<T: Ord>(columns: &[&str], read: impl Fn(&[String], &[(&str, &str)]) -> T) -> BTreeSet<T> {
    rows(columns)
        .iter()
        .flat_map(|row| values(row).into_iter().map(|values| read(row, &values)).collect::<Vec<_>>())
        .collect()
}

#[test]
fn exchanges_queues_and_bindings_are_those_of_the_page() {
    let (mut exchanges, mut queues, mut bindings) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for object in topology().objects() {
        match object {
            Object::Exchange { name, kind } => {
                exchanges.insert((name, format!("{kind:?}").to_lowercase()));
            }
            Object::Queue { name, .. } => drop(queues.insert(name)),
            Object::Binding { queue, exchange, key } => drop(bindings.insert((queue, exchange, key))),
        }
    }
    let on_page =
        expanded(&["exchange", "type"], |row, values| (name(&row[0], values), code(&row[1]).to_owned()));
    assert_eq!(on_page, exchanges);
    let on_page = expanded(&["queue", "bound to", "routing key"], |row, values| {
        let key = if row[2] == "(empty)" { String::new() } else { name(&row[2], values) };
        (name(&row[0], values), name(&row[1], values), key)
    });
    assert_eq!(on_page, bindings);
    assert_eq!(on_page.into_iter().map(|(queue, ..)| queue).collect::<BTreeSet<_>>(), queues);
}

#[test]
fn the_arguments_of_each_queue_are_those_of_the_page() {
    let mut declared = BTreeSet::new();
    for object in topology().objects() {
        if let Object::Queue { name, arguments } = object {
            declared.extend(
                texts(&arguments).into_iter().map(|(argument, value)| (name.clone(), argument, value)),
            );
        }
    }
    let on_page = expanded(&["queue", "argument", "value"], |row, values| {
        let queue = name(&row[0], values);
        let delay = DELAYS.iter().find(|(short, _)| queue.ends_with(short));
        let value = match row[2].as_str() {
            "`QUEUE_MAX_SIZE`" => MAX_SIZE.to_string(),
            "the delay in milliseconds" => (delay.unwrap().1 * 1000).to_string(),
            _ => name(&row[2], values),
        };
        (queue, code(&row[1]).to_owned(), value)
    });
    assert_eq!(on_page, declared);
}

fn texts(arguments: &FieldTable) -> Vec<(String, String)> {
    let text = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).unwrap(),
        AMQPValue::LongLongInt(number) => number.to_string(),
        other => panic!("the page says that numbers have 64 bits: {other:?}"),
    };
    arguments.inner().iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

#[test]
fn levels_have_the_names_and_numbers_of_the_page() {
    for (row, count) in rows(&["levels", "names, the most urgent first"]).iter().zip([3, 10]) {
        let levels = Levels::new(count).unwrap();
        let on_page: Vec<&str> = row[1].split('`').skip(1).step_by(2).collect();
        for (number, (level, on_page)) in levels.iter().zip(on_page).enumerate() {
            assert_eq!((usize::from(level.0), levels.name(level)), (number, on_page));
            assert!(row[1].contains(&format!("`{on_page}` = {number}")), "{row:?}");
        }
    }
}

#[test]
fn outcomes_and_kinds_are_those_of_the_page() {
    let on_page: Vec<String> =
        rows(&["outcome", "meaning"]).iter().map(|row| code(&row[0]).to_owned()).collect();
    assert_eq!(on_page, Outcome::ALL.iter().map(|outcome| outcome.code().to_owned()).collect::<Vec<_>>());

    let row = |outcome: Outcome, kind: &str, retried: bool| {
        [outcome.code().to_owned(), kind.to_owned(), if retried { "yes" } else { "no" }.to_owned()]
    };
    let reasons = NotApplicable::ALL.iter().map(|reason| row(Outcome::NotApplicable, reason.code(), false));
    let failures = FailureKind::ALL.iter().map(|kind| row(Outcome::Failed, kind.code(), kind.is_transient()));
    let on_page = rows(&["outcome", "kind"]);
    let on_page =
        on_page.iter().map(|row| [code(&row[0]).to_owned(), code(&row[1]).to_owned(), row[3].clone()]);
    assert_eq!(on_page.collect::<BTreeSet<_>>(), reasons.chain(failures).collect());
}
