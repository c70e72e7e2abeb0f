//! Which scenarios there are: those of a folder, and those that ship inside the library.
//!
//! A file that ends in `.yaml` is a scenario, but for those in a folder named `common`: they are
//! parts that scenarios include. Names that begin with a dot are passed by, and `.yml` is a mistake.

use std::{
    io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use include_dir::{Dir, DirEntry, include_dir};
use mock_openai::yaml::{Below, Files, NoFiles, OnDisk, nearest};

pub use super::pick::{Filter, picked};
pub(crate) use super::walk::{COMMON, is_scenario};
use super::{
    pick,
    walk::{self, Seen, id_of, is_common, is_hidden, walk},
};

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
    /// Why it cannot be read, where that is so: it has no text then.
    pub unread: Option<String>,
    /// Where it finds the files that it names.
    pub store: Store,
    /// How many folders lie between it and the root of its catalogue: so far up may it name files.
    pub levels: usize,
    /// The filters that mean it or some of its cells; none where none was given.
    pub filters: Vec<Filter>,
}

/// Where the files of a catalogue are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// On disk.
    Disk,
    /// Inside the library.
    Embedded,
    /// Nowhere: a text alone.
    Nowhere,
}

impl Files for Store {
    fn read(&self, path: &Path) -> io::Result<Bytes> {
        match self {
            Self::Disk => OnDisk.read(path),
            Self::Nowhere => NoFiles.read(path),
            Self::Embedded => {
                let file = path.strip_prefix(EMBEDDED_ROOT).ok().and_then(|p| EMBEDDED.get_file(p));
                let file = file.ok_or(io::ErrorKind::NotFound)?;
                Ok(Bytes::from_static(file.contents()))
            }
        }
    }
}

impl ScenarioFile {
    /// The files that it may name.
    pub fn files(&self) -> impl Files + use<> {
        Below::levels_above(self.store, &self.path, self.levels)
    }

    fn on_disk(path: PathBuf, root: &Path) -> Self {
        let text = OnDisk.read(&path).map_err(|error| walk::unread(&path, &error));
        Self::at(path, root, text.map(|text| text.to_vec()))
    }

    fn at(path: PathBuf, root: &Path, text: Result<Vec<u8>, String>) -> Self {
        let (id, levels) = id_of(&path, root);
        let (text, unread) = match text {
            Ok(text) => (text, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        Self { id, path, text, unread, store: Store::Disk, levels, filters: Vec::new() }
    }
}

/// The folder of the embedded catalogue, as messages call it.
const EMBEDDED_ROOT: &str = "scenarios";

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
    /// What is written as a path is none.
    #[error("there is no file or folder `{}`{}", path.display(), hint(nearest.as_deref()))]
    NoPath {
        /// As it was given.
        path: PathBuf,
        /// The id that is most like it.
        nearest: Option<String>,
    },
    /// A folder in which no scenario stands.
    #[error("no scenario stands in the folder `{}`: no file in it ends in .yaml, those in folders \
             named `{COMMON}` aside", folder.display())]
    Empty {
        /// As it was given.
        folder: PathBuf,
    },
    /// A file that is a part of scenarios.
    #[error("`{}` is a part that scenarios include, since it stands in a folder named `{COMMON}`", path.display())]
    Part {
        /// As it was given.
        path: PathBuf,
    },
    /// A folder cannot be read.
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
/// A filter that means nothing, and a folder that cannot be read. A file that cannot be read is found,
/// and says so when its cases are read.
pub fn find(filters: &[String], root: &Path) -> Result<Vec<ScenarioFile>, NotFound> {
    if root.is_dir() {
        return picking(filters, root, below(root, root)?, &[]);
    }
    let missing = || NotFound::NoPath { path: root.to_owned(), nearest: None };
    if filters.is_empty() {
        return Err(missing());
    }
    // Files and folders that are named by their own paths need no catalogue.
    picking(filters, root, Vec::new(), &[]).map_err(|error| match error {
        NotFound::NoMatch { .. } => missing(),
        NotFound::NoPath { .. }
        | NotFound::Empty { .. }
        | NotFound::Part { .. }
        | NotFound::Unreadable { .. } => error,
    })
}

/// As [`find`], and ids and patterns that mean nothing below `root` may mean scenarios that ship inside the
/// library; with no filter only where there is no folder `root`.
///
/// # Errors
/// A filter that means nothing, and a folder that cannot be read. A file that cannot be read is found,
/// and says so when its cases are read.
pub fn find_or_embedded(filters: &[String], root: &Path) -> Result<Vec<ScenarioFile>, NotFound> {
    if root.is_dir() {
        picking(filters, root, below(root, root)?, &shipped())
    } else {
        picking(filters, root, shipped(), &[])
    }
}

/// Picks from all that there are, and from others where those have nothing of the kind.
fn picking(
    filters: &[String],
    root: &Path,
    mut all: Vec<ScenarioFile>,
    others: &[ScenarioFile],
) -> Result<Vec<ScenarioFile>, NotFound> {
    if filters.is_empty() {
        if all.is_empty() {
            return Err(NotFound::Empty { folder: root.to_owned() });
        }
        in_order(&mut all);
        return Ok(all);
    }
    let mut found = Vec::new();
    for filter in filters {
        found.extend(pick::meant(filter, |name| {
            let path = Path::new(name);
            if path.is_dir() {
                let inside = below(path, root)?;
                let empty = || NotFound::Empty { folder: path.to_owned() };
                return if inside.is_empty() { Err(empty()) } else { Ok(inside) };
            }
            // A link to nothing is there as well.
            if path.symlink_metadata().is_ok() {
                let file = ScenarioFile::on_disk(path.to_owned(), root);
                let part = || NotFound::Part { path: path.to_owned() };
                return if is_part(&file) { Err(part()) } else { Ok(vec![file]) };
            }
            matching(name, &all, others)
        })?);
    }
    in_order(&mut found);
    Ok(found)
}

/// The scenarios that ship inside the library, picked in the same way by ids and patterns.
///
/// # Errors
/// A filter that means nothing.
pub fn embedded(filters: &[String]) -> Result<Vec<ScenarioFile>, NotFound> {
    let all = shipped();
    if filters.is_empty() {
        return Ok(all);
    }
    let mut found = Vec::new();
    for filter in filters {
        found.extend(pick::meant(filter, |name| matching(name, &all, &[]))?);
    }
    in_order(&mut found);
    Ok(found)
}

fn shipped() -> Vec<ScenarioFile> {
    let mut all = Vec::new();
    collect(&EMBEDDED, &mut all);
    in_order(&mut all);
    all
}

fn collect(dir: &Dir<'_>, all: &mut Vec<ScenarioFile>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) if is_common(dir.path()) => {}
            entry if is_hidden(entry.path()) => {}
            DirEntry::Dir(dir) => collect(dir, all),
            DirEntry::File(file) if is_scenario(file.path()) => all.push(ScenarioFile {
                id: file.path().with_extension("").to_string_lossy().into_owned(),
                path: Path::new(EMBEDDED_ROOT).join(file.path()),
                text: file.contents().to_vec(),
                unread: None,
                store: Store::Embedded,
                levels: file.path().components().count() - 1,
                filters: Vec::new(),
            }),
            DirEntry::File(_) => {}
        }
    }
}

