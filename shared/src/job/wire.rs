//! Bytes ⇄ job. Everything read here is untrusted: size, depth and version are checked before the content.

use serde::{Deserialize, Serialize};

use super::{Job, SCHEMA, SCHEMA_VERSION};

/// A path has at most 4 KiB; 64 KiB leaves room for fields of later versions and none for floods.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// A job nests two levels deep; later versions may nest a little deeper in fields that we skip.
const MAX_DEPTH: usize = 16;

/// Why a message is not a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Larger than any job.
    #[error("the message has {0} bytes; the limit is {MAX_MESSAGE_BYTES}")]
    TooLarge(usize),
    /// Not MessagePack, or not the fields of a job.
    #[error("the message is not a job: {0}")]
    Malformed(String),
    /// MessagePack with another `schema`.
    #[error("the message has schema '{0}', expected '{SCHEMA}'")]
    OtherSchema(String),
    /// A newer producer wrote it.
    #[error("the job has schema version {found}; this worker reads up to {SCHEMA_VERSION}: upgrade it")]
    NewerVersion {
        /// The version it has.
        found: u16,
    },
}

#[derive(Deserialize)]
struct Header {
    schema: String,
    schema_version: u16,
}

#[derive(Serialize)]
struct Envelope<'a> {
    schema: &'static str,
    schema_version: u16,
    #[serde(flatten)]
    job: &'a Job,
}

impl Job {
    /// The message's body.
    ///
    /// # Errors
    /// When the encoder refuses a value; no job that the constructors can make is refused.
    pub fn encode(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        rmp_serde::to_vec_named(&Envelope { schema: SCHEMA, schema_version: SCHEMA_VERSION, job: self })
    }

    /// Reads a message's body.
    ///
    /// # Errors
    /// [`JobError`], for whatever bytes: it never panics.
    pub fn decode(body: &[u8]) -> Result<Self, JobError> {
        if body.len() > MAX_MESSAGE_BYTES {
            return Err(JobError::TooLarge(body.len()));
        }
        // The header alone first: a newer version may have changed every other field.
        let header: Header = read(body)?;
        if header.schema != SCHEMA {
            return Err(JobError::OtherSchema(header.schema.chars().take(80).collect()));
        }
        if header.schema_version > SCHEMA_VERSION {
            return Err(JobError::NewerVersion { found: header.schema_version });
        }
        read(body)
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, JobError> {
    let mut decoder = rmp_serde::Deserializer::from_read_ref(body);
    decoder.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut decoder).map_err(|error| JobError::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::{BatchId, FileRef, JobId, Priority, RelPath, Seen};

    fn job() -> Job {
        Job {
            job_id: "01890a5d-ac96-774b-bcce-b302099a8057".parse::<JobId>().unwrap(),
            batch_id: "01890a5d-ac96-774b-bcce-b302099a8001".parse::<BatchId>().unwrap(),
            priority: Priority(1),
            file: FileRef { root: "music".into(), path: RelPath::new("a/b.flac").unwrap() },
            attempt: 0,
            force: false,
            submitted_at_ms: 1_700_000_000_000,
            seen: None,
        }
    }

    #[test]
    fn the_golden_message_of_version_1_is_still_read_and_written() {
        let golden = include_bytes!("../../tests/golden/job-v1.msgpack");
        assert_eq!(Job::decode(golden).unwrap(), job());
        assert_eq!(job().encode().unwrap(), golden);
    }

    #[test]
    fn the_traceparent_is_of_the_standards_shape() {
        let header = job().own_trace().unwrap().to_string();
        assert_eq!(header, "00-01890a5dac96774bbcceb302099a8001-bcceb302099a8057-01");
    }

    fn with_fields(edit: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> Vec<u8> {
        let bytes = job().encode().unwrap();
        let mut value: serde_json::Value =
            rmp_serde::from_slice(&bytes).unwrap_or_else(|_| serde_json::to_value(job()).unwrap());
        let map = value.as_object_mut().unwrap();
        map.insert("schema".into(), SCHEMA.into());
        map.insert("schema_version".into(), 1.into());
        edit(map);
        rmp_serde::to_vec_named(&value).unwrap()
    }

    #[test]
    fn a_newer_major_version_is_refused_by_its_number() {
        let newer = with_fields(|map| {
            map.insert("schema_version".into(), 2.into());
            map.remove("file");
        });
        assert_eq!(Job::decode(&newer), Err(JobError::NewerVersion { found: 2 }));
    }

    #[test]
    fn another_schema_is_named() {
        let other = with_fields(|map| drop(map.insert("schema".into(), "mail".into())));
        assert_eq!(Job::decode(&other), Err(JobError::OtherSchema("mail".into())));
    }

    #[test]
    fn nested_unknown_fields_have_a_bottom() {
        let mut nested = Vec::new();
        nested.extend([0x81, 0xa1, b'x']);
        nested.extend(std::iter::repeat_n(0x91, 10_000));
        nested.push(0xc0);
        assert!(matches!(Job::decode(&nested), Err(JobError::Malformed(_))));
        assert_eq!(Job::decode(&[0; MAX_MESSAGE_BYTES + 1]), Err(JobError::TooLarge(MAX_MESSAGE_BYTES + 1)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            path in proptest::collection::vec(1u8..=255, 1..200),
            attempt: u16,
            force: bool,
            level in 0u8..10,
            seen: Option<(u64, i64)>,
        ) {
            prop_assume!(RelPath::new(path.clone()).is_ok());
            let file = FileRef { root: "r".into(), path: RelPath::new(path).unwrap() };
            let seen = seen.map(|(bytes, modified_ns)| Seen { bytes, modified_ns });
            let job = Job { file, attempt, force, priority: Priority(level), seen, ..job() };
            prop_assert_eq!(Job::decode(&job.encode().unwrap()), Ok(job));
        }

        #[test]
        fn any_bytes_are_an_error_not_a_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Job::decode(&body);
        }

        #[test]
        fn a_damaged_message_is_an_error_or_a_job(position in 0usize..150, byte: u8) {
            let mut body = job().encode().unwrap();
            let position = position % body.len();
            body[position] = byte;
            let _ = Job::decode(&body);
        }
    }
}
