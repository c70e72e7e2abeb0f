//! Bytes as a breach quotes them.

/// The beginning of some bytes, in quotes, invisible characters escaped.
pub(crate) fn quote(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    let text = bytes[..bytes.len().min(SHOWN)].escape_ascii().to_string();
    // The quotes of JSON need no mark between ours.
    let text = text.replace("\\\"", "\"").replace("\\'", "'");
    let more = if bytes.len() > SHOWN { "..." } else { "" };
    format!("`{text}{more}`")
}

/// Two stretches of bytes that begin alike, quoted from shortly before they differ.
pub(super) fn quote_both(sent: &[u8], got: &[u8]) -> (String, String) {
    const BEFORE: usize = 20;
    let alike = sent.iter().zip(got).take_while(|(a, b)| a == b).count();
    if alike <= 2 * BEFORE {
        return (quote(sent), quote(got));
    }
    let from = alike - BEFORE;
    let (sent, got) = (quote(&sent[from..]), quote(&got[from..]));
    (format!("`...{}", &sent[1..]), format!("`...{}", &got[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_late_is_quoted_where_it_differs() {
        let begins = "data: {\"id\":\"chatcmpl-0RdAk7cpwZrITQhmCDPmyLyfqtmtS\",\"text\":";
        let (sent, got) =
            quote_both(format!("{begins}1}}").as_bytes(), format!("{begins}2}}").as_bytes());
        assert_eq!(sent, "`...PmyLyfqtmtS\",\"text\":1}`");
        assert_eq!(got, "`...PmyLyfqtmtS\",\"text\":2}`");
        assert_eq!(quote_both(b"data: 1", b"data: 2").1, "`data: 2`");
    }
}