/// What a pattern means of all that there are; where that is nothing, what it means of others.
fn matching(
    filter: &str,
    all: &[ScenarioFile],
    others: &[ScenarioFile],
) -> Result<Vec<ScenarioFile>, NotFound> {
    let pattern = filter.strip_suffix(".yaml").unwrap_or(filter).trim_end_matches('/');
    let inside = format!("{pattern}/**");
    let fits = |id: &str| fits(pattern, id) || fits(&inside, id);
    let of = |files: &[ScenarioFile]| -> Vec<ScenarioFile> {
        files.iter().filter(|file| fits(&file.id)).cloned().collect()
    };
    match [of(all), of(others)].into_iter().find(|found| !found.is_empty()) {
        Some(found) => Ok(found),
        None => Err(no_match(filter, &[all, others].concat())),
    }
}

fn no_match(filter: &str, all: &[ScenarioFile]) -> NotFound {
    // People remember the last part of an id; compare with that as well.
    let ids = || all.iter().map(|file| file.id.as_str());
    let is_path = is_scenario(Path::new(filter)) || filter.starts_with(['/', '.']);
    let meant = filter.strip_suffix(".yaml").unwrap_or(filter);
    let whole = nearest(meant, ids());
    let last = || nearest(meant, ids().filter_map(|id| id.rsplit('/').next()));
    let nearest = whole.or_else(|| {
        let last = last()?;
        ids().find(|id| id.rsplit('/').next() == Some(last))
    });
    let nearest = nearest.map(str::to_owned);
    if is_path {
        NotFound::NoPath { path: filter.into(), nearest }
    } else {
        NotFound::NoMatch { filter: filter.to_owned(), nearest }
    }
}

/// All scenarios below a folder, and what cannot be read of it: who asks for that is told.
fn below(folder: &Path, root: &Path) -> Result<Vec<ScenarioFile>, NotFound> {
    let unreadable = |source| NotFound::Unreadable { path: folder.to_owned(), source };
    let seen = walk(folder).map_err(unreadable)?;
    let file = |seen| match seen {
        Seen::Scenario(path) => ScenarioFile::on_disk(path, root),
        Seen::Misnamed(path) => {
            let why = "the names of scenarios end in `.yaml`: rename it so, or it is never run";
            ScenarioFile::at(path, root, Err(why.to_owned()))
        }
        Seen::Closed(path, error) => {
            let why = format!("the folder cannot be read: {error}");
            ScenarioFile::at(path, root, Err(why))
        }
    };
    let mut found: Vec<ScenarioFile> = seen.into_iter().map(file).collect();
    // The folder itself may be one of parts.
    found.retain(|file| !is_part(file));
    in_order(&mut found);
    Ok(found)
}

/// Whether a file was named that is a part of scenarios: its id says where below the root it is.
fn is_part(file: &ScenarioFile) -> bool {
    file.levels > 0 && file.id.split('/').rev().skip(1).any(|folder| folder == COMMON)
}

/// Each file once; what any filter means of it stays.
fn in_order(files: &mut Vec<ScenarioFile>) {
    files.sort_by(|a, b| a.id.cmp(&b.id));
    files.dedup_by(|later, kept| {
        let is_same = later.id == kept.id && later.path == kept.path;
        if is_same {
            kept.filters.append(&mut later.filters);
        }
        is_same
    });
}

/// Whether an id has the form of a pattern.
pub(super) fn fits(pattern: &str, id: &str) -> bool {
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
