//! The commands that read runs, as they are called: exit codes, and that no escape sequence is written where no terminal is.

use std::io;
use std::path::Path;
use std::process::Command;

fn loadtest(arguments: &[&str]) -> io::Result<(Option<i32>, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest")).args(arguments).output()?;
    let said = [&output.stdout[..], &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Ok((output.status.code(), said.concat()))
}

/// The least that a burst can say; `ended` of the 500 jobs.
fn burst(folder: &Path, name: &str, ended: u64, seconds: f64) -> io::Result<String> {
    let path = folder.join(name);
    let run = serde_json::json!({
        "schema": "loadtest.run", "schema_version": 1, "scenario": "burst", "about": "", "command": [],
        "started_at": "2026-01-02T03:04:05Z", "seed": 1, "versions": {}, "settings": {}, "verdicts": [],
        "machine": {"system": "", "processor": "", "processors": 2, "memory_bytes": 1, "load_before": 0.0, "servers": ""},
        "corpus": {"files": 1, "bytes": 1, "audio_seconds": 1.0, "about": ""},
        "phases": [{
            "name": "burst", "workers": 1, "lanes": 4, "offered_per_second": null, "began_seconds": 0.0, "seconds": seconds,
            "jobs": {"offered": 500, "accepted": 500, "refused": 0, "ended": ended, "outcomes": {}, "cached": 0,
                     "lost": 500 - ended, "doubled": 0},
            "audio_seconds": 1.0, "bytes": 1, "latency": {}, "timeline": [], "usage": {}, "figures": {}
        }]
    });
    std::fs::write(&path, run.to_string())?;
    Ok(path.display().to_string())
}

#[test]
fn the_exit_code_is_the_verdict() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let good = burst(folder.path(), "good.json", 500, 10.0)?;
    let lost = burst(folder.path(), "lost.json", 499, 10.0)?;
    let slow = burst(folder.path(), "slow.json", 500, 20.0)?;
    let page = folder.path().join("page.html").display().to_string();

    let (code, said) = loadtest(&["report", &good, "--html", &page])?;
    assert!(code == Some(0) && said.contains("burst: passed") && !said.contains('\x1b'), "{said}");
    assert!(std::fs::read_to_string(&page)?.contains("<h1>burst</h1>"));
    let (code, said) = loadtest(&["report", &lost])?;
    assert!(code == Some(1) && said.contains("MISSED"), "{said}");
    assert_eq!(loadtest(&["report", &page])?.0, Some(2));

    assert_eq!(loadtest(&["compare", &good, &good])?.0, Some(0));
    let (code, said) = loadtest(&["compare", &good, &slow, "--html", &page])?;
    assert!(code == Some(1) && said.contains("WORSE"), "{said}");
    assert_eq!(loadtest(&["compare", &good, &slow, "--tolerance", "60%"])?.0, Some(0));
    assert_eq!(loadtest(&["compare", &good, &page])?.0, Some(2));
    Ok(())
}
