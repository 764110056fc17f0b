//! Scans of real trees.

use std::{
    fs::File,
    io::Cursor,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::Path,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

fn tree(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    dir
}

/// Paths below the tree, and errors with the tree's own path taken out.
fn collect(dir: &Path, scan: &mut Scan) -> (Vec<String>, Vec<String>) {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for item in scan {
        match item {
            Ok(found) => files.push(found.path.strip_prefix(dir).unwrap().to_string_lossy().into_owned()),
            Err(error) => errors.push(error.to_string().replace(&format!("{}/", dir.display()), "")),
        }
    }
    (files, errors)
}

fn walked(dir: &Path) -> (Vec<String>, Vec<String>, Summary) {
    let mut scan = Scan::from_paths([dir.to_owned()]);
    let (files, errors) = collect(dir, &mut scan);
    (files, errors, scan.summary().clone())
}

#[test]
fn a_folder_gives_its_audio_and_then_that_of_its_subfolders_in_the_order_of_names() {
    let dir = tree(&[
        "b.mp3",
        "a/z.FLAC",
        "a/cover.jpg",
        "a/b/c.opus",
        "B.wav",
        "notes.txt",
        "README",
        "x.jpg",
        "c.mid",
    ]);
    let (files, errors, summary) = walked(dir.path());
    assert_eq!(files, ["B.wav", "b.mp3", "c.mid", "a/z.FLAC", "a/b/c.opus"]);
    assert_eq!(errors, [""; 0]);
    let ignored = [("", 1), ("jpg", 2), ("txt", 1)].map(|(extension, count)| (extension.to_owned(), count));
    let bytes = ["B.wav", "a/b/c.opus", "a/z.FLAC", "b.mp3", "c.mid"].concat().len() as u64;
    assert_eq!(
        summary,
        Summary {
            files: 5,
            bytes,
            ignored_by_extension: ignored.into(),
            links: 0,
            repeated_links: 0,
            hidden: 0,
            errors: 0
        }
    );
}

#[test]
fn a_file_comes_with_size_and_time() {
    let dir = tree(&["a.mp3"]);
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_234_567_890);
    File::options().append(true).open(dir.path().join("a.mp3")).unwrap().set_modified(time).unwrap();
    let found: Vec<_> = Scan::from_paths([dir.path().to_owned()]).map(Result::unwrap).collect();
    assert_eq!(found, [Found { path: dir.path().join("a.mp3"), bytes: 5, modified: time }]);
}

#[test]
fn hidden_and_ignored_entries_stay_out_but_git_has_no_say() {
    let dir =
        tree(&["a.mp3", "._a.mp3", ".Trash/b.mp3", "drafts/c.mp3", "live/d.mp3", "live/e.mp3", "git.mp3"]);
    fs::create_dir(dir.path().join(".git")).unwrap();
    fs::write(dir.path().join(".gitignore"), "git.mp3\n").unwrap();
    fs::write(dir.path().join(".ignore"), "drafts/\n").unwrap();
    fs::write(dir.path().join("live/.ignore"), "d.*\n").unwrap();
    assert_eq!(walked(dir.path()).0, ["a.mp3", "git.mp3", "live/e.mp3"]);
    // What is named is meant, whatever the folder above says.
    let named = ["drafts", "._a.mp3", ".Trash", "live/d.mp3"].map(|name| dir.path().join(name));
    let (files, errors) = collect(dir.path(), &mut Scan::from_paths(named));
    assert_eq!(
        (files, errors.len()),
        (["drafts/c.mp3", "._a.mp3", ".Trash/b.mp3", "live/d.mp3"].map(String::from).into(), 0)
    );
}

#[test]
fn a_rule_that_means_nothing_is_an_error_and_the_others_hold() {
    let dir = tree(&["a.mp3", "sub/b.mp3", "sub/c.mp3"]);
    fs::write(dir.path().join(".ignore"), "{x\n").unwrap();
    fs::write(dir.path().join("sub/.ignore"), "{b\nc.mp3\n").unwrap();
    let (files, errors, summary) = walked(dir.path());
    assert_eq!(files, ["a.mp3", "sub/b.mp3"]);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].starts_with(".ignore: ") && errors[1].starts_with("sub/.ignore: "), "{errors:?}");
    assert_eq!(summary.errors, 2);
}

