//! Words that nobody said, marked with the client that they are for.

use crate::draw::draw_below;

/// Some words have two, three and four bytes a character, so that a cut inside one is never far.
const WORDS: [&str; 12] = [
    "river", "café", "stone", "豆腐", "over", "the", "rapids", "😀", "naïve", "paddle", "eddy",
    "foam",
];

/// Pieces of text that are drawn one by one.
///
/// Each carries the client's name and its own number: a piece that reaches another client, or
/// comes twice, or out of order, shows at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeUp {
    /// What the words are drawn from.
    pub seed: u64,
    /// The draw's name.
    pub label: String,
    /// The client that the text is for.
    pub client: String,
    /// How many pieces.
    pub pieces: u64,
    /// Bytes of each piece; one word where it is left out.
    pub size: Option<usize>,
}

impl MadeUp {
    /// The piece of that index.
    pub fn piece(&self, index: u64) -> String {
        let mut text = format!("{}#{index}", self.client);
        let Some(size) = self.size else {
            text.push(' ');
            text.push_str(self.word(index, 0));
            text.push(' ');
            return text;
        };
        let mut ordinal = 0;
        while text.len() < size {
            let word = self.word(index, ordinal);
            ordinal += 1;
            if text.len() + 1 + word.len() > size {
                break;
            }
            text.push(' ');
            text.push_str(word);
        }
        text.truncate(text.floor_char_boundary(size));
        text.extend(std::iter::repeat_n('.', size - text.len()));
        text
    }

    fn word(&self, index: u64, ordinal: u64) -> &'static str {
        // One draw for a piece gives its first word; the others follow in the list, since a piece
        // of a mebibyte would else need a hundred thousand draws.
        let count = WORDS.len() as u64;
        let first = draw_below(self.seed, &self.label, index, count);
        WORDS[usize::try_from((first + ordinal) % count).unwrap_or(0)]
    }
}

/// One word.
pub(crate) fn word(seed: u64, label: &str, ordinal: u64) -> &'static str {
    let at = draw_below(seed, label, ordinal, WORDS.len() as u64);
    WORDS[usize::try_from(at).unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_up(size: Option<usize>) -> MadeUp {
        MadeUp { seed: 7, label: "words".into(), client: "ann".into(), pieces: 3, size }
    }

    #[test]
    fn a_piece_has_exactly_the_bytes_that_were_asked_for() {
        for size in 0..200 {
            for index in 0..20 {
                assert_eq!(made_up(Some(size)).piece(index).len(), size);
            }
        }
    }

    #[test]
    fn a_piece_names_its_client_and_its_number() {
        assert!(made_up(Some(64)).piece(11).starts_with("ann#11 "));
        assert!(made_up(None).piece(2).starts_with("ann#2 "));
    }

    #[test]
    fn sized_pieces_hold_characters_of_two_three_and_four_bytes() {
        let piece = made_up(Some(128)).piece(0);
        let widths: std::collections::BTreeSet<_> = piece.chars().map(char::len_utf8).collect();
        assert_eq!(widths.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn a_name_of_many_bytes_is_cut_between_characters() {
        let words = MadeUp { client: "豆腐豆腐".into(), ..made_up(Some(4)) };
        assert_eq!(words.piece(0), "豆.");
    }
}
