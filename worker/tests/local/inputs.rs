//! What a user may name: files, folders, lists, and things that are neither.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::geteuid;
use shared::outcome::Outcome;
use tempfile::TempDir;

use crate::harness::{analyze, folder, name_below, put, records, run, run_with};

const ODD: [&[u8]; 5] = [b"new\nline.wav", "🎵 ♯.wav".as_bytes(), b"\xff\xfe.wav", b" blank .wav", &LONGEST];

/// As long as a name may be.
const LONGEST: [u8; 255] = {
    let mut name = [b'x'; 255];
    [name[251], name[252], name[253], name[254]] = *b".wav";
    name
};

fn odd_names() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ODD {
        put("bad/silence.wav", &folder.path().join(OsStr::from_bytes(name)));
    }
    folder
}

fn names(folder: &Path, ndjson: &str) -> BTreeSet<Vec<u8>> {
    records(ndjson).iter().map(|record| name_below(folder, record)).collect()
}

#[test]
fn a_list_separated_by_nul_holds_any_name() {
    let folder = odd_names();
    let paths = ODD.map(|name| folder.path().join(OsStr::from_bytes(name)));
    let list: Vec<u8> = paths.iter().flat_map(|path| [path.as_os_str().as_bytes(), b"\0"].concat()).collect();
    let expected: BTreeSet<Vec<u8>> = ODD.iter().map(|name| name.to_vec()).collect();
    for args in [&["-0"][..], &["-0", "-"], &["-0", "--files-from", "-"]] {
        let ended = run_with(analyze(args).args(["--format", "ndjson"]), &list);
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
        assert_eq!(names(folder.path(), &ended.stdout), expected, "{args:?}");
    }
    let ended = run(analyze([folder.path()]).args(["--format", "ndjson"]));
    assert_eq!(names(folder.path(), &ended.stdout), expected, "by folder");
}

#[test]
fn odd_names_keep_to_their_line_in_a_table() {
    let ended = run(&mut analyze([odd_names().path()]));
    assert_eq!(ended.stdout.lines().count(), 1 + ODD.len(), "{}", ended.stdout);
}

#[test]
fn a_list_of_lines_names_files_relative_to_here() {
    let folder =
        folder(&[("bad/silence.wav", "a b.wav"), ("bad/midi.mid", "c.mid"), ("bad/silence.wav", "d.wav")]);
    let list = folder.path().join("list.txt");
    fs::write(&list, "a b.wav\n\nc.mid\nmissing.wav\n").unwrap();
    let here = |args: &[&str]| {
        let mut command = analyze(args);
        command.args(["--format", "ndjson"]).current_dir(&folder);
        command
    };
    for ended in [
        run(&mut here(&["--files-from", "list.txt"])),
        run_with(&mut here(&["-"]), &fs::read(&list).unwrap()),
    ] {
        assert_eq!(ended.code, Some(1));
        let paths: Vec<String> = records(&ended.stdout).into_iter().map(|record| record.path).collect();
        assert_eq!(paths, ["a b.wav", "c.mid"]);
        assert!(ended.stderr.contains("worker: missing.wav: No such file"), "{}", ended.stderr);
    }
}

#[test]
fn what_is_not_there_is_named_and_the_rest_is_done() {
    let folder = folder(&[("bad/silence.wav", "a.wav")]);
    symlink("nowhere.wav", folder.path().join("dangling.wav")).unwrap();
    let paths = ["missing.wav", "dangling.wav", "a.wav"].map(|name| folder.path().join(name));
    let ended = run(analyze(paths).args(["--format", "ndjson"]));
    assert_eq!(ended.code, Some(1));
    assert_eq!(records(&ended.stdout).len(), 1);
    for name in ["missing.wav: No such file", "dangling.wav: No such file"] {
        assert!(ended.stderr.contains(name), "{name}: {}", ended.stderr);
    }
}

