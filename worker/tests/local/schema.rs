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
