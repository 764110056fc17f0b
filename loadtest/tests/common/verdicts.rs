//! What a run says of itself.

use serde_json::Value;

/// Names of the requirements that are not met.
pub fn missed(run: &Value) -> Vec<&str> {
    let verdicts = run["verdicts"].as_array().map_or(&[][..], Vec::as_slice);
    let missed = verdicts.iter().filter(|verdict| verdict["met"].as_bool() == Some(false));
    missed.filter_map(|verdict| verdict["requirement"].as_str()).collect()
}
