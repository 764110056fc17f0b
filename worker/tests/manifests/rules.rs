//! The rules that a set of objects must keep, whichever overlay or combination it is.

pub mod fit;
mod pods;
mod scaling;
mod settings;
mod surroundings;
mod tls;
pub mod whole;

use serde_json::Value;

/// Every breach of every rule, in words.
pub fn breaches(objects: &[Value]) -> Vec<String> {
    [
        pods::breaches,
        surroundings::breaches,
        settings::breaches,
        tls::breaches,
        fit::breaches,
        scaling::breaches,
    ]
    .iter()
    .flat_map(|rule| rule(objects))
    .collect()
}
