//! Which scenarios there are: those of a folder, and those that ship inside the library.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use include_dir::{Dir, DirEntry, include_dir};
use mock_openai::yaml::{FILE_SIZE_MAX, nearest};

/// The catalogue of this version of the library.
static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");

/// A scenario that was found, not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioFile {
    /// Its path below the catalogue's folder, without the ending: `slow-clients/reads-slowly`.
    pub id: String,
    /// Where it stands, for messages.
    pub path: PathBuf,
    /// What it says; of a file that is too large, the first bytes over the limit.
    pub text: Vec<u8>,
}

/// Why scenarios were not found.
#[derive(Debug, thiserror::Error)]
pub enum NotFound {
    /// A path, id or pattern means none.
    #[error("no scenario matches `{filter}`{}", hint(nearest.as_deref()))]
    NoMatch {
        /// As it was given.
        filter: String,
        /// The id that is most like it.
        nearest: Option<String>,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |id| format!("; did you mean `{id}`?"))
}

/// Finds the scenarios that any of the filters means, in the order of their ids, each once; with
/// no filter, all below `root`.
///
/// A filter is the path of a file or folder, or else an id below `root`, or a pattern of ids in
/// which `*` stands for any characters but `/` and `**` for any at all.
///
/// # Errors
/// A filter that means nothing, and a file or folder that cannot be read.
pub fn find(filters: &[String], root: &Path) -> Result<Vec<ScenarioFile>, NotFound> {
    let all = match filters {
        [] => below(root, root)?,
        _ if root.is_dir() => below(root, root)?,
        _ => Vec::new(),
    };
    if filters.is_empty() && all.is_empty() {
        let filter = root.display().to_string();
        return Err(NotFound::NoMatch { filter, nearest: None });
    }
    let mut found = Vec::new();
    for filter in filters {
        let path = Path::new(filter);
        if path.is_dir() {
            let inside = below(path, root)?;
            if inside.is_empty() {
                return Err(no_match(filter, &all));
            }
            found.extend(inside);
        } else if path.is_file() {
            found.push(ScenarioFile {
                id: id_of(path, root),
                path: path.to_owned(),
                text: read(path)?,
            });
        } else {
            found.extend(matching(filter, &all)?);
        }
    }
    if filters.is_empty() {
        found = all;
    }
    in_order(&mut found);
    Ok(found)
}

/// The scenarios that ship inside the library, picked in the same way by ids and patterns.
///
/// # Errors
/// A filter that means nothing.
pub fn embedded(filters: &[String]) -> Result<Vec<ScenarioFile>, NotFound> {
    let mut all = Vec::new();
    collect(&EMBEDDED, &mut all);
    in_order(&mut all);
    if filters.is_empty() {
        return Ok(all);
    }
    let mut found = Vec::new();
    for filter in filters {
        found.extend(matching(filter, &all)?);
    }
    in_order(&mut found);
    Ok(found)
}

fn collect(dir: &Dir<'_>, all: &mut Vec<ScenarioFile>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => collect(dir, all),
            DirEntry::File(file) if is_scenario(file.path()) => all.push(ScenarioFile {
                id: file.path().with_extension("").to_string_lossy().into_owned(),
                path: Path::new("scenarios").join(file.path()),
                text: file.contents().to_vec(),
            }),
            DirEntry::File(_) => {}
        }
    }
}

fn matching(filter: &str, all: &[ScenarioFile]) -> Result<Vec<ScenarioFile>, NotFound> {
    let pattern = filter.strip_suffix(".yaml").unwrap_or(filter).trim_end_matches('/');
    let inside = format!("{pattern}/**");
    let fits = |id: &str| fits(pattern, id) || fits(&inside, id);
    let found: Vec<_> = all.iter().filter(|file| fits(&file.id)).cloned().collect();
    if found.is_empty() { Err(no_match(filter, all)) } else { Ok(found) }
}

fn no_match(filter: &str, all: &[ScenarioFile]) -> NotFound {
    // People remember the last part of an id; compare with that as well.
    let ids = || all.iter().map(|file| file.id.as_str());
    let whole = nearest(filter, ids());
    let last = || nearest(filter, ids().filter_map(|id| id.rsplit('/').next()));
    let nearest = whole.or_else(|| {
        let last = last()?;
        ids().find(|id| id.rsplit('/').next() == Some(last))
    });
    NotFound::NoMatch { filter: filter.to_owned(), nearest: nearest.map(str::to_owned) }
}

/// All scenarios below a folder.
fn below(folder: &Path, root: &Path) -> Result<Vec<ScenarioFile>, NotFound> {
    let unreadable = |source| NotFound::Unreadable { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        // Links to folders are not followed: they can lead in a circle.
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            found.extend(below(&path, root)?);
        } else if is_scenario(&path) {
            found.push(ScenarioFile { id: id_of(&path, root), text: read(&path)?, path });
        }
    }
    in_order(&mut found);
    Ok(found)
}

/// At most one byte more than a scenario may have, which is enough to refuse it.
fn read(path: &Path) -> Result<Vec<u8>, NotFound> {
    let unreadable = |source| NotFound::Unreadable { path: path.to_owned(), source };
    let mut text = Vec::new();
    let limit = u64::try_from(FILE_SIZE_MAX).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path)
        .map_err(unreadable)?
        .take(limit)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    Ok(text)
}

fn is_scenario(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml")
}

/// The path below the root without its ending, however both are written; of a file that stands
/// elsewhere the path as it is, so that it can be named again.
fn id_of(path: &Path, root: &Path) -> String {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match whole(path).strip_prefix(whole(root)) {
        Ok(below) => {
            let below = below.with_extension("");
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            parts.join("/")
        }
        Err(_) => path.display().to_string(),
    }
}

fn in_order(files: &mut Vec<ScenarioFile>) {
    files.sort_by(|a, b| a.id.cmp(&b.id));
    files.dedup_by(|a, b| a.id == b.id && a.path == b.path);
}

/// Whether an id has the form of a pattern.
fn fits(pattern: &str, id: &str) -> bool {
    match pattern.strip_prefix("**") {
        Some(rest) => (0..=id.len()).any(|at| id.get(at..).is_some_and(|tail| fits(rest, tail))),
        None => match pattern.chars().next() {
            None => id.is_empty(),
            Some('*') => {
                let reach = id.find('/').unwrap_or(id.len());
                let tails = (0..=reach).filter_map(|at| id.get(at..));
                tails.into_iter().any(|tail| fits(&pattern[1..], tail))
            }
            Some(first) => {
                id.strip_prefix(first).is_some_and(|tail| fits(&pattern[first.len_utf8()..], tail))
            }
        },
    }
}