#[test]
fn a_fifo_in_a_folder_is_denied_and_nothing_hangs() {
    let folder = folder(&[("bad/silence.wav", "z.wav")]);
    mknodat(CWD, folder.path().join("a.wav"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    symlink("z.wav", folder.path().join("link.wav")).unwrap();
    let ended = run(analyze([folder.path()]).args(["--format", "ndjson"]));
    assert_eq!(ended.code, Some(1));
    let records = records(&ended.stdout);
    let ends: Vec<_> =
        records.iter().map(|record| (record.outcome, record.kind.map(|kind| kind.code()))).collect();
    assert_eq!(ends, [(Outcome::Failed, Some("denied")), (Outcome::NotApplicable, Some("silence"))]);
    assert!(
        ended
            .stderr
            .contains("links that lead to what was found anyway, or back to a folder around them: 1\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_link_that_is_named_is_followed() {
    let folder = folder(&[("bad/silence.wav", "a/real.wav")]);
    symlink("a/real.wav", folder.path().join("link.wav")).unwrap();
    symlink("a", folder.path().join("folder")).unwrap();
    let paths = ["link.wav", "folder"].map(|name| folder.path().join(name));
    let ended = run(analyze(paths).args(["--format", "ndjson"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let names: Vec<Vec<u8>> =
        records(&ended.stdout).iter().map(|record| name_below(folder.path(), record)).collect();
    assert_eq!(names, [b"link.wav".to_vec(), b"folder/real.wav".to_vec()]);
}

#[test]
fn what_may_not_be_read_is_denied_or_named() {
    let folder = folder(&[
        ("bad/silence.wav", "a.wav"),
        ("bad/silence.wav", "open.wav"),
        ("bad/silence.wav", "b/c.wav"),
    ]);
    let allow = |name: &str, mode| {
        fs::set_permissions(folder.path().join(name), Permissions::from_mode(mode)).unwrap()
    };
    allow("", 0o755);
    allow("a.wav", 0o000);
    allow("b", 0o000);
    let mut command = analyze([folder.path()]);
    // Root may read anything.
    let program = geteuid().is_root().then(|| as_nobody(&mut command));
    let ended = run(command.args(["--format", "ndjson"]));
    drop(program);
    allow("b", 0o755);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let records = records(&ended.stdout);
    let ends: Vec<_> =
        records.iter().map(|record| (record.outcome, record.kind.map(|kind| kind.code()))).collect();
    assert_eq!(ends, [(Outcome::Failed, Some("denied")), (Outcome::NotApplicable, Some("silence"))]);
    assert!(ended.stderr.contains("b: Permission denied"), "{}", ended.stderr);
}

/// Makes it run as a user with no rights, from a copy of the program that this user can reach.
fn as_nobody(command: &mut Command) -> TempDir {
    const NOBODY: u32 = 65534;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("worker");
    // By another process: a child that another test starts meanwhile would inherit our descriptor, and a program that is
    // open for writing cannot be started (ETXTBSY).
    assert!(Command::new("cp").arg(command.get_program()).arg(&program).status().unwrap().success());
    let mut other = Command::new(program);
    other.args(command.get_args()).env_clear().env("ANALYSIS_MAX_WORKERS", "1");
    other.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).uid(NOBODY).gid(NOBODY);
    *command = other;
    folder
}

#[test]
fn links_in_a_folder_are_followed_unless_told_otherwise() {
    let folder = folder(&[("bad/silence.wav", "music/a.wav"), ("bad/silence.wav", "disk2/b.wav")]);
    let music = folder.path().join("music");
    symlink("../disk2", music.join("album")).unwrap();
    symlink("../music", music.join("back")).unwrap();
    let names_of = |args: &[&str]| {
        let ended = run(analyze([&music]).args(["--format", "ndjson"]).args(args));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        (names(&music, &ended.stdout), ended.stderr)
    };
    let (found, said) = names_of(&[]);
    assert_eq!(found, BTreeSet::from([b"a.wav".to_vec(), b"album/b.wav".to_vec()]));
    assert!(
        said.contains("links that lead to what was found anyway, or back to a folder around them: 1\n"),
        "{said}"
    );
    let (found, said) = names_of(&["--no-follow"]);
    assert_eq!(found, BTreeSet::from([b"a.wav".to_vec()]));
    assert!(said.contains("links not followed (--no-follow): 2\n"), "{said}");
}

#[test]
fn names_in_errors_cannot_command_the_terminal() {
    let folder = folder(&[("bad/silence.wav", "a.wav")]);
    let evil = folder.path().join("\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\nworker: all is well.wav");
    symlink("nowhere", &evil).unwrap();
    for paths in [vec![folder.path().to_owned()], vec![evil.clone(), folder.path().join("a.wav")]] {
        let ended = run(&mut analyze(paths));
        assert_eq!(ended.code, Some(1));
        let shown = "\\u{1b}]0;x\\u{7}\\u{9b}2J\\u{202e}\\nworker: all is well.wav: No such file";
        assert!(ended.stderr.contains(shown), "{}", ended.stderr);
        for text in [&ended.stderr, &ended.stdout] {
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{text:?}");
        }
    }
    // A list that is not there has a name, too.
    let ended = run(analyze(["--files-from"]).arg(folder.path().join("\u{1b}c")));
    assert!(ended.stderr.contains("\\u{1b}c: No such file"), "{:?}", ended.stderr);
}

#[test]
fn videos_whose_audio_can_be_decoded_are_found_in_a_folder() {
    let names = ["a.mov", "b.m4v", "c.3g2", "d.QT", "e.f4a"];
    let folder = folder(&names.map(|name| ("hip_hop.m4a", name)));
    let ended = run(analyze([folder.path()]).args(["--format", "ndjson"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let records = records(&ended.stdout);
    assert!(records.iter().all(|record| record.outcome == Outcome::Ok), "{records:?}");
    assert_eq!(records.len(), names.len());
}
