//! The message: its properties, its fields, their defaults and limits.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::broker::lapin::options::BasicGetOptions;
use shared::broker::lapin::types::AMQPValue;
use shared::job::{BatchId, Job, JobError, Levels, MAX_MESSAGE_BYTES, RelPath};

use super::page::{code, rows};
use crate::harness::{Fleet, NORMAL};

#[tokio::test]
async fn a_message_has_the_properties_and_headers_of_the_page() {
    let fleet = Fleet::with(&[]).await;
    let job = fleet.job(BatchId::new(), "a.wav", NORMAL);
    fleet.publish(std::slice::from_ref(&job)).await;
    let queue = fleet.topology.level_queue(NORMAL);
    let got = fleet
        .channel()
        .await
        .basic_get(queue.as_str().into(), BasicGetOptions { no_ack: true })
        .await
        .unwrap();
    let message = got.unwrap();
    assert_eq!(message.routing_key.as_str(), "normal");

    let properties = &message.properties;
    let text =
        |property: &Option<shared::broker::lapin::types::ShortString>| property.as_ref().unwrap().to_string();
    let sent = BTreeMap::from([
        ("delivery_mode", properties.delivery_mode().unwrap().to_string()),
        ("content_type", text(properties.content_type())),
        ("type", text(properties.kind())),
        ("message_id", text(properties.message_id())),
        ("correlation_id", text(properties.correlation_id())),
    ]);
    let on_page = rows(&["property", "value"]);
    let on_page = on_page.iter().map(|row| {
        let value = match row[1].as_str() {
            "`job_id` as text" => job.job_id.to_string(),
            "`batch_id` as text" => job.batch_id.to_string(),
            other => code(other).to_owned(),
        };
        (code(&row[0]), value)
    });
    assert_eq!(on_page.collect::<BTreeMap<_, _>>(), sent);

    let headers = properties.headers().as_ref().unwrap().inner();
    let on_page: BTreeSet<String> =
        rows(&["header", "type"]).iter().map(|row| code(&row[0]).to_owned()).collect();
    // RabbitMQ's quorum queues add it.
    let ours = headers.keys().filter(|header| header.as_str() != "x-delivery-count");
    assert!(
        ours.clone().count() > 0 && ours.clone().all(|header| on_page.contains(header.as_str())),
        "{headers:?}"
    );
    assert!(matches!(headers.get("traceparent"), Some(AMQPValue::LongString(_))), "{headers:?}");
}

/// Names of a table of fields, and whether each is required.
fn fields(columns: &[&str]) -> BTreeMap<String, bool> {
    rows(columns).iter().map(|row| (code(&row[0]).to_owned(), row[2] == "required")).collect()
}

fn schema_fields(schema: &Value) -> BTreeMap<String, bool> {
    let required =
        |name: &String| schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
    schema["properties"].as_object().unwrap().keys().map(|name| (name.clone(), required(name))).collect()
}

#[test]
fn the_fields_of_a_job_are_those_of_the_page() {
    let schema = shared::schema::job();
    let default = ["MessagePack type", "default"];
    assert_eq!(fields(&[&["field"][..], &default].concat()), schema_fields(&schema));
    assert_eq!(
        fields(&[&["field of `file`"][..], &default].concat()),
        schema_fields(&schema["$defs"]["FileRef"])
    );
    assert_eq!(
        fields(&[&["field of `seen`"][..], &default].concat()),
        schema_fields(&schema["$defs"]["Seen"])
    );
}

/// MessagePack by hand, as another program writes it: the required fields in an order of its own, and one of the future.
fn by_hand(more: &[u8]) -> Vec<u8> {
    let text = |text: &str| [&[0xa0 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let id = |id: u8| [&[0xc4, 16][..], &[id; 16]].concat();
    let file = [vec![0x82], text("root"), text("r"), text("path"), vec![0xc4, 3, b'a', 0xff, b'b']].concat();
    let pairs = [
        (text("file"), file),
        (text("job_id"), id(1)),
        (text("priority"), vec![1]),
        (text("schema_version"), vec![1]),
        (text("of_the_future"), more.to_vec()),
        (text("batch_id"), id(2)),
        (text("schema"), text("analysis.job")),
    ];
    [vec![0x80 | 7], pairs.map(|(name, value)| [name, value].concat()).concat()].concat()
}

#[test]
fn fields_that_are_left_out_have_the_defaults_of_the_page() {
    let job = Job::decode(&by_hand(&[0xc0])).unwrap();
    assert_eq!(job.file.path, RelPath::new(*b"a\xffb").unwrap());
    let table = rows(&["field", "MessagePack type", "default"]);
    let default = |field: &str| {
        table.iter().find(|row| code(&row[0]) == field).unwrap()[2].trim_matches('`').to_owned()
    };
    assert_eq!(default("attempt"), job.attempt.to_string());
    assert_eq!(default("force"), job.force.to_string());
    assert_eq!(default("submitted_at_ms"), job.submitted_at_ms.to_string());
    assert_eq!((default("seen").as_str(), job.seen), ("nil", None));
}

fn limit(name: &str) -> usize {
    let limits = rows(&["limit", "value"]);
    let row =
        limits.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("no limit '{name}' on the page"));
    code(&row[1]).parse().unwrap()
}

#[test]
fn the_limits_are_those_of_the_page() {
    assert_eq!(limit("bytes of a message's body"), MAX_MESSAGE_BYTES);
    assert!(!matches!(Job::decode(&vec![0; MAX_MESSAGE_BYTES]), Err(JobError::TooLarge(_))));
    assert!(matches!(Job::decode(&vec![0; MAX_MESSAGE_BYTES + 1]), Err(JobError::TooLarge(_))));

    let path = limit("bytes of a path");
    assert!(RelPath::new(vec![b'a'; path]).is_ok() && RelPath::new(vec![b'a'; path + 1]).is_err());

    let levels = u8::try_from(limit("priority levels")).unwrap();
    assert!(Levels::new(levels).is_ok() && Levels::new(levels + 1).is_err());

    // The map of the job is the first level.
    let nested = |depth: &usize| [vec![0x91; depth - 1], vec![0xc0]].concat();
    let deepest = (1..100).filter(|depth| Job::decode(&by_hand(&nested(depth))).is_ok()).max();
    assert_eq!(deepest, Some(limit("nesting of maps and arrays in a body")));
}
