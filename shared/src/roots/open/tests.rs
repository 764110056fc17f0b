//! Real links, FIFOs and devices; and an attacker who acts between the checks and the opening.

use std::{
    ffi::OsStr,
    io::Read as _,
    os::unix::{ffi::OsStrExt as _, fs::symlink, net::UnixListener},
    path::PathBuf,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

const LIMIT: u64 = 1000;

/// `base/root` with `in.mp3` and `sub/deep.flac`, and `base/secret.mp3` beside the root.
struct Tree {
    _dir: tempfile::TempDir,
    base: PathBuf,
    root: PathBuf,
}

fn tree() -> Tree {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().canonicalize().unwrap();
    let root = base.join("root");
    fs::create_dir_all(root.join("sub")).unwrap();
    fs::write(root.join("in.mp3"), "inside").unwrap();
    fs::write(root.join("sub/deep.flac"), "deep").unwrap();
    fs::write(base.join("secret.mp3"), "secret").unwrap();
    Tree { _dir: dir, base, root }
}

impl Tree {
    fn open(&self, name: impl AsRef<[u8]>) -> Result<OpenedFile, OpenError> {
        open(&self.root, &RelPath::new(name.as_ref()).unwrap(), LIMIT)
    }

    fn read(&self, name: impl AsRef<[u8]>) -> String {
        content(self.open(name).unwrap())
    }

    fn fifo(&self, name: &str) {
        mknodat(CWD, self.root.join(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }
}

fn content(mut opened: OpenedFile) -> String {
    let mut text = String::new();
    opened.file.read_to_string(&mut text).unwrap();
    text
}

fn detail(result: Result<OpenedFile, OpenError>) -> String {
    match result {
        Err(OpenError::Denied { detail }) => detail,
        other => panic!("not denied: {other:?}"),
    }
}

#[test]
fn a_regular_file_is_opened_with_its_size_and_extension() {
    let tree = tree();
    let opened = tree.open("./in.mp3").unwrap();
    assert_eq!((opened.bytes, opened.extension.as_deref()), (6, Some("mp3")));
    assert_eq!(opened.modified, fs::metadata(tree.root.join("in.mp3")).unwrap().modified().unwrap());
    assert_eq!(content(opened), "inside");
    assert_eq!(tree.read("sub//deep.flac"), "deep");
}

#[test]
fn links_that_stay_inside_are_followed() {
    let tree = tree();
    symlink("../in.mp3", tree.root.join("sub/back.ogg")).unwrap();
    symlink(tree.root.join("sub"), tree.root.join("absolute")).unwrap();
    symlink(&tree.root, tree.base.join("alias")).unwrap();
    let opened = tree.open("sub/back.ogg").unwrap();
    assert_eq!(opened.extension.as_deref(), Some("ogg"));
    assert_eq!(content(opened), "inside");
    assert_eq!(tree.read("absolute/deep.flac"), "deep");
    let through = open(&tree.base.join("alias"), &RelPath::new("in.mp3").unwrap(), LIMIT).unwrap();
    assert_eq!(content(through), "inside");
}

#[test]
fn links_that_lead_out_are_denied() {
    let tree = tree();
    symlink(tree.base.join("secret.mp3"), tree.root.join("absolute.mp3")).unwrap();
    symlink("../secret.mp3", tree.root.join("relative.mp3")).unwrap();
    symlink("..", tree.root.join("up")).unwrap();
    symlink("/proc/self", tree.root.join("self")).unwrap();
    // A sibling whose name begins like the root's.
    fs::create_dir(tree.base.join("root2")).unwrap();
    fs::write(tree.base.join("root2/a.mp3"), "a").unwrap();
    symlink("../root2", tree.root.join("sibling")).unwrap();
    for name in ["absolute.mp3", "relative.mp3", "up/secret.mp3", "self/environ", "sibling/a.mp3", "up"] {
        assert_eq!(detail(tree.open(name)), "the path leads outside its media root", "{name}");
    }
}

#[test]
fn loops_and_names_that_no_disk_has_are_denied() {
    let tree = tree();
    symlink("loop.mp3", tree.root.join("loop.mp3")).unwrap();
    symlink("b", tree.root.join("a")).unwrap();
    symlink("a", tree.root.join("b")).unwrap();
    for name in ["loop.mp3", "a/x.mp3"] {
        assert_eq!(detail(tree.open(name)), "the path is a loop of symbolic links", "{name}");
    }
    assert_eq!(detail(tree.open("x".repeat(256))), "a name in the path is too long");
}

#[test]
fn only_regular_files_are_opened() {
    let tree = tree();
    tree.fifo("pipe.mp3");
    let _listener = UnixListener::bind(tree.root.join("socket.mp3")).unwrap();
    symlink("/dev/null", tree.root.join("null.mp3")).unwrap();
    assert_eq!(detail(tree.open("pipe.mp3")), "a FIFO, not a regular file");
    assert_eq!(detail(tree.open("socket.mp3")), "a socket, not a regular file");
    assert_eq!(detail(tree.open("sub")), "a folder, not a regular file");
    assert_eq!(detail(tree.open(".")), "a folder, not a regular file");
    assert_eq!(detail(tree.open("null.mp3")), "the path leads outside its media root");
    let device = open(Path::new("/dev"), &RelPath::new("null").unwrap(), LIMIT);
    assert_eq!(detail(device), "a device, not a regular file");
}

#[test]
fn odd_names_are_names() {
    let tree = tree();
    let longest = "x".repeat(255);
    for name in [&b"new\nline.mp3"[..], "🎵 ü.flac".as_bytes(), b"\xff\xfe.wav", b"...", longest.as_bytes()]
    {
        fs::write(tree.root.join(OsStr::from_bytes(name)), name).unwrap();
        let mut opened = tree.open(name).unwrap();
        let mut bytes = Vec::new();
        opened.file.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, name);
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let tree = tree();
    symlink("nowhere.mp3", tree.root.join("dangling.mp3")).unwrap();
    for name in ["gone.mp3", "sub/gone.mp3", "gone/in.mp3", "in.mp3/x.mp3", "dangling.mp3"] {
        assert!(matches!(tree.open(name), Err(OpenError::NotFound)), "{name}");
    }
}

#[test]
fn a_root_that_is_missing_empty_or_no_folder_is_unavailable() {
    let tree = tree();
    fs::create_dir(tree.base.join("unmounted")).unwrap();
    let cases = [("gone", "No such file"), ("unmounted", "it is empty"), ("secret.mp3", "Not a directory")];
    for (name, cause) in cases {
        let root = tree.base.join(name);
        let error = open(&root, &RelPath::new("a.mp3").unwrap(), LIMIT).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, OpenError::RootUnavailable { .. }), "{name}: {text}");
        assert!(
            text.starts_with(&format!("the media root {} is unavailable: {cause}", root.display())),
            "{text}"
        );
    }
}

#[test]
fn a_file_over_the_limit_is_refused_with_both_sizes() {
    let tree = tree();
    let file = File::create(tree.root.join("big.wav")).unwrap();
    file.set_len(LIMIT).unwrap();
    assert_eq!(tree.open("big.wav").unwrap().bytes, LIMIT);
    file.set_len(LIMIT + 1).unwrap();
    assert!(matches!(tree.open("big.wav"), Err(OpenError::TooLarge { bytes: 1001, limit: LIMIT })));
}

#[test]
fn what_is_swapped_in_after_the_checks_is_not_read() {
    let swaps: [fn(&Tree); 5] = [
        |tree| symlink(tree.base.join("secret.mp3"), tree.root.join("in.mp3")).unwrap(),
        |tree| symlink("../secret.mp3", tree.root.join("in.mp3")).unwrap(),
        |tree| tree.fifo("in.mp3"),
        |tree| fs::create_dir(tree.root.join("in.mp3")).unwrap(),
        |tree| drop(UnixListener::bind(tree.root.join("in.mp3")).unwrap()),
    ];
    for way in [Way::Best, Way::Walk] {
        for (number, swap) in swaps.iter().enumerate() {
            let tree = tree();
            let result = open_in_steps(&tree.root, &RelPath::new("in.mp3").unwrap(), LIMIT, way, || {
                fs::remove_file(tree.root.join("in.mp3")).unwrap();
                swap(&tree);
            });
            assert!(matches!(result, Err(OpenError::Denied { .. })), "swap {number}, {way:?}: {result:?}");
        }
    }
}

#[test]
fn a_folder_swapped_for_a_link_after_the_checks_leads_nowhere() {
    for way in [Way::Best, Way::Walk] {
        let tree = tree();
        fs::create_dir(tree.base.join("other")).unwrap();
        fs::write(tree.base.join("other/deep.flac"), "secret").unwrap();
        let result = open_in_steps(&tree.root, &RelPath::new("sub/deep.flac").unwrap(), LIMIT, way, || {
            fs::rename(tree.root.join("sub"), tree.base.join("away")).unwrap();
            symlink("../other", tree.root.join("sub")).unwrap();
        });
        assert_eq!(detail(result), "the path was replaced while it was opened", "{way:?}");
    }
}

#[test]
fn what_grows_or_goes_after_the_checks_is_noticed() {
    let tree = tree();
    let name = RelPath::new("in.mp3").unwrap();
    let grown = open_in_steps(&tree.root, &name, LIMIT, Way::Best, || {
        File::create(tree.root.join("in.mp3")).unwrap().set_len(LIMIT + 1).unwrap();
    });
    assert!(matches!(grown, Err(OpenError::TooLarge { .. })));
    let name = RelPath::new("sub/deep.flac").unwrap();
    let gone = open_in_steps(&tree.root, &name, LIMIT, Way::Best, || {
        fs::remove_file(tree.root.join("sub/deep.flac")).unwrap();
    });
    assert!(matches!(gone, Err(OpenError::NotFound)));
}

#[test]
fn walking_opens_what_the_kernel_opens() {
    let tree = tree();
    symlink("sub/deep.flac", tree.root.join("link.flac")).unwrap();
    for (name, text) in [("in.mp3", "inside"), ("sub/deep.flac", "deep"), ("link.flac", "deep")] {
        let opened =
            open_in_steps(&tree.root, &RelPath::new(name).unwrap(), LIMIT, Way::Walk, || ()).unwrap();
        assert_eq!(content(opened), text);
    }
}
