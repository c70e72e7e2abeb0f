//! Which known word was meant by one that is not known.

/// How alike two words must be, from 0 to 1, for the one to be offered for the other: chosen so
/// that `strem` finds `stream`, and that `quick` finds nothing among the names of the rules.
const ALIKE_MIN: f64 = 0.77;

/// The known word that is most like the written one, if any is alike enough.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best = None;
    for word in known {
        let alike = likeness(written, word);
        // The first of equals stays, so that the order of `known` decides.
        if alike >= ALIKE_MIN && best.is_none_or(|(most, _)| alike > most) {
            best = Some((alike, word));
        }
    }
    best.map(|(_, word)| word)
}

fn likeness(written: &str, word: &str) -> f64 {
    // Comparing is quadratic; nobody means a short word by a very long one.
    if written.len() > 64 {
        return 0.0;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let (written, word) = (plain(written), plain(word));
    let short = is_abbreviation(&written, &word) || is_abbreviation(&word, &written);
    let alike = strsim::jaro(&written, &word);
    let alike = alike.max(strsim::normalized_damerau_levenshtein(&written, &word));
    if short { alike.max(ABBREVIATED) } else { alike }
}

/// How alike an abbreviation and its word are held to be.
const ABBREVIATED: f64 = 0.8;

/// `rst` for `reset`, `recv` for `recv_buffer`: letters left out, the first one kept.
fn is_abbreviation(written: &str, word: &str) -> bool {
    let mut rest = word.chars();
    let in_order = written.chars().all(|letter| rest.any(|other| other == letter));
    written.len() >= 3 && in_order && written.chars().next() == word.chars().next()
}

/// Words for a message: `` `a`, `b`, `c` ``.
pub fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push('`');
        text.push_str(word);
        text.push('`');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word() {
        let ends = ["clean", "no_terminator", "truncated", "fin", "reset", "half_close", "hold"];
        for (written, word) in [
            ("rst", "reset"),
            ("resett", "reset"),
            ("Clean", "clean"),
            ("half-close", "half_close"),
            ("noterminator", "no_terminator"),
            ("truncate", "truncated"),
        ] {
            assert_eq!(nearest(written, ends), Some(word), "{written}");
        }
    }

    #[test]
    fn the_most_alike_of_several_is_found() {
        for (written, words, word) in [
            ("rate-limit", ["token_limit", "rate_limit"], "rate_limit"),
            ("openrouter-coment", ["openrouter-error", "openrouter-comment"], "openrouter-comment"),
            ("reset", ["fin", "rst"], "rst"),
        ] {
            assert_eq!(nearest(written, words), Some(word), "{written}");
        }
    }

    #[test]
    fn a_word_that_is_like_none_finds_none() {
        let rules = ["payload-intact", "prompt-frames", "honest-ending"];
        for written in ["quick", "", "x", "deadline", &"p".repeat(1000)] {
            assert_eq!(nearest(written, rules), None, "{written}");
        }
        assert_eq!(nearest("anything", []), None);
    }
}
