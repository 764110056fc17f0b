//! The block, and the committed README.

use super::*;
use crate::measure::Run;
use crate::report::tests::fixture::{phase, run};

const REQUIREMENTS: &str = r#"
[[requirement]]
name = "pace"
set = "project"
about = "Files an hour"
scenario = "sustained"
phase = "steady"
figure = "files_per_hour"
comparison = ">="
bound = 100000
unit = "files/h"

[[requirement]]
name = "lost"
set = "ours"
about = "Lost | files"
scenario = "sustained|burst"
phase = "*"
figure = "jobs.lost"
comparison = "<="
bound = 0

[[requirement]]
name = "soak"
set = "ours"
about = "Never run"
scenario = "soak"
phase = "*"
figure = "jobs.lost"
comparison = "<="
bound = 0
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.path("results")).unwrap();
        fs::write(folder.path("asked.toml"), REQUIREMENTS).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, run: &Run) {
        fs::write(self.path("results").join(name), serde_json::to_string(run).unwrap()).unwrap();
    }

    fn arguments(&self, check: bool) -> Readme {
        Readme {
            runs: vec![self.path("results")],
            readme: self.path("README.md"),
            requirements: Some(self.path("asked.toml")),
            check,
        }
    }
}

fn at(day: &str, scenario: &str, pace: u64, lost: u64) -> Run {
    let mut run = run(scenario, vec![phase("steady", pace, 0.2, 0.0)]);
    run.started_at = format!("{day}T01:02:03Z");
    run.phases[0].jobs.lost = lost;
    run
}

#[test]
fn the_block_is_written_from_the_newest_runs_and_checked() {
    let folder = Folder::new();
    folder.put("old.json", &at("2026-01-01", "sustained", 10, 0));
    folder.put("new.json", &at("2026-01-02", "sustained", 30, 0));
    folder.put("burst.json", &at("2026-01-02", "burst", 30, 2));
    let readme = folder.path("README.md");
    fs::write(&readme, format!("before\n{BEGIN}\nstale\n{END}\nafter\n")).unwrap();

    let differs = super::run(&folder.arguments(true)).unwrap_err();
    assert_eq!(differs.exit_code(), 1);
    assert!(fs::read_to_string(&readme).unwrap().contains("stale"));
    super::run(&folder.arguments(false)).unwrap();
    super::run(&folder.arguments(true)).unwrap();
    insta::assert_snapshot!(fs::read_to_string(&readme).unwrap());
}

#[test]
fn an_older_run_counts_for_what_the_newest_did_not_measure() {
    let folder = Folder::new();
    let mut partly = at("2026-01-02", "sustained", 30, 0);
    partly.phases[0].name = "other".to_owned();
    folder.put("partly.json", &partly);
    folder.put("whole.json", &at("2026-01-01", "sustained", 30, 0));
    fs::write(folder.path("README.md"), format!("{BEGIN}{END}")).unwrap();
    super::run(&folder.arguments(false)).unwrap();
    let readme = fs::read_to_string(folder.path("README.md")).unwrap();
    assert!(readme.contains("| 108,000 files/h | met | [sustained](results/whole.json) |"), "{readme}");
}

#[test]
fn a_readme_without_a_block_and_a_folder_without_runs_are_refused() {
    let folder = Folder::new();
    fs::write(folder.path("README.md"), "no block").unwrap();
    let said = super::run(&folder.arguments(false)).unwrap_err().to_string();
    assert!(said.contains("no block between"), "{said}");
    fs::write(folder.path("README.md"), format!("{BEGIN}{END}")).unwrap();
    let said = super::run(&folder.arguments(false)).unwrap_err().to_string();
    assert!(said.contains("there is no run in"), "{said}");
}

/// The figures of the committed page are those of the committed runs.
#[test]
fn the_committed_page_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join("docs/measurements/requirements.md");
    let page = fs::read_to_string(&path).unwrap();
    let wanted = rewritten(&page, &path, &[root.join("loadtest/results")], None).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &wanted).unwrap();
        return;
    }
    assert!(page == wanted, "write it anew: UPDATE=1 cargo test -p loadtest readme");
}

#[test]
fn links_are_relative_to_the_page() {
    let of = |file: &str, page: &str| super::link(Path::new(file), Path::new(page));
    assert_eq!(of("loadtest/results/a.json", "README.md"), "loadtest/results/a.json");
    assert_eq!(of("loadtest/results/a.json", "docs/measurements/x.md"), "../../loadtest/results/a.json");
    assert_eq!(of("/r/loadtest/a.json", "/r/docs/x.md"), "../loadtest/a.json");
}
