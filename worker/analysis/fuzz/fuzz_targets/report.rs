//! Any bytes as a stored report: refused, or the same again after a round trip.

#![no_main]

use libfuzzer_sys::fuzz_target;
use report::Report;

fuzz_target!(|bytes: &[u8]| {
    let Ok(report) = rmp_serde::from_slice::<Report>(bytes) else { return };
    let written = rmp_serde::to_vec_named(&report).expect("a report is always written");
    let read: Report = rmp_serde::from_slice(&written).expect("and read");
    // Compared as bytes: stored numbers may be no numbers, which are not equal to themselves.
    assert_eq!(rmp_serde::to_vec_named(&read).expect("a report is always written"), written);
});