#[test]
fn links_in_folders_are_followed_each_file_once() {
    let dir = tree(&["music/a.mp3", "music/sub/b.mp3", "else/c.mp3", "else/deep/d.flac", "else/cover.jpg"]);
    let music = dir.path().join("music");
    symlink("../else", music.join("album")).unwrap();
    symlink("../else/c.mp3", music.join("single.mp3")).unwrap();
    symlink("../else/c.mp3", music.join("single.txt")).unwrap();
    // What the walk comes to anyway.
    symlink("sub", music.join("again")).unwrap();
    symlink("sub/b.mp3", music.join("b.mp3")).unwrap();
    symlink("../else/deep", music.join("deep")).unwrap();
    let (files, errors, summary) = walked(&music);
    assert_eq!(files, ["a.mp3", "single.mp3", "album/deep/d.flac", "sub/b.mp3"]);
    assert_eq!((errors.len(), summary.links, summary.repeated_links), (0, 0, 5));
    assert_eq!(summary.ignored_by_extension, [("jpg".to_owned(), 1)].into());

    let mut scan = Scan::from_paths([music.clone()]).links(Links::None);
    assert_eq!(collect(&music, &mut scan), (vec!["a.mp3".to_owned(), "sub/b.mp3".to_owned()], vec![]));
    assert_eq!((scan.summary().links, scan.summary().repeated_links), (6, 0));
}

#[test]
fn links_that_lead_back_or_into_one_another_end() {
    let dir = tree(&["music/a.mp3", "other/b.mp3"]);
    let (music, other) = (dir.path().join("music"), dir.path().join("other"));
    for target in ["..", ".", "../music", "../other"] {
        symlink(target, music.join(format!("to{}", target.replace(['/', '.'], "_")))).unwrap();
    }
    symlink("../music", other.join("back")).unwrap();
    symlink(".", other.join("self")).unwrap();
    let (files, errors, summary) = walked(&music);
    assert_eq!((files, errors.len()), (vec!["a.mp3".to_owned(), "to___other/b.mp3".to_owned()], 0));
    assert_eq!(summary.repeated_links, 5);
}

#[test]
fn a_link_that_leads_nowhere_is_an_error_and_the_rest_goes_on() {
    let dir = tree(&["a.mp3"]);
    symlink("nowhere", dir.path().join("dangling.mp3")).unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    let (files, errors, _) = walked(dir.path());
    assert_eq!(files, ["a.mp3"]);
    let wanted = [
        "dangling.mp3: No such file or directory (os error 2)",
        "loop: Too many levels of symbolic links (os error 40)",
    ];
    assert_eq!(errors, wanted);
}

#[test]
fn a_store_of_hidden_files_is_reached_by_its_links() {
    let dir = tree(&[".store/0a1b", ".store/albums/2.mp3", "c.mp3"]);
    symlink(".store/0a1b", dir.path().join("a.mp3")).unwrap();
    symlink(".store/albums", dir.path().join("b")).unwrap();
    assert_eq!(walked(dir.path()).0, ["a.mp3", "c.mp3", "b/2.mp3"]);
}

#[test]
fn links_through_links_have_an_end() {
    let dir = tree(&["0/a.mp3"]);
    for number in 1..40 {
        let folder = dir.path().join(number.to_string());
        fs::create_dir(&folder).unwrap();
        symlink(format!("../{}", number - 1), folder.join("x")).unwrap();
    }
    let (files, errors, _) = walked(&dir.path().join("39"));
    assert_eq!((files.len(), errors.len()), (0, 1), "{errors:?}");
    assert!(errors[0].contains("16 links lead through one another"), "{errors:?}");
    assert_eq!(walked(&dir.path().join("16")).0.len(), 1);
}

#[test]
fn a_link_out_of_the_folders_that_may_be_read_is_an_error() {
    let dir = tree(&["root/a.mp3", "root/in/b.mp3", "root2/c.mp3", "secret/d.mp3", "secret/e.mp3"]);
    let base = dir.path().canonicalize().unwrap();
    let root = base.join("root/walked");
    fs::create_dir(&root).unwrap();
    for (target, name) in [("in", "in"), ("a.mp3", "a.mp3"), ("../root2", "other"), ("../secret", "out")] {
        symlink(base.join("root").join(target), root.join(name)).unwrap();
    }
    symlink(base.join("secret/d.mp3"), root.join("z.mp3")).unwrap();
    let folders = vec![base.join("root"), base.join("root2")];
    let mut scan = Scan::from_paths([root.clone()]).links(Links::Within(folders));
    let (files, errors) = collect(&root, &mut scan);
    assert_eq!(files, ["a.mp3", "in/b.mp3", "other/c.mp3"]);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].starts_with("z.mp3: a link that leads to "), "{errors:?}");
    assert!(errors[1].starts_with("out: a link that leads to ") && errors[1].contains("secret, outside"));
}

