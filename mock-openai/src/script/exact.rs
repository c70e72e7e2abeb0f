//! Exact bytes that a script writes as text.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

/// The bytes of hexadecimal digits, blanks between them.
///
/// # Errors
/// What is wrong, as a fragment.
pub(crate) fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if let Some(other) = digits.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(format!("`{other}` is no hexadecimal digit"));
    }
    if digits.len() % 2 == 1 {
        return Err("a byte has two hexadecimal digits, and the last has one".to_owned());
    }
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|error| error.to_string())
}

/// The bytes of a text in base64 (RFC 4648 4).
///
/// # Errors
/// What is wrong, as a fragment.
pub(crate) fn base64(text: &str) -> Result<Vec<u8>, String> {
    let letters: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    BASE64.decode(letters.as_bytes()).map_err(|error| format!("this is not base64: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_line_breaks_may_stand_anywhere() {
        assert_eq!(hex("64 61\n74613A Ff").unwrap(), b"data:\xff");
        assert_eq!(base64("ZGF0\nYTog /w==").unwrap(), b"data: \xff");
        assert_eq!(hex("").unwrap(), b"");
    }

    #[test]
    fn what_is_no_byte_is_told() {
        assert_eq!(hex("6g").unwrap_err(), "`g` is no hexadecimal digit");
        assert!(hex("646").unwrap_err().contains("the last has one"));
        for text in ["ZGF", "ZGF0=", "_w==", "ZGF0YTo"] {
            assert!(base64(text).is_err(), "{text}");
        }
    }
}
