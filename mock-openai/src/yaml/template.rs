//! Texts in which axes of a matrix stand: `${axis}`, and `$${` for the mark itself.

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// The value of this axis.
    Axis(&'a str),
}

/// A `${` that opens no name of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoName;

const OPEN: &str = "${";
const ESCAPED: &str = "$${";

/// Whether a text can be the name of an axis: such a name stands in ids.
pub(super) fn is_name(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(inside)
}

/// Whether a text has to be taken to pieces at all.
pub(super) fn is_plain(text: &str) -> bool {
    !text.contains(OPEN)
}

/// The axis that a text names and says nothing else beside.
pub(super) fn whole(text: &str) -> Option<&str> {
    text.strip_prefix(OPEN)?.strip_suffix('}').filter(|name| is_name(name))
}

/// The parts of a text, in order.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, NoName> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        let is_escaped = rest[..at].ends_with('$');
        let (before, after) = (&rest[..at], &rest[at + OPEN.len()..]);
        if is_escaped {
            // Of `$${` the first mark goes and the rest stays.
            pieces.push(Piece::Text(&before[..at - 1]));
            pieces.push(Piece::Text(OPEN));
            rest = after;
            continue;
        }
        let (name, after) = after.split_once('}').ok_or(NoName)?;
        if !is_name(name) {
            return Err(NoName);
        }
        pieces.extend([Piece::Text(before), Piece::Axis(name)]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    Ok(pieces)
}

/// The text that is meant where no axes are.
pub(super) fn without_axes(text: &str) -> String {
    text.replace(ESCAPED, OPEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_apart_at_its_axes() {
        use Piece::{Axis, Text};
        for (text, expected) in [
            ("", vec![]),
            ("plain $5 {i}", vec![Text("plain $5 {i}")]),
            ("${eol}", vec![Axis("eol")]),
            ("a${x}b${y-1}", vec![Text("a"), Axis("x"), Text("b"), Axis("y-1")]),
            ("$${eol}", vec![Text("${"), Text("eol}")]),
            ("cost $$${x}", vec![Text("cost $"), Text("${"), Text("x}")]),
            ("日${x}本", vec![Text("日"), Axis("x"), Text("本")]),
        ] {
            assert_eq!(pieces(text), Ok(expected), "{text}");
        }
        for text in ["${", "${}", "${eol", "a ${Eol} b", "${a b}", "${${a}}"] {
            assert_eq!(pieces(text), Err(NoName), "{text}");
        }
    }

    #[test]
    fn only_a_text_that_is_an_axis_and_nothing_else_is_replaced_as_a_whole() {
        assert_eq!(whole("${eol}"), Some("eol"));
        for text in ["${eol} ", "x${eol}", "$${eol}", "${a}${b}", "${}", "${Eol}", "eol"] {
            assert_eq!(whole(text), None, "{text}");
        }
        assert_eq!(without_axes("a $${b} ${c}"), "a ${b} ${c}");
    }
}
