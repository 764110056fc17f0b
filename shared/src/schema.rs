//! JSON Schemas of the job message and of a record, made from the types that are read and written. Only with the feature
//! `schema`: they are for `docs/schema`, and no program needs them.
//!
//! The schemas describe both in JSON. MessagePack has the same names and shapes; where it has another type (ids and lists of
//! small numbers are bytes there), the description of the field says so.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::job::{BatchId, Job, JobId, MAX_PATH_BYTES, RelPath, SCHEMA, SCHEMA_VERSION};
use crate::record::Record;

/// What a worker accepts as the body of a message: fields with a default may be missing, unknown ones are ignored.
#[must_use]
pub fn job() -> Value {
    let mut schema =
        SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<Job>();
    let envelope = [
        ("schema", json!({"const": SCHEMA, "description": "Says that the message is a job."})),
        (
            "schema_version",
            json!({
                "type": "integer", "minimum": 0, "maximum": SCHEMA_VERSION,
                "description": "The version of the message's layout. Write the maximum. A worker refuses a newer version."
            }),
        ),
    ];
    for (name, property) in envelope {
        add_required(schema.ensure_object(), name, property);
    }
    finished(schema)
}

/// What every program writes for one file: `worker analyze`, `producer results` and the other outputs in JSON and NDJSON. In
/// Redis the report is apart from the rest.
#[must_use]
pub fn record() -> Value {
    finished(SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Record>())
}

fn add_required(schema: &mut Map<String, Value>, name: &str, property: Value) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert(name.to_owned(), property);
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.push(name.into());
    }
}

fn finished(schema: Schema) -> Value {
    let mut value = schema.to_value();
    plain_descriptions(&mut value);
    value
}

/// The descriptions are Rust's doc comments: their links and line breaks mean nothing outside of Rust.
fn plain_descriptions(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == "description" => *text = plain(text),
                    other => plain_descriptions(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain_descriptions),
        _ => {}
    }
}

fn plain(text: &str) -> String {
    let joined =
        text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
    joined.replace("[`", "`").replace("`]", "`").replace("`Self::", "`")
}

/// A UUID in its usual form of 36 characters.
fn id(description: &str) -> Schema {
    json_schema!({"type": "string", "format": "uuid", "description": description})
}

macro_rules! id_schema {
    ($name:ident, $description:literal) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                id($description)
            }
        }
    };
}

id_schema!(JobId, "A UUID that names one job. In MessagePack its 16 bytes.");
id_schema!(BatchId, "A UUID that names one batch. In MessagePack its 16 bytes.");

impl JsonSchema for RelPath {
    fn schema_name() -> Cow<'static, str> {
        "RelPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_PATH_BYTES,
            // Absolute, with a component `..`, with a NUL.
            "not": {"anyOf": [{"pattern": "^/"}, {"pattern": r"(^|/)\.\.(/|$)"}, {"pattern": r"\x00"}]},
            "description": "A path below a media root, of at most 4095 bytes. In MessagePack text, or bytes where it is not UTF-8."
        })
    }
}