#[test]
fn a_name_in_an_error_cannot_command_the_terminal() {
    let dir = tree(&[]);
    symlink("nowhere", dir.path().join("\u{1b}[2Jx\n\u{202e}.mp3")).unwrap();
    let (_, errors, _) = walked(dir.path());
    assert_eq!(errors, ["\\u{1b}[2Jx\\n\\u{202e}.mp3: No such file or directory (os error 2)"]);
}

#[test]
fn a_named_path_may_be_a_link() {
    let dir = tree(&["music/a.mp3"]);
    symlink("music", dir.path().join("folder")).unwrap();
    symlink("music/a.mp3", dir.path().join("song")).unwrap();
    let mut scan = Scan::from_paths([dir.path().join("folder"), dir.path().join("song")]);
    let (files, errors) = collect(dir.path(), &mut scan);
    assert_eq!((files, errors.len()), (vec!["folder/a.mp3".to_owned(), "song".to_owned()], 0));
    assert_eq!(scan.summary().links, 0);
}

#[test]
fn a_named_path_that_is_not_there_is_an_error_and_the_rest_goes_on() {
    let dir = tree(&["a.mp3", "b.xyz"]);
    symlink("nowhere", dir.path().join("dangling.mp3")).unwrap();
    let named = ["gone.mp3", "dangling.mp3", "b.xyz", "a.mp3/x"].map(|name| dir.path().join(name));
    let mut scan = Scan::from_paths(named);
    let (files, errors) = collect(dir.path(), &mut scan);
    assert_eq!(files, ["b.xyz"]);
    let missing = "No such file or directory (os error 2)";
    let wanted = [
        format!("gone.mp3: {missing}"),
        format!("dangling.mp3: {missing}"),
        "a.mp3/x: Not a directory (os error 20)".to_owned(),
    ];
    assert_eq!(errors, wanted);
    assert_eq!((scan.summary().files, scan.summary().errors), (1, 3));
}

#[test]
fn a_fifo_with_an_audio_name_is_given_and_nothing_waits_for_it() {
    let dir = tree(&["a.mp3"]);
    for name in ["pipe.mp3", "pipe"] {
        mknodat(CWD, dir.path().join(name), FileType::Fifo, Mode::RUSR, 0).unwrap();
    }
    assert_eq!(walked(dir.path()).0, ["a.mp3", "pipe.mp3"]);
    let mut scan = Scan::from_paths([dir.path().to_owned()]).all_files(true);
    assert_eq!(collect(dir.path(), &mut scan).0, ["a.mp3", "pipe.mp3"]);
}

#[test]
fn paths_are_sorted_as_a_scan_finds_them() {
    let dir = tree(&[
        "B.wav",
        "b.mp3",
        "a/z.flac",
        "a/b/c.opus",
        "a/notes.xyz",
        "b/a.mp3",
        "readme",
        "c.mp3/d.mp3",
    ]);
    let mut scan = Scan::from_paths([dir.path().to_owned()]).all_files(true);
    let found = collect(dir.path(), &mut scan).0;
    assert_eq!(found.len(), 8);
    assert!(found.is_sorted_by_key(|path| path_order(path.as_bytes())), "{found:?}");
}

#[test]
fn all_files_takes_what_is_regular() {
    let dir = tree(&["a.mp3", "b.xyz", "README", ".hidden"]);
    let mut scan = Scan::from_paths([dir.path().to_owned()]).all_files(true);
    assert_eq!(collect(dir.path(), &mut scan).0, ["a.mp3", "README", "b.xyz"]);
    assert!(scan.summary().ignored_by_extension.is_empty());
}

#[test]
fn names_that_are_not_text_are_found() {
    let dir = tree(&[]);
    let names: [&[u8]; 3] = [b"\xff\xfe.mp3", b"new\nline.mp3", "🎵.mp3".as_bytes()];
    for name in names {
        fs::write(dir.path().join(OsStr::from_bytes(name)), "").unwrap();
    }
    let mut found: Vec<_> =
        Scan::from_paths([dir.path().to_owned()]).map(|item| item.unwrap().path).collect();
    found.sort();
    let mut wanted: Vec<_> = names.iter().map(|name| dir.path().join(OsStr::from_bytes(name))).collect();
    wanted.sort();
    assert_eq!(found, wanted);
}

