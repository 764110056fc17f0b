//! The rules, as tables, and what checks a text against them.

use std::collections::{BTreeMap, BTreeSet};

use crate::text::{Mention, mentions, strip, test_lines, tokens};

/// Which of our packages each of them may depend on. `shared` and `analysis` do not know each other.
pub const ARROWS: [(&str, &[&str]); 8] = [
    ("report", &[]),
    ("analysis", &["libav", "report"]),
    ("shared", &["report"]),
    ("worker", &["analysis", "raw-calls", "shared"]),
    ("libav", &[]),
    ("raw-calls", &[]),
    ("producer", &["shared"]),
    // Of the worker only its queue is measured, by `loadtest components`; everything else of it is run as a program.
    ("loadtest", &["analysis", "shared", "worker"]),
];

/// Packages for tests: nothing that is shipped depends on them.
const FOR_TESTS: [&str; 1] = ["raw-calls"];

/// The places with unsafe code: tests attack a lane with system calls that no safe wrapper offers, and the bindings of FFmpeg's
/// libraries have no safe way to read from a file that is already open.
const MAY_BE_UNSAFE: [&str; 2] = ["worker/libav/src/", "worker/raw-calls/src/"];

/// What `analysis` may not depend on: it does no I/O but reading the file it is given, and knows no job.
const NOT_IN_ANALYSIS: [&str; 13] = [
    "anyhow",
    "axum",
    "clap",
    "deadpool-redis",
    "envy",
    "hyper",
    "jiff",
    "lapin",
    "metrics",
    "redis",
    "reqwest",
    "tokio",
    "uuid",
];

/// Paths that sources under a prefix may not mention outside tests, except under other prefixes.
struct Forbidden {
    under: &'static str,
    except: &'static [&'static str],
    path: &'static str,
    rule: &'static str,
}

const FORBIDDEN: [Forbidden; 8] = [
    analysis("tokio", "analysis knows no runtime"),
    analysis("std::net", "analysis has no network"),
    analysis("std::os::unix::net", "analysis has no network"),
    analysis("std::env", "analysis reads no environment"),
    analysis("std::process", "analysis starts and ends no process"),
    analysis("std::time::SystemTime", "analysis knows no clock"),
    analysis("std::time::UNIX_EPOCH", "analysis knows no clock"),
    Forbidden {
        under: "worker/analysis/src/",
        except: &["worker/analysis/src/engine"],
        path: "std::time::Instant",
        rule: "in analysis only the engine measures time, for the stage timings",
    },
];

const fn analysis(path: &'static str, rule: &'static str) -> Forbidden {
    Forbidden { under: "worker/analysis/src/", except: &[], path, rule }
}

/// Directories whose modules are adapters: they meet only in the composition roots.
const ADAPTERS: [&str; 2] = ["source", "sink"];
/// Modules of the worker that an adapter may not know.
const ABOVE_ADAPTERS: [&str; 3] = ["pipeline", "daemon", "local"];
/// The composition roots.
const MAY_NAME_ADAPTERS: [&str; 2] = ["daemon", "local"];

/// A room that can be seen at a glance: lines outside tests.
const MAX_LINES: usize = 500;

/// Path prefixes that the rules speak of.
pub fn scopes() -> impl Iterator<Item = &'static str> {
    let tables = FORBIDDEN.iter().flat_map(|rule| rule.except.iter().copied().chain([rule.under]));
    let worker = ["worker/src/source/", "worker/src/sink/", "worker/src/pipeline", "worker/src/daemon"];
    tables.chain(worker).chain(["worker/src/local"]).chain(MAY_BE_UNSAFE)
}

/// One Rust file.
pub struct SourceFile {
    /// From the repository's root, with `/`.
    pub path: String,
    stripped: String,
    /// Per line (from 0).
    in_test: Vec<bool>,
}

impl SourceFile {
    pub fn new(path: String, text: &str) -> Self {
        let stripped = strip(text);
        let in_test = test_lines(&stripped);
        Self { path, stripped, in_test }
    }

    /// Whether the whole file is a test's.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
    }

    fn in_test(&self, line: usize) -> bool {
        self.is_test() || self.in_test.get(line - 1).copied().unwrap_or(false)
    }

    /// Module path inside the worker's library, e.g. `["source", "rabbitmq"]`.
    fn worker_module(&self) -> Option<Vec<String>> {
        let inside = self.path.strip_prefix("worker/src/")?.strip_suffix(".rs")?;
        let parts = inside.split('/').map(str::to_owned);
        Some(parts.filter(|part| part != "lib" && part != "main").collect())
    }

    fn breach(&self, line: usize, rule: &str) -> String {
        format!("{}:{line}: {rule}", self.path)
    }
}

/// Every breach of a rule, as `file:line: rule`.
pub fn check_files(files: &[SourceFile]) -> Vec<String> {
    let modules: BTreeSet<Vec<String>> = files.iter().filter_map(SourceFile::worker_module).collect();
    files
        .iter()
        .flat_map(|file| {
            let mut found = check_words(file);
            found.extend(check_size(file));
            found.extend(check_paths(file, &modules));
            found
        })
        .collect()
}

fn check_words(file: &SourceFile) -> Vec<String> {
    let words = tokens(&file.stripped);
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).map_or("", |token| token.text);
        let opens_attribute = at > 1 && words[at - 1].text == "[" && words[at - 2].text == "#";
        let rule = match word.text {
            "unsafe" if !MAY_BE_UNSAFE.iter().any(|place| file.path.starts_with(place)) => "no unsafe code",
            "todo" | "unimplemented" if next == "!" => "nothing is left open in the code",
            "ignore" if opens_attribute => "no test is switched off",
            _ => continue,
        };
        found.push(file.breach(word.line, rule));
    }
    found
}

