//! Which scenarios a path, an id or a pattern means.

use std::{fs, path::Path};

use harness::scenario::catalogue::{NotFound, ScenarioFile, embedded, find};

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
