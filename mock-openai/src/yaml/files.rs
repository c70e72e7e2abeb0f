//! Where a file finds the others that it names.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use bytes::Bytes;

use super::FILE_SIZE_MAX;

/// Where a file finds the others that it names: on a disk, in an archive, nowhere.
pub trait Files {
    /// Reads the file at a path, which is the naming file's folder joined with what it names. Of a
    /// file over [`FILE_SIZE_MAX`] one byte more than that is enough.
    ///
    /// # Errors
    /// What the store says.
    fn read(&self, path: &Path) -> io::Result<Bytes>;
}

/// The file system.
#[derive(Debug, Clone, Copy)]
pub struct OnDisk;

impl Files for OnDisk {
    fn read(&self, path: &Path) -> io::Result<Bytes> {
        // Opening a pipe waits for a writer, and a device may never end.
        let kind = fs::metadata(path)?;
        if !kind.is_file() {
            let what = if kind.is_dir() { "it is a folder" } else { "it is no regular file" };
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let limit = u64::try_from(FILE_SIZE_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// A store without any file: for a text that came over a network or out of a test.
#[derive(Debug, Clone, Copy)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Bytes> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this text cannot name files"))
    }
}

/// The part of a store below one folder: a path that leaves it by `..` is refused.
///
/// Paths are compared as they are written; a link that stands below the folder is followed.
#[derive(Debug, Clone)]
pub struct Below<F> {
    files: F,
    root: PathBuf,
}

impl<F: Files> Below<F> {
    /// The folder that lies so many levels above the one that a file stands in.
    pub fn levels_above(files: F, file: &Path, levels: usize) -> Self {
        let mut root = folder(file).to_owned();
        root.extend(std::iter::repeat_n("..", levels));
        Self { files, root: normal(&root) }
    }
}

impl<F: Files> Files for Below<F> {
    fn read(&self, path: &Path) -> io::Result<Bytes> {
        let path = normal(path);
        let inside = path
            .strip_prefix(&self.root)
            .is_ok_and(|rest| matches!(rest.components().next(), Some(Component::Normal(_))));
        if !inside {
            let here = Path::new(".");
            let root = if self.root.as_os_str().is_empty() { here } else { &self.root };
            let text = format!("it leaves the folder `{}`", root.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        self.files.read(&path)
    }
}

/// How many bytes all files together may have that one file names.
const ALL_FILES_MAX: usize = 64 << 20;

/// A store that reads each file once, however often it is named.
pub struct Once<'a> {
    files: &'a dyn Files,
    read: RefCell<BTreeMap<PathBuf, Bytes>>,
}

impl std::fmt::Debug for Once<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Once").field("read", &self.read.borrow().keys()).finish_non_exhaustive()
    }
}

impl<'a> Once<'a> {
    /// Over another store.
    pub fn new(files: &'a dyn Files) -> Self {
        Self { files, read: RefCell::default() }
    }
}

impl Files for Once<'_> {
    fn read(&self, path: &Path) -> io::Result<Bytes> {
        let path = normal(path);
        if let Some(bytes) = self.read.borrow().get(&path) {
            return Ok(bytes.clone());
        }
        let bytes = self.files.read(&path)?;
        let all: usize = self.read.borrow().values().map(Bytes::len).sum();
        if all + bytes.len() > ALL_FILES_MAX {
            let mebibytes = ALL_FILES_MAX >> 20;
            let text = format!("all files that are named have more than {mebibytes} MiB");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        self.read.borrow_mut().insert(path, bytes.clone());
        Ok(bytes)
    }
}

/// The folder that a file stands in; empty for one that is named alone.
pub(super) fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or_else(|| Path::new(""))
}

/// The same path without `.` and, where a name stands before it, without `..`.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        let last = normal.components().next_back();
        match (part, last) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                normal.pop();
            }
            (part, _) => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with the path that it is asked for.
    struct Echo;

    impl Files for Echo {
        fn read(&self, path: &Path) -> io::Result<Bytes> {
            Ok(path.display().to_string().into())
        }
    }

    fn read(file: &str, levels: usize, named: &str) -> Result<String, String> {
        let below = Below::levels_above(Echo, Path::new(file), levels);
        let path = folder(Path::new(file)).join(named);
        let bytes = below.read(&path).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(bytes.to_vec()).expect("a path of this test is text"))
    }

    #[test]
    fn a_path_leads_up_to_the_root_and_no_further() {
        let leaves = |root: &str| Err(format!("it leaves the folder `{root}`"));
        let right = |path: &str| Ok(path.to_owned());
        for (file, levels, named, expected) in [
            ("scenarios/a/x.yaml", 1, "../common/y.yaml", right("scenarios/common/y.yaml")),
            ("scenarios/a/x.yaml", 1, "y.yaml", right("scenarios/a/y.yaml")),
            ("scenarios/a/x.yaml", 1, "./b/../y.yaml", right("scenarios/a/y.yaml")),
            ("scenarios/a/x.yaml", 1, "../../y.yaml", leaves("scenarios")),
            ("scenarios/a/x.yaml", 1, "../../scenarios/y.yaml", right("scenarios/y.yaml")),
            ("scenarios/a/x.yaml", 1, "../../scenarios2/y.yaml", leaves("scenarios")),
            ("scenarios/a/x.yaml", 1, "..", leaves("scenarios")),
            ("x.yaml", 0, "y.yaml", right("y.yaml")),
            ("x.yaml", 0, "../y.yaml", leaves(".")),
            ("x.yaml", 1, "../y.yaml", right("../y.yaml")),
            ("x.yaml", 1, "../../y.yaml", leaves("..")),
            ("/x/a/x.yaml", 0, "/etc/passwd", leaves("/x/a")),
            ("/x/a/x.yaml", 1, "../../../../etc/passwd", leaves("/x")),
        ] {
            assert_eq!(read(file, levels, named), expected, "{file} {levels} {named}");
        }
    }
}
