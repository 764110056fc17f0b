//! What the table generates: the sample environment file and the table in the documentation.

use std::fmt::Write as _;

use super::table::{Fallback, VARIABLES, Variable};

/// `deploy/settings.env`: every variable with its meaning, commented out at its default.
#[must_use]
pub fn sample_env_file() -> String {
    let mut text = String::from(
        "# Settings of worker and producer. Generated from the table in shared/src/settings/table.rs.\n\
         # Every line is commented out at its default: uncomment what you change.\n",
    );
    for variable in VARIABLES {
        let Variable { name, meaning, used_by, .. } = variable;
        let _infallible =
            write!(text, "\n# {}\n# Expected: {}", meaning.replace('`', ""), variable.expected());
        let _infallible = writeln!(text, ". Read by: {}.", used_by.text());
        if variable.secret {
            let _infallible = writeln!(text, "# A secret: {name}_FILE=/path reads it from a file instead.");
        }
        let _infallible = writeln!(text, "#{name}={}", example(variable));
    }
    text
}

/// The table of settings for the documentation, in Markdown.
#[must_use]
pub fn markdown_table() -> String {
    let mut text = String::from("| Variable | Default | Meaning | Value |\n|---|---|---|---|\n");
    for variable in VARIABLES {
        let default = match variable.fallback {
            Fallback::Value(value) => format!("`{value}`"),
            Fallback::HostAndProcess | Fallback::Absent => variable.fallback.text().to_owned(),
        };
        let meaning = variable.meaning.replace('|', "\\|");
        let secret =
            if variable.secret { ". Secret: may be read from the file named by `_FILE`" } else { "" };
        let (name, expected) = (variable.name, variable.expected().replace('|', "\\|"));
        let reader = variable.used_by.text();
        let _infallible =
            writeln!(text, "| `{name}` | {default} | {meaning} Read by {reader}. | {expected}{secret} |");
    }
    text
}

fn example(variable: &Variable) -> &'static str {
    match variable.fallback {
        Fallback::Value(value) => value,
        Fallback::HostAndProcess => "worker-1",
        Fallback::Absent => match variable.name {
            "ANALYSIS_REHEARSAL" => "100ms",
            "MEDIA_ROOTS" => "music=/srv/music",
            "RABBITMQ_API_URL" => "http://guest:guest@127.0.0.1:15672",
            "TLS_CA_FILE" => "/etc/ssl/fleet/ca.pem",
            "TLS_CERT_FILE" => "/etc/ssl/fleet/client.pem",
            "TLS_KEY_FILE" => "/etc/ssl/fleet/client.key",
            _ => "",
        },
    }
}
