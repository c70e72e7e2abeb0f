//! Walks the folders of scenarios on disk, and says what each file is by its name and place.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Folders of this name hold parts of scenarios, and no scenarios.
pub(crate) const COMMON: &str = "common";

/// What a walk comes by.
pub(super) enum Seen {
    /// A file, or a link to one, that is called as scenarios are.
    Scenario(PathBuf),
    /// A file that was meant to be one, and is called otherwise.
    Misnamed(PathBuf),
    /// A folder whose files cannot be listed.
    Closed(PathBuf, io::Error),
}

/// All that concerns scenarios below a folder.
pub(super) fn walk(folder: &Path) -> io::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if is_hidden(&path) {
            continue;
        }
        // Links to folders are not followed: they can lead in a circle.
        let is_folder = entry.file_type()?.is_dir();
        if is_folder && !is_common(&path) {
            match walk(&path) {
                Ok(inside) => seen.extend(inside),
                Err(error) => seen.push(Seen::Closed(path, error)),
            }
        } else if !is_folder && is_scenario(&path) {
            seen.push(Seen::Scenario(path));
        } else if !is_folder && is_misnamed(&path) {
            seen.push(Seen::Misnamed(path));
        }
    }
    Ok(seen)
}

/// Whether a path is that of a scenario, by its name.
pub(crate) fn is_scenario(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml")
}

/// Whether its ending is another one of YAML's: left out without a word, it would never be run.
fn is_misnamed(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    ["yml", "yaml"].iter().any(|yaml| ending.eq_ignore_ascii_case(yaml)) && !is_scenario(path)
}

pub(super) fn is_common(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name == COMMON)
}

/// Whether a walk passes it by: editors keep their locks and backups under such names.
pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// The path below the root without its ending, however both are written, and how many folders it
/// holds; of a file that stands elsewhere the path as it is, so that it can be named again.
pub(super) fn id_of(path: &Path, root: &Path) -> (String, usize) {
    match whole(path).strip_prefix(whole(root)) {
        Ok(below) => {
            let below = below.with_extension("");
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            (parts.join("/"), parts.len().saturating_sub(1))
        }
        Err(_) => (path.display().to_string(), 0),
    }
}

/// The path as the system knows it; a link that leads nowhere stands where it is.
fn whole(path: &Path) -> PathBuf {
    let beside = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(beside).unwrap_or_else(|| path.to_owned())
}

/// Why a file cannot be read.
pub(super) fn unread(path: &Path, error: &io::Error) -> String {
    match fs::read_link(path) {
        Ok(target) if error.kind() == io::ErrorKind::NotFound => {
            format!("the file is a link to nothing: there is no `{}`", target.display())
        }
        Ok(_) | Err(_) => format!("the file cannot be read: {error}"),
    }
}
