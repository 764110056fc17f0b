//! Any bytes as a message: refused, or a job that is the same after a round trip and cannot name what is outside a root.

#![no_main]

use std::path::Component;

use libfuzzer_sys::fuzz_target;
use shared::job::Job;

fuzz_target!(|bytes: &[u8]| {
    let Ok(job) = Job::decode(bytes) else { return };
    let inside = |component| matches!(component, Component::Normal(_) | Component::CurDir);
    assert!(job.file.path.as_path().components().all(inside), "{job:?}");
    assert!(!job.file.path.as_bytes().contains(&0), "{job:?}");
    let written = job.encode().expect("a job is always written");
    assert_eq!(Job::decode(&written).as_ref(), Ok(&job));
    assert_eq!(job.next_attempt().own_trace(), job.own_trace());
});
