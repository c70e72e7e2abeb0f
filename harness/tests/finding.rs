//! Which scenarios a path, an id or a pattern means.

use std::{fs, path::Path};

use harness::{
    scenario::catalogue::{NotFound, ScenarioFile, embedded, find},
    suite::Case,
};

fn ids(files: &[ScenarioFile]) -> Vec<&str> {
    files.iter().map(|file| file.id.as_str()).collect()
}

fn filters(filters: &[&str]) -> Vec<String> {
    filters.iter().map(|filter| (*filter).to_owned()).collect()
}

/// A folder of three scenarios and a file that is none, in a place of its own.
fn folder(test: &str) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("finding").join(test);
    for (path, text) in [
        ("storms/b.yaml", "b"),
        ("storms/a.yaml", "a"),
        ("storms/deep/c.yaml", "c"),
        ("storms/a.snap", "no scenario"),
        ("slow/stops.yaml", "s"),
    ] {
        let path = root.join(path);
        let folder = path.parent().expect("each file has a folder");
        fs::create_dir_all(folder).expect("the target folder takes folders");
        fs::write(path, text).expect("the target folder takes files");
    }
    root
}

#[test]
fn without_a_filter_all_scenarios_are_found_in_the_order_of_their_ids() {
    let found = find(&[], &folder("all")).unwrap();
    assert_eq!(ids(&found), ["slow/stops", "storms/a", "storms/b", "storms/deep/c"]);
    assert_eq!(found[1].text, b"a");
}

#[test]
fn ids_patterns_and_paths_pick_and_nothing_is_found_twice() {
    let root = folder("picked");
    let file = root.join("slow/stops.yaml").display().to_string();
    let dir = root.join("storms/deep").display().to_string();
    for (given, expected) in [
        (vec!["storms/b"], vec!["storms/b"]),
        (vec!["storms/b.yaml", "storms/b"], vec!["storms/b"]),
        // A pattern that fits a folder means all below it, as a shell would have it.
        (vec!["storms/*"], vec!["storms/a", "storms/b", "storms/deep/c"]),
        (vec!["*/b"], vec!["storms/b"]),
        (vec!["storms"], vec!["storms/a", "storms/b", "storms/deep/c"]),
        (vec!["**/c", "*/a"], vec!["storms/a", "storms/deep/c"]),
        (vec![file.as_str()], vec!["slow/stops"]),
        (vec![dir.as_str(), "storms/a"], vec!["storms/a", "storms/deep/c"]),
    ] {
        assert_eq!(ids(&find(&filters(&given), &root).unwrap()), expected, "{given:?}");
    }
}

#[test]
fn a_filter_that_means_nothing_is_an_error_with_the_nearest_id() {
    let root = folder("nothing");
    for (given, message) in [
        ("storms/aa", "no scenario matches `storms/aa`; did you mean `storms/a`?"),
        ("stop", "no scenario matches `stop`; did you mean `slow/stops`?"),
        ("cors/*", "no scenario matches `cors/*`"),
    ] {
        let error = find(&filters(&["slow/stops", given]), &root).unwrap_err();
        assert!(matches!(error, NotFound::NoMatch { .. }), "{error:?}");
        assert_eq!(error.to_string(), message);
    }
    assert!(find(&[], &root.join("absent")).is_err());
}

#[test]
fn the_library_carries_the_catalogue_of_the_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let (inside, outside) = (embedded(&[]).unwrap(), find(&[], &root).unwrap());
    let both = |files: &[ScenarioFile]| -> Vec<(String, Vec<u8>)> {
        files.iter().map(|file| (file.id.clone(), file.text.clone())).collect()
    };
    assert_eq!(both(&inside), both(&outside));
    for family in
        ["slow-clients", "dropped-connections", "proxy-buffering", "429-storms", "cors-preflight"]
    {
        let found = embedded(&filters(&[&format!("{family}/*")])).unwrap();
        assert!(found.len() >= 2, "{family}: {:?}", ids(&found));
    }
}

#[test]
fn a_file_that_ends_as_other_yaml_does_is_not_left_out_without_a_word() {
    let root = folder("misnamed");
    for name in ["slow/x.yml", "slow/y.YAML", "slow/common/z.yml", "slow/notes.txt"] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("folders are taken");
        fs::write(path, "x").expect("the target folder takes files");
    }
    let found = find(&filters(&["slow"]), &root).unwrap();
    assert_eq!(ids(&found), ["slow/stops", "slow/x", "slow/y"]);
    let why = "the names of scenarios end in `.yaml`: rename it so, or it is never run";
    let told = |file: &ScenarioFile| file.unread.clone();
    assert_eq!(
        found.iter().map(told).collect::<Vec<_>>(),
        [None, Some(why.into()), Some(why.into())]
    );
    assert_eq!(Case::read_all(&found[1]).unwrap_err()[0].message, why);
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_stops_nobody_else_and_locks_of_editors_are_passed_by() {
    use std::os::unix::fs::symlink;

    let root = folder("links");
    // Emacs' lock, a link to nothing, one to itself, and a folder that holds scenarios of others.
    for (name, target) in [
        ("slow/.#stops.yaml", "me@here.123"),
        ("slow/gone.yaml", "nowhere.yaml"),
        ("slow/loop.yaml", "loop.yaml"),
    ] {
        let link = root.join(name);
        if link.symlink_metadata().is_err() {
            symlink(target, link).expect("the target folder takes links");
        }
    }
    fs::create_dir_all(root.join(".git")).expect("the target folder takes folders");
    fs::write(root.join(".git/x.yaml"), "x").expect("the target folder takes files");

    let found = find(&[], &root).unwrap();
    let all = ["slow/gone", "slow/loop", "slow/stops", "storms/a", "storms/b", "storms/deep/c"];
    assert_eq!(ids(&found), all);
    let why: Vec<Option<&str>> = found.iter().map(|file| file.unread.as_deref()).collect();
    assert_eq!(why[0], Some("the file is a link to nothing: there is no `nowhere.yaml`"));
    assert!(why[1].is_some_and(|why| why.starts_with("the file cannot be read: ")), "{why:?}");
    assert_eq!(why[2..], [None; 4]);

    let gone = root.join("slow/gone.yaml").display().to_string();
    for named in ["slow/gone", &gone] {
        let found = find(&filters(&[named]), &root).unwrap();
        assert_eq!(ids(&found), ["slow/gone"], "{named}");
        let wrong = Case::read_all(&found[0]).unwrap_err();
        assert_eq!((wrong.len(), wrong[0].file.as_str()), (1, gone.as_str()));
        assert_eq!(Some(wrong[0].message.as_str()), why[0]);
    }
    assert_eq!(find(&filters(&["slow/stops"]), &root).unwrap()[0].unread, None);
}
