use super::*;
use std::os::unix::fs::MetadataExt;

fn source(folder: &Path) -> PathBuf {
    let from = folder.join("from");
    fs::create_dir_all(from.join("sub")).unwrap();
    for (name, content) in [("a.wav", "a"), ("sub/b.wav", "b"), ("truth.json", "{}"), (".hidden", "h")] {
        fs::write(from.join(name), content).unwrap();
    }
    from
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

#[test]
fn rounds_of_links_that_never_lead_back_to_the_source() {
    let folder = tempfile::tempdir().unwrap();
    let from = source(folder.path());
    let out = folder.path().join("out");
    fill(&from, &out, 5, Means::Link, &|| {}).unwrap();
    let mut found = Vec::new();
    collect(&out, Path::new(""), &mut found).unwrap();
    found.sort();
    let expected = ["0000/a.wav", "0000/sub/b.wav", "0001/a.wav", "0001/sub/b.wav", "0002/a.wav"];
    assert_eq!(found, expected.map(PathBuf::from));
    assert_eq!(inode(&out.join("0000/a.wav")), inode(&out.join("0002/a.wav")));
    assert_ne!(inode(&out.join("0000/a.wav")), inode(&from.join("a.wav")));
    assert_eq!(fs::read_to_string(out.join("0001/sub/b.wav")).unwrap(), "b");
}

#[test]
fn whole_copies_stand_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fill(&source(folder.path()), &out, 4, Means::Bytes, &|| {}).unwrap();
    assert_ne!(inode(&out.join("0000/a.wav")), inode(&out.join("0001/a.wav")));
}

#[test]
fn refusals_name_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let from = source(folder.path());
    let filled = fill(&from, folder.path(), 1, Means::Link, &|| {}).unwrap_err();
    assert!(matches!(&filled, Error::NotEmpty { path } if path == folder.path()), "{filled}");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let nothing = fill(&empty, &folder.path().join("out"), 1, Means::Link, &|| {}).unwrap_err();
    assert!(matches!(&nothing, Error::NothingToCopy { path } if *path == empty), "{nothing}");
    let missing =
        fill(&folder.path().join("none"), &folder.path().join("out"), 1, Means::Link, &|| {}).unwrap_err();
    assert!(missing.to_string().contains("none"), "{missing}");
}