#[test]
fn the_count_of_extensions_is_bounded() {
    let names: Vec<String> =
        (0..100).map(|n| format!("a.x{n}")).chain(["b.much-too-long-a-one".into()]).collect();
    let dir = tree(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let ignored = walked(dir.path()).2.ignored_by_extension;
    assert!(ignored.len() <= MAX_COUNTED + 1, "{ignored:?}");
    assert_eq!(ignored.values().sum::<u64>(), 101);
}

#[test]
fn hidden_folders_and_music_are_counted() {
    let dir = tree(&["a.mp3", "._a.mp3", ".DS_Store", ".trash/b.mp3", ".trash/c.mp3", "sub/.d.flac"]);
    let (files, _, summary) = walked(dir.path());
    assert_eq!((files, summary.hidden), (vec!["a.mp3".to_owned()], 3));
    // One that is named is walked.
    assert_eq!(walked(&dir.path().join(".trash")).0.len(), 2);
}

#[test]
fn a_list_with_the_line_ends_of_windows_is_told_of() {
    let dir = tree(&["a.mp3"]);
    let list = format!("{}/a.mp3\r\n", dir.path().display());
    let (files, errors) = collect(dir.path(), &mut Scan::from_list(Cursor::new(list), b'\n', "files.txt"));
    assert_eq!(files, [""; 0]);
    assert!(
        errors[0].starts_with("a.mp3\\r: No such file") && errors[0].contains("tr -d '\\r'"),
        "{errors:?}"
    );
}

#[test]
fn a_list_is_taken_byte_by_byte() {
    let dir = tree(&["a.mp3", " b .xyz ", "c\r", "d\ne.mp3", "\"q\".mp3"]);
    let path = |name: &str| [dir.path().as_os_str().as_bytes(), b"/", name.as_bytes()].concat();
    let lines = [path("a.mp3"), Vec::new(), path(" b .xyz "), path("c\r"), path("\"q\".mp3")].join(&b'\n');
    let mut scan = Scan::from_list(Cursor::new(lines), b'\n', "-");
    assert_eq!(collect(dir.path(), &mut scan).0, ["a.mp3", " b .xyz ", "c\r", "\"q\".mp3"]);
    for end in [&b""[..], b"\0", b"\0\0"] {
        let list = [&[path("a.mp3"), path("d\ne.mp3")].join(&b'\0')[..], end].concat();
        let mut scan = Scan::from_list(Cursor::new(list), b'\0', "-");
        assert_eq!(collect(dir.path(), &mut scan).0, ["a.mp3", "d\ne.mp3"], "{end:?}");
    }
}

#[test]
fn a_list_that_cannot_be_right_says_why_and_goes_on() {
    let dir = tree(&["a.mp3", "sub/b.mp3"]);
    let (base, long) = (dir.path().display(), "x".repeat(10_000));
    let list = format!("{base}/gone\n{base}/sub\n{base}/a.mp3\0{base}/a.mp3\n{long}\n{base}/a.mp3\n{long}");
    // A buffer smaller than any name: names arrive in pieces.
    let reader = io::BufReader::with_capacity(7, Cursor::new(list));
    let mut scan = Scan::from_list(reader, b'\n', "files.txt");
    let (files, errors) = collect(dir.path(), &mut scan);
    assert_eq!(files, ["a.mp3"]);
    let long = "files.txt: a name in the list is longer than 4096 bytes: is the list separated by newlines?";
    let wanted = [
        "gone: No such file or directory (os error 2)",
        "sub: is a folder: a list names files; give folders as arguments",
        "files.txt: a name in the list contains a NUL byte: is the list separated by NUL (-0)?",
        long,
        long,
    ];
    assert_eq!(errors, wanted);
}

#[test]
fn a_list_that_breaks_off_is_an_error_and_the_end() {
    struct Broken;
    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        }
    }
    let mut scan = Scan::from_list(io::BufReader::new(Broken), b'\n', "-");
    assert!(matches!(scan.next(), Some(Err(ScanError { cause: ScanCause::Io(_), .. }))));
    assert!(scan.next().is_none());
}

#[test]
fn nothing_is_read_ahead_of_the_caller() {
    let dir = tree(&["a/1.mp3", "b/2.mp3"]);
    let mut scan = Scan::from_paths([dir.path().to_owned()]);
    assert!(scan.next().unwrap().unwrap().path.ends_with("a/1.mp3"));
    fs::write(dir.path().join("b/3.mp3"), "").unwrap();
    assert_eq!(collect(dir.path(), &mut scan).0, ["b/2.mp3", "b/3.mp3"]);
}