fn check_size(file: &SourceFile) -> Option<String> {
    let lines = file.in_test.iter().filter(|in_test| !**in_test).count();
    let too_long = lines > MAX_LINES && !file.is_test();
    if file.path.ends_with("/mod.rs") {
        return Some(file.breach(1, "a module is foo.rs with foo/, not foo/mod.rs"));
    }
    too_long.then(|| file.breach(lines, &format!("{lines} lines outside tests, at most {MAX_LINES}")))
}

fn check_paths(file: &SourceFile, modules: &BTreeSet<Vec<String>>) -> Vec<String> {
    let mentions = mentions(&file.stripped);
    let imports: BTreeMap<&str, &Vec<String>> = mentions
        .iter()
        .filter_map(|mention| Some((mention.imported_as.as_deref()?, &mention.path)))
        .filter(|(name, path)| path.len() > 1 && *name != "*")
        .collect();
    let module = file.worker_module();
    let mut found = BTreeSet::new();
    for mention in mentions.iter().filter(|mention| !file.in_test(mention.line)) {
        let path = spelt_out(mention, &imports);
        let forbidden =
            FORBIDDEN.iter().filter(|rule| applies(rule, &file.path)).find(|rule| reaches(&path, rule.path));
        if let Some(rule) = forbidden {
            found.insert((mention.line, rule.rule));
        }
        if let Some(rule) = module.as_ref().and_then(|module| adapter_rule(module, &path, modules)) {
            found.insert((mention.line, rule));
        }
    }
    found.into_iter().map(|(line, rule)| file.breach(line, rule)).collect()
}

fn applies(rule: &Forbidden, path: &str) -> bool {
    path.starts_with(rule.under) && !rule.except.iter().any(|prefix| path.starts_with(prefix))
}

/// The path with an imported first name replaced by what it stands for.
fn spelt_out(mention: &Mention, imports: &BTreeMap<&str, &Vec<String>>) -> Vec<String> {
    match imports.get(mention.path[0].as_str()) {
        Some(full) if mention.imported_as.is_none() => {
            full.iter().chain(&mention.path[1..]).cloned().collect()
        }
        _ => mention.path.clone(),
    }
}

/// Whether a path names something at or below `target`; one that ends in `*` also when it takes `target` in.
fn reaches(path: &[String], target: &str) -> bool {
    let target: Vec<&str> = target.split("::").collect();
    match path.split_last() {
        Some((star, above)) if star == "*" => above.iter().zip(&target).all(|(a, b)| a == b),
        _ => path.len() >= target.len() && path.iter().zip(&target).all(|(a, b)| a == b),
    }
}

/// What a mention in one module of the worker breaks about adapters.
fn adapter_rule(module: &[String], path: &[String], modules: &BTreeSet<Vec<String>>) -> Option<&'static str> {
    let path = resolved(module, path, modules)?;
    let top = path.first()?.as_str();
    let adapter = |path: &[String]| {
        let is_one = path.len() > 1 && ADAPTERS.contains(&path[0].as_str());
        (is_one && modules.contains(&path[..2])).then(|| path[..2].to_vec())
    };
    let named = adapter(&path);
    match adapter(module) {
        Some(_) if ABOVE_ADAPTERS.contains(&top) => Some("an adapter does not know what it is plugged into"),
        Some(own) => named.is_some_and(|other| other != own).then_some("an adapter does not know another"),
        None => {
            let may = module.first().is_some_and(|first| MAY_NAME_ADAPTERS.contains(&first.as_str()));
            (named.is_some() && !may).then_some("only the composition roots name adapters")
        }
    }
}

/// A path as seen from the root of the worker's library, or `None` when it leads elsewhere.
fn resolved(module: &[String], path: &[String], modules: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    let (above, rest) = match path[0].as_str() {
        "crate" | "worker" => (0, &path[1..]),
        "self" => (module.len(), &path[1..]),
        "super" => (module.len().checked_sub(supers)?, &path[supers..]),
        _ => {
            let child: Vec<String> = module.iter().chain(&path[..1]).cloned().collect();
            modules.contains(&child).then_some(())?;
            (module.len(), path)
        }
    };
    Some(module[..above].iter().chain(rest).filter(|name| *name != "*").cloned().collect())
}

/// A line of a Cargo.toml.
pub struct Dependency {
    pub from: String,
    pub to: String,
    /// Whether `to` is a package of this workspace.
    pub ours: bool,
    /// Whether it is more than a test's.
    pub shipped: bool,
}

/// Every arrow that should not be there.
pub fn check_dependencies(dependencies: &[Dependency]) -> Vec<String> {
    dependencies
        .iter()
        .filter_map(|Dependency { from, to, ours, shipped }| {
            let allowed = ARROWS.iter().find(|(package, _)| package == from).map(|(_, allowed)| *allowed);
            let rule = match (allowed, from.as_str()) {
                (None, _) => "a package without a place in ARROWS",
                (Some(allowed), _) if *ours && !allowed.contains(&to.as_str()) => {
                    "not an arrow of the design"
                }
                _ if *shipped && FOR_TESTS.contains(&to.as_str()) => "a package for tests is not shipped",
                // schemars is optional: it is there when the JSON Schema is generated, and in no program.
                (_, "report") if *shipped && !["serde", "schemars"].contains(&to.as_str()) => {
                    "the report's types know serde and nothing else"
                }
                (_, "analysis") if *shipped && NOT_IN_ANALYSIS.contains(&to.as_str()) => {
                    "analysis knows no runtime, network, environment or clock"
                }
                _ => return None,
            };
            Some(format!("{from} -> {to}: {rule}"))
        })
        .collect()
}

#[cfg(test)]
#[path = "rules/tests.rs"]
mod tests;
