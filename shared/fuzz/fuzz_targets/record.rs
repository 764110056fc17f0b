//! Any bytes as a stored record with its report, in both encodings: refused, or the same again after a round trip, and
//! printed in every format as so many lines as there are to be.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::columns::Medium;
use shared::record::{Format, Record, RecordWriter};

fuzz_target!(|bytes: &[u8]| {
    let record = match serde_json::from_slice::<Record>(bytes) {
        Ok(record) => record,
        Err(_) => match rmp_serde::from_slice::<Record>(bytes) {
            Ok(record) => record,
            Err(_) => return,
        },
    };
    let _ = (record.end(), record.reason(), record.path_bytes());
    let written = rmp_serde::to_vec_named(&record).expect("a record is always written");
    let read: Record = rmp_serde::from_slice(&written).expect("and read");
    // Compared as bytes: numbers may be no numbers, which are not equal to themselves.
    assert_eq!(rmp_serde::to_vec_named(&read).expect("a record is always written"), written);
    for format in [Format::Ndjson, Format::Csv, Format::Table, Format::Json, Format::M3u] {
        let mut out = Vec::new();
        let mut writer = RecordWriter::new(&mut out, format).on(Medium { width: Some(80), colour: true });
        writer.write(&record).and_then(|()| writer.finish()).expect("memory for it");
        if format == Format::Ndjson {
            assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
        }
    }
});
