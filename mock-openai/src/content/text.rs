//! Text in pieces, given or made up on demand.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Serialize, Serializer};

use crate::made_up::MadeUp;

/// The text of an answer, in pieces, as it would come out token by token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// These pieces.
    Given(Arc<[String]>),
    /// Words made up on demand, so that an answer of a gigabyte needs no gigabyte.
    MadeUp(MadeUp),
}

impl Text {
    /// These pieces.
    pub fn given<T: Into<String>>(pieces: impl IntoIterator<Item = T>) -> Self {
        Self::Given(pieces.into_iter().map(Into::into).collect())
    }

    /// How many pieces it has.
    pub fn pieces(&self) -> u64 {
        match self {
            Self::Given(pieces) => pieces.len() as u64,
            Self::MadeUp(words) => words.pieces,
        }
    }

    /// The piece of that index; empty past the end.
    pub fn piece(&self, index: u64) -> Cow<'_, str> {
        match self {
            Self::Given(pieces) => {
                let piece = usize::try_from(index).ok().and_then(|at| pieces.get(at));
                Cow::Borrowed(piece.map_or("", String::as_str))
            }
            Self::MadeUp(words) => Cow::Owned(words.piece(index)),
        }
    }

    /// All pieces together.
    pub fn whole(&self) -> Whole<'_> {
        Whole(self)
    }
}

/// All pieces of a text together, written one after the other and never held at once.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a>(&'a Text);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..self.0.pieces()).try_for_each(|index| f.write_str(&self.0.piece(index)))
    }
}

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The beginning of a text that takes at most so many bytes as a JSON string. Names that a request
/// brings are cut with it: how large an answer can be must not depend on who asks.
pub(crate) fn clip(text: &str, bytes: usize) -> &str {
    let mut room = bytes;
    let fits = |c: char| {
        let width = match c {
            '"' | '\\' => 2,
            // `\u0000` at the longest.
            '\0'..='\u{1f}' => 6,
            _ => c.len_utf8(),
        };
        room.checked_sub(width).map(|left| room = left).is_some()
    };
    let mut fits = fits;
    let end = text.char_indices().find(|(_, c)| !fits(*c)).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_text_is_its_pieces_one_after_the_other() {
        let text = Text::given(["a\"", "", "é"]);
        assert_eq!(text.whole().to_string(), "a\"é");
        assert_eq!(serde_json::to_string(&text.whole()).unwrap(), r#""a\"é""#);
        assert_eq!((text.pieces(), text.piece(2), text.piece(3)), (3, "é".into(), "".into()));
    }

    #[test]
    fn a_name_is_cut_between_characters_where_its_json_grows_too_long() {
        assert_eq!(clip("gpt-4o", 6), "gpt-4o");
        assert_eq!(clip("gpt-4o", 5), "gpt-4");
        assert_eq!(clip("é\"\n", 4), "é\"");
        assert_eq!(clip("é\"\n", 10), "é\"\n");
        assert_eq!(clip("豆", 2), "");
    }
}
