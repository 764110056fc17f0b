//! Every rule can be broken, and what looks like a breach but is none passes.

use super::*;

fn breaches(path: &str, text: &str) -> Vec<String> {
    let around =
        ["source.rs", "source/rabbitmq.rs", "source/folder.rs", "sink.rs", "sink/redis.rs", "pipeline.rs"];
    let mut files: Vec<SourceFile> =
        around.iter().map(|name| SourceFile::new(format!("worker/src/{name}"), "")).collect();
    files.retain(|file| file.path != path);
    files.push(SourceFile::new(path.to_owned(), text));
    check_files(&files)
}

#[track_caller]
fn breaks(path: &str, text: &str, line: usize, rule: &str) {
    let found = breaches(path, text);
    let expected = format!("{path}:{line}: ");
    assert!(
        found.len() == 1 && found[0].starts_with(&expected) && found[0].contains(rule),
        "{text}\nexpected {expected}…{rule}…, found {found:?}"
    );
}

#[track_caller]
fn keeps(path: &str, text: &str) {
    assert_eq!(breaches(path, text), Vec::<String>::new(), "{text}");
}

const DSP: &str = "worker/analysis/src/tempo.rs";

#[test]
fn analysis_stays_pure() {
    breaks(DSP, "\nuse std::net::TcpStream;", 2, "no network");
    breaks(DSP, "use std::{fmt, env};", 1, "no environment");
    breaks(DSP, "fn f() {\n    let home = std::env::var(\"HOME\");\n}", 2, "no environment");
    breaks(DSP, "use std::time::SystemTime as Clock;", 1, "no clock");
    breaks(DSP, "use tokio::sync::mpsc;", 1, "no runtime");
    breaks(DSP, "use tokio;", 1, "no runtime");
    breaks(DSP, "use std::time;\nfn f() { time::SystemTime::now(); }", 2, "no clock");
    breaks(DSP, "use std::time::Instant;", 1, "only the engine measures time");
    keeps("worker/analysis/src/engine/pass.rs", "use std::time::{Duration, Instant};");
    keeps(DSP, "use std::time::Duration;\n// std::env::var\nconst A: &str = \"std::env::var\";");
    keeps(DSP, "#[cfg(test)]\nmod tests {\n    use std::env;\n    fn f() { std::env::temp_dir(); }\n}");
    keeps("worker/src/daemon.rs", "use std::env;\nuse tokio::net::TcpListener;");
}

#[test]
fn a_star_hides_nothing() {
    breaks("worker/analysis/src/engine.rs", "use std::env::*;", 1, "no environment");
    assert!(!breaches(DSP, "use std::time::*;").is_empty());
    keeps(DSP, "use std::fmt::*;");
}

#[test]
fn adapters_know_neither_the_pipeline_nor_each_other() {
    let rabbit = "worker/src/source/rabbitmq.rs";
    breaks(rabbit, "use crate::pipeline::Heartbeat;", 1, "plugged into");
    breaks(rabbit, "fn f() {\n    crate::daemon::main();\n}", 2, "plugged into");
    breaks(rabbit, "use super::folder::FolderReceiver;", 1, "another");
    breaks(rabbit, "use crate::sink::{Sink, redis::RedisSink};", 1, "another");
    breaks("worker/src/source/rabbitmq/ledger.rs", "use super::super::folder;", 1, "another");
    breaks("worker/src/sink/redis.rs", "use crate::source;\nfn f() { source::folder::f(); }", 2, "another");
    keeps(rabbit, "mod ledger;\nuse self::ledger::Ledger;\nuse super::Receive;\nuse crate::task::Task;");
    keeps("worker/src/source/rabbitmq/ledger.rs", "use super::lock;\nuse crate::source::Settle;");
}

#[test]
fn only_composition_roots_name_adapters() {
    breaks("worker/src/pipeline/close.rs", "use crate::sink::redis::RedisSink;", 1, "composition roots");
    breaks("worker/src/source.rs", "pub use rabbitmq::RabbitReceiver;", 1, "composition roots");
    breaks("worker/src/main.rs", "fn main() { worker::source::folder::scan(); }", 1, "composition roots");
    keeps("worker/src/pipeline.rs", "use crate::sink::Sink;\nuse crate::source::{Receive, Settle};");
    keeps("worker/src/daemon.rs", "use crate::sink::redis::RedisSink;");
    keeps("worker/src/daemon/depth.rs", "use crate::source::rabbitmq::Windows;");
}

#[test]
fn nothing_unsafe_open_or_switched_off() {
    let path = "shared/src/job.rs";
    breaks(path, "fn f() {\n    unsafe { g() }\n}", 2, "unsafe");
    breaks(path, "fn f() { todo!() }", 1, "left open");
    breaks(
        path,
        "#[cfg(test)]\nmod tests {\n    #[test]\n    #[ignore = \"slow\"]\n    fn f() {}\n}",
        4,
        "switched off",
    );
    breaks("worker/tests/fleet.rs", "#[ignore]\nfn f() {}", 1, "switched off");
    breaks("shared/src/store/mod.rs", "", 1, "mod.rs");
    keeps(
        path,
        "use ignore::WalkBuilder;\n/* unsafe /* todo!() */ #[ignore] */\nconst U: char = '\"'; // unsafe",
    );
    keeps(path, "const A: &str = r#\"unsafe \"todo!()\" \"#;\nfn f<'a>(b: &'a str) -> &'a str { b }");
}

#[test]
fn long_rooms_are_seen_and_long_tests_are_not() {
    let code = "fn f() {}\n".repeat(MAX_LINES);
    keeps("shared/src/job.rs", &code);
    breaks("shared/src/job.rs", &format!("{code}fn g() {{}}\n"), 501, "501 lines");
    keeps("shared/src/job.rs", &format!("{code}#[cfg(test)]\nmod tests {{\n    fn g() {{}}\n}}\n"));
    keeps("worker/tests/fleet.rs", &code.repeat(2));
    assert!(
        !breaches("shared/src/job.rs", &format!("#[cfg(test)]\nmod tests;\n{code}fn g() {{}}\n")).is_empty()
    );
}

#[test]
fn arrows_are_a_closed_set() {
    let check = |from: &str, to: &str, ours, shipped| {
        check_dependencies(&[Dependency { from: from.to_owned(), to: to.to_owned(), ours, shipped }])
    };
    assert_eq!(check("shared", "analysis", true, true), ["shared -> analysis: not an arrow of the design"]);
    assert_eq!(check("analysis", "shared", true, false).len(), 1);
    assert_eq!(check("producer", "worker", true, false).len(), 1);
    assert_eq!(check("analysis", "tokio", false, true).len(), 1);
    assert_eq!(check("report", "serde_json", false, true).len(), 1);
    assert_eq!(check("helpers", "serde", false, true).len(), 1);
    assert_eq!(check("report", "serde_json", false, false).len(), 0);
    assert_eq!(check("worker", "shared", true, true).len(), 0);
    assert_eq!(check("worker", "tokio", false, true).len(), 0);
}
