//! Any bytes through the whole analysis, with every feature and small limits.
//!
//! A panic inside a decoder is contained and becomes an outcome, but libfuzzer's hook would end the process at the panic
//! itself; so that hook is taken off, and only what leaves `analyze` counts: a panic of ours, an abort, a hang, memory.

#![no_main]

use analysis::{Input, Limits, Options, analyze};
use libfuzzer_sys::fuzz_target;
use std::fs::File;
use std::io::{Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::Once;

static QUIET: Once = Once::new();

fn file(bytes: &[u8]) -> File {
    let descriptor = rustix::fs::memfd_create("fuzz", rustix::fs::MemfdFlags::CLOEXEC).expect("a file in memory");
    let mut file = File::from(descriptor);
    file.write_all(bytes).and_then(|()| file.rewind()).expect("memory for it");
    file
}

fuzz_target!(|bytes: &[u8]| {
    QUIET.call_once(|| set_hook(Box::new(|_| {})));
    let limits = Limits { max_duration_seconds: 20.0, max_channels: 8, max_sample_rate_hz: 192_000 };
    let options = Options { limits, ..Options::default() };
    let input = Input { file: file(bytes), extension: None };
    let outcome = catch_unwind(AssertUnwindSafe(|| analyze(input, &options, &mut |_| {})));
    match outcome {
        Ok(Ok(analysis)) => {
            let bytes = rmp_serde::to_vec_named(&analysis.report).expect("a report is always written");
            let read: report::Report = rmp_serde::from_slice(&bytes).expect("and read");
            // NaN is not equal to itself, so this finds every number that is none.
            assert!(read == analysis.report, "the report changed on its way");
        }
        Ok(Err(_)) => {}
        Err(_) => std::process::abort(),
    }
});
