//! What `docs/engines.md` says of defects is pinned by tests that exist.

use std::{fs, path::Path};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The rows of each table below a heading, without their heads, as cells.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, section) = page.split_once(&format!("\n{heading}\n")).unwrap();
    let section = section.split("\n#").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let cells = |row: &'a str| row.trim_matches('|').split(" | ").map(str::trim).collect();
    rows.skip(1).map(cells).collect()
}

/// The file that holds a test of that path, and its name.
fn place(test: &str) -> (String, &str) {
    let (module, name) = test.rsplit_once("::").unwrap();
    let file = match module {
        "turmoil_crate" => "src/net/turmoil_crate/tests.rs".to_owned(),
        module => format!("tests/network/{}.rs", module.replace("::", "/")),
    };
    (file, name)
}

#[test]
fn each_defect_on_the_page_has_tests_that_exist() {
    let page = read("../docs/engines.md");
    for (heading, least) in [("### turmoil-net 0.1.0", 10), ("### turmoil 0.7.2", 5)] {
        let defects = rows(&page, heading);
        assert!(defects.len() >= least, "{heading} has {} rows", defects.len());
        for defect in defects {
            let [what, _, tests] = defect[..] else { panic!("{defect:?} has not three cells") };
            for test in tests.split(", ") {
                let (file, name) = place(test.trim_matches('`'));
                let text = read(&file);
                // A story's test is made by a macro from its function.
                let is_test = text.contains(&format!("#[test]\nfn {name}("))
                    || text.contains(&format!("async fn {name}<S: Sockets>("))
                        && text.contains(&format!("\n    {name}\n"));
                assert!(is_test, "`{what}` names {test}, which is no test in {file}");
            }
        }
    }
}
