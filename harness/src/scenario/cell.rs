//! The name of a cell of a matrix, and picking cells by a part of it.

use std::fmt;

/// Which cell of a scenario's matrix: each axis with the label of its value, in the order of the
/// file. A scenario without a matrix has one cell, which has no axes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CellName {
    /// Axes and labels.
    pub axes: Vec<(String, String)>,
}

impl CellName {
    /// Takes an id or a filter apart: `area/name[eol=crlf,cut=1]`. What has no brackets at its end,
    /// or other things in them, is all of the first part.
    pub fn split(id: &str) -> (&str, Self) {
        let split = || {
            let (file, inside) = id.strip_suffix(']')?.rsplit_once('[')?;
            let pair = |text: &str| {
                let (axis, label) = text.split_once('=')?;
                let (axis, label) = (axis.trim(), label.trim());
                let is_axis = !axis.is_empty() && !label.is_empty();
                is_axis.then(|| (axis.to_owned(), label.to_owned()))
            };
            let axes = inside.split(',').map(pair).collect::<Option<Vec<_>>>()?;
            Some((file, Self { axes }))
        };
        split().unwrap_or_else(|| (id, Self::default()))
    }

    /// The id of this cell of a scenario.
    pub fn id(&self, file_id: &str) -> String {
        format!("{file_id}{self}")
    }

    /// Whether it has all axes of another with the same values; `*` in those stands for any
    /// characters.
    pub fn has(&self, part: &Self) -> bool {
        part.axes.iter().all(|(axis, label)| {
            let own = self.axes.iter().find(|(own, _)| own == axis);
            own.is_some_and(|(_, own)| super::catalogue::fits(label, own))
        })
    }
}

impl fmt::Display for CellName {
    /// `[eol=crlf,cut=1]`; nothing without axes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(((axis, label), rest)) = self.axes.split_first() else { return Ok(()) };
        write!(f, "[{axis}={label}")?;
        for (axis, label) in rest {
            write!(f, ",{axis}={label}")?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(id: &str) -> CellName {
        CellName::split(id).1
    }

    #[test]
    fn an_id_comes_apart_and_is_put_together_again() {
        for (id, file, axes) in [
            ("a/b", "a/b", 0),
            ("a/b[eol=crlf]", "a/b", 1),
            ("a/b[eol=crlf,cut=1]", "a/b", 2),
            ("a/b[c]", "a/b[c]", 0),
            ("a/b[]", "a/b[]", 0),
            ("a/b[c=]", "a/b[c=]", 0),
            ("a/b[c=1", "a/b[c=1", 0),
        ] {
            let (found, cell) = CellName::split(id);
            assert_eq!((found, cell.axes.len()), (file, axes), "{id}");
            assert_eq!(cell.id(found), id);
        }
    }

    #[test]
    fn a_part_of_the_axes_picks_a_cell_in_any_order() {
        let whole = cell("x[eol=crlf,cut=1]");
        for part in ["x", "x[cut=1]", "x[cut=1,eol=crlf]", "x[ cut = 1 ]", "x[eol=cr*]"] {
            assert!(whole.has(&cell(part)), "{part}");
        }
        for part in ["x[cut=2]", "x[http=h1]", "x[eol=cr]", "x[cut=1,eol=lf]"] {
            assert!(!whole.has(&cell(part)), "{part}");
        }
    }
}
