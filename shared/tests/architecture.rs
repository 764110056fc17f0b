//! Keeps the arrows between packages and modules, and a few habits that no lint knows. What it reads is the source text;
//! what it enforces stands in `rules.rs` as tables.

#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/text.rs"]
mod text;

use std::error::Error;
use std::path::Path;
use std::process::Command;

use rules::{Dependency, SourceFile};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// Every Rust file of the repository that git would keep.
fn source_files() -> Result<Vec<SourceFile>, Box<dyn Error>> {
    let mut files = Vec::new();
    // Without a .git directory (a source archive) .gitignore still says what is build output.
    for entry in ignore::WalkBuilder::new(root()).require_git(false).build() {
        let path = entry?.into_path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root())?.to_string_lossy().replace('\\', "/");
            files.push(SourceFile::new(relative, &std::fs::read_to_string(&path)?));
        }
    }
    Ok(files)
}

fn text_of(value: &serde_json::Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// The packages of the workspace as cargo sees them.
fn packages() -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(metadata["packages"].as_array().cloned().ok_or("no packages")?)
}

/// Every dependency that one of them declares, of any kind and for any target.
fn dependencies(package: &serde_json::Value) -> impl Iterator<Item = Dependency> {
    package["dependencies"].as_array().into_iter().flatten().map(|dependency| Dependency {
        from: text_of(package, "name"),
        to: text_of(dependency, "name"),
        ours: dependency["path"].is_string(),
        shipped: dependency["kind"] != "dev",
    })
}

#[test]
fn the_sources_keep_the_rules() -> Result<(), Box<dyn Error>> {
    let files = source_files()?;
    let breaches = rules::check_files(&files);
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
    Ok(())
}

#[test]
fn the_packages_keep_the_arrows() -> Result<(), Box<dyn Error>> {
    let declared: Vec<Dependency> = packages()?.iter().flat_map(dependencies).collect();
    let breaches = rules::check_dependencies(&declared);
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
    Ok(())
}

/// A module that was renamed must not take its rule away with it.
#[test]
fn every_rule_has_something_to_look_at() -> Result<(), Box<dyn Error>> {
    let files = source_files()?;
    for scope in rules::scopes() {
        assert!(files.iter().any(|file| file.path.starts_with(scope)), "no file begins with {scope}");
    }
    let packages = packages()?;
    for (package, _) in rules::ARROWS {
        assert!(packages.iter().any(|found| found["name"] == package), "no package is called {package}");
    }
    Ok(())
}
