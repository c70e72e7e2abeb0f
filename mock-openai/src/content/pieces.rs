//! Splits a text into the pieces in which it comes out.

/// Words with the white space before them, as a model's tokens have it.
pub(super) fn by_word(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut in_word = true;
    for c in text.chars() {
        let starts = c.is_whitespace() && in_word;
        in_word = !c.is_whitespace();
        match words.last_mut() {
            Some(word) if !starts => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    words
}

/// Pieces of at most so many bytes, but of at least one character.
pub(super) fn by_size(text: &str, size: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for c in text.chars() {
        match pieces.last_mut() {
            Some(piece) if piece.len() + c.len_utf8() <= size => piece.push(c),
            _ => pieces.push(c.to_string()),
        }
    }
    pieces
}

/// So many pieces, which differ by at most one character in length.
pub(super) fn by_count(text: &str, count: u64) -> Vec<String> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut left = text.chars().count();
    let mut rest = text;
    (0..count)
        .map(|index| {
            let take = left.div_ceil(count - index);
            left -= take;
            let end = rest.char_indices().nth(take).map_or(rest.len(), |(at, _)| at);
            let (piece, behind) = rest.split_at(end);
            rest = behind;
            piece.to_owned()
        })
        .collect()
}

/// Characters of a fragment at the most, a blank before it not counted.
const FRAGMENT_MAX: usize = 12;

/// Fragments of a tool's arguments as a model's tokens cut them: words, with a blank before them,
/// and what stands between words.
pub(super) fn by_fragment(arguments: &str) -> Vec<String> {
    let mut fragments: Vec<String> = Vec::new();
    let mut count = 0;
    let mut before = None;
    for c in arguments.chars() {
        let is_word = c.is_alphanumeric();
        let goes_on = match before {
            None => false,
            Some(' ') => is_word && count == 1 || c == ' ',
            Some(last) => c != ' ' && char::is_alphanumeric(last) == is_word,
        };
        match fragments.last_mut() {
            Some(fragment) if goes_on && count < FRAGMENT_MAX => {
                fragment.push(c);
                count += 1;
            }
            _ => {
                fragments.push(c.to_string());
                count = 1;
            }
        }
        before = Some(c);
    }
    fragments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_into_words_that_keep_the_space_before_them() {
        assert_eq!(by_word("I'm  sorry,\nno. "), ["I'm", "  sorry,", "\nno.", " "]);
        assert_eq!(by_word(" a"), [" a"]);
        assert!(by_word("").is_empty());
    }

    #[test]
    fn a_text_is_split_by_size_between_characters_alone() {
        assert_eq!(by_size("né豆腐!", 3), ["né", "豆", "腐", "!"]);
        assert_eq!(by_size("豆", 1), ["豆"]);
    }

    #[test]
    fn a_text_is_split_into_a_count_of_pieces() {
        assert_eq!(by_count("abcdefg", 3), ["abc", "de", "fg"]);
        assert_eq!(by_count("é", 2), ["é", ""]);
    }

    #[test]
    fn arguments_are_cut_where_recorded_streams_cut_them() {
        // The fragments of a recorded call (September 2024).
        let recorded = ["{\"", "city", "\":\"", "New", " York", " City", "\"}"];
        assert_eq!(by_fragment(&recorded.concat()), recorded);
        assert_eq!(by_fragment("{}"), ["{}"]);
        assert!(by_fragment("").is_empty());
    }

    #[test]
    fn a_long_word_of_arguments_is_cut_into_a_few_bytes_each() {
        let long = "a".repeat(30);
        let sizes: Vec<usize> = by_fragment(&long).iter().map(String::len).collect();
        assert_eq!(sizes, [12, 12, 6]);
        let odd = "  x  { é\n豆 }\u{0}";
        assert_eq!(by_fragment(odd).concat(), odd);
    }
}
