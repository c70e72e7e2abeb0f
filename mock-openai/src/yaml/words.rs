//! Which known word was meant by one that is not known.

/// How alike two words must be, from 0 to 1, for the one to be offered for the other: chosen so
/// that `rst` finds `reset` and `strem` finds `stream`, and that `bandwidth` finds nothing among
/// `latency` and `jitter`.
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
    // `timeout` for `gives_up.timeout`, `frame` for `first_frame`: a shared word counts by half.
    strsim::jaro(&written, &word).max(strsim::normalized_damerau_levenshtein(&written, &word))
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
