//! `docs/schema`: generated from the types, and true of what is written.

use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};
use shared::job::{BatchId, FileRef, Job, JobId, Priority, RelPath, Seen};

use crate::harness::{analyze, run, samples};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema").join(format!("{name}.schema.json"))
}

/// Compares a file with what it should be; writes it with UPDATE=1.
fn is_current(name: &str, schema: &Value) {
    let wanted = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if std::env::var("UPDATE").as_deref() == Ok("1") {
        std::fs::write(file(name), &wanted).unwrap();
    }
    let found = std::fs::read_to_string(file(name)).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/schema/{name}.schema.json is not what the types say: UPDATE=1 cargo test -p worker --test local schema"
    );
}

#[test]
fn the_schema_files_are_what_the_types_say() {
    is_current("job", &shared::schema::job());
    is_current("record", &shared::schema::record());
}

/// The type of a field in words, and the definition that it refers to.
fn type_of(field: &Value) -> (String, Option<&str>) {
    if let Some(reference) = field["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return (format!("[{name}](#{})", name.to_lowercase()), Some(name));
    }
    if let Some(choices) = field["anyOf"].as_array().or_else(|| field["oneOf"].as_array()) {
        let of: Vec<_> = choices.iter().map(type_of).collect();
        let name = of.iter().find_map(|(_, name)| *name);
        return (of.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join(" or "), name);
    }
    let text = match &field["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        Value::String(kind) if kind == "array" => {
            let (of, name) = type_of(&field["items"]);
            return (format!("list of {of}"), name);
        }
        Value::String(kind) => kind.clone(),
        _ => "text".to_owned(),
    };
    (text, None)
}

fn one_line(text: &Value) -> String {
    text.as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

/// `docs/reference/report.md`, as it should be: every definition of the schema, breadth first.
fn page(schema: &Value) -> String {
    let mut page = "# Fields of a report\n\nGenerated from the schema of a record: `UPDATE=1 cargo test -p worker --test local \
        schema`. Numbers are never rounded. `null` means that there is nothing to be had; a field beside it says why.\n"
        .to_owned();
    let (mut seen, mut next) = (Vec::new(), vec![("Record".to_owned(), schema)]);
    while !next.is_empty() {
        for (name, definition) in std::mem::take(&mut next) {
            page += &format!("\n## {name}\n\n{}\n", one_line(&definition["description"]));
            let Some(fields) = definition["properties"].as_object() else {
                for choice in definition["oneOf"].as_array().into_iter().flatten() {
                    page += &format!(
                        "\n- `{}`: {}",
                        choice["const"].as_str().unwrap_or("…"),
                        one_line(&choice["description"])
                    );
                }
                page += if definition["oneOf"].is_array() { "\n" } else { "" };
                continue;
            };
            page += "\n| field | type | meaning |\n|---|---|---|\n";
            for (field, of) in fields {
                let (kind, refers) = type_of(of);
                page += &format!("| `{field}` | {kind} | {} |\n", one_line(&of["description"]));
                if let Some(refers) = refers.filter(|name| !seen.contains(&(*name).to_owned())) {
                    seen.push(refers.to_owned());
                    next.push((refers.to_owned(), &schema["$defs"][refers]));
                }
            }
        }
    }
    page
}

#[test]
fn the_page_of_the_report_is_what_the_schema_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/report.md");
    let wanted = page(&shared::schema::record());
    if std::env::var("UPDATE").as_deref() == Ok("1") {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == wanted, "docs/reference/report.md: UPDATE=1 cargo test -p worker --test local schema");
}

struct Validator(Schemas, SchemaIndex);

impl Validator {
    fn of(name: &str) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        let index = compiler.compile(file(name).to_str().unwrap(), &mut schemas).unwrap();
        Self(schemas, index)
    }

    fn error(&self, value: &Value) -> Option<String> {
        self.0.validate(value, self.1).err().map(|error| format!("{error:#}"))
    }

    fn accepts(&self, value: &Value) -> bool {
        self.error(value).is_none()
    }
}

#[test]
fn the_records_of_all_samples_are_what_the_schema_says() {
    let validator = Validator::of("record");
    let ended = run(analyze([samples()]).args(["--all-files", "--format", "ndjson"]));
    let mut outcomes = std::collections::BTreeSet::new();
    for line in ended.stdout.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(validator.error(&record), None, "{}", record["path"]);
        outcomes.insert(record["outcome"].as_str().unwrap().to_owned());
        // The schema would pass nothing if it passed everything.
        let broken = |pointer: &str, value: Value| {
            let mut broken = record.clone();
            *broken.pointer_mut(pointer).unwrap() = value;
            !validator.accepts(&broken)
        };
        assert!(
            broken("/outcome", json!("great"))
                && broken("/attempts", json!(-1))
                && broken("/cached", json!(null))
        );
        if record["report"].is_object() {
            assert!(
                broken("/report/audio/sample_rate_hz", json!("44100"))
                    && broken("/report/versions", json!([]))
            );
        }
    }
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), ["failed", "not_applicable", "ok", "partial"]);
}

#[test]
fn a_job_is_what_the_schema_says() {
    let validator = Validator::of("job");
    let job = Job {
        job_id: JobId::new(),
        batch_id: BatchId::new(),
        priority: Priority(2),
        file: FileRef { root: "music".into(), path: RelPath::new("a/..b/c.flac").unwrap() },
        attempt: 1,
        force: true,
        submitted_at_ms: 1_700_000_000_000,
        seen: Some(Seen { bytes: 7, modified_ns: -1 }),
    };
    let mut message = serde_json::to_value(&job).unwrap();
    assert!(!validator.accepts(&message), "without its schema");
    message["schema"] = json!(shared::job::SCHEMA);
    message["schema_version"] = json!(shared::job::SCHEMA_VERSION);
    assert_eq!(validator.error(&message), None);
    message["of_the_future"] = json!([1]);
    assert_eq!(validator.error(&message), None);

    let with = |name: &str, value: Value| {
        let mut message = message.clone();
        *message.pointer_mut(name).unwrap() = value;
        validator.accepts(&message)
    };
    for path in ["/etc/passwd", "..", "a/../b", "a/..", "", "a\0b"] {
        assert!(RelPath::new(path).is_err() && !with("/file/path", json!(path)), "{path}");
    }
    for path in ["a", "..a", "a..", "a/b..c/d", "new\nline", "…"] {
        assert!(RelPath::new(path).is_ok() && with("/file/path", json!(path)), "{path}");
    }
    assert!(
        !with("/job_id", json!("17")) && !with("/priority", json!(256)) && !with("/schema", json!("mail"))
    );
    assert!(
        !with("/schema_version", json!(shared::job::SCHEMA_VERSION + 1)) && !with("/file", json!("a.wav"))
    );
}
