//! Ids and fingerprints, drawn from the seed and from which request of which client it is.

use crate::draw::{draw, draw_below};

/// Whose request it is. Nothing here depends on the order in which clients come.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) seed: u64,
    /// The `user` of the body, or the address.
    pub(crate) client: String,
    /// Which request of this client, counted from 0.
    pub(crate) ordinal: u64,
}

impl Identity {
    /// `chatcmpl-` and 29 letters or digits, as recorded streams have it.
    pub(crate) fn completion_id(&self) -> String {
        const LETTERS: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let label = self.label("completion id");
        let letter = |ordinal| {
            let at = draw_below(self.seed, &label, ordinal, LETTERS.len() as u64);
            char::from(LETTERS[usize::try_from(at).unwrap_or(0)])
        };
        format!("chatcmpl-{}", (0..29).map(letter).collect::<String>())
    }

    /// `req_` and 32 hexadecimal digits.
    pub(crate) fn request_id(&self) -> String {
        let label = self.label("request id");
        format!("req_{:016x}{:016x}", draw(self.seed, &label, 0), draw(self.seed, &label, 1))
    }

    /// `fp_` and 10 hexadecimal digits; the same for all requests, as it names a deployment.
    pub(crate) fn fingerprint(&self) -> String {
        format!("fp_{:010x}", draw(self.seed, "system fingerprint", 0) >> 24)
    }

    /// The label under which something of this request is drawn.
    pub(crate) fn label(&self, what: &str) -> String {
        format!("{what} of request {} of {}", self.ordinal, self.client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_recorded_ones_and_differ_by_request() {
        let identity = |client: &str, ordinal| Identity { seed: 1, client: client.into(), ordinal };
        let id = identity("ann", 0).completion_id();
        // `chatcmpl-ABfw031mOJeYCSHe4yI2ZjOA6kMJL` in a recorded stream: 38 characters.
        assert_eq!(id.len(), 38);
        assert!(id.bytes().skip(9).all(|b| b.is_ascii_alphanumeric()), "{id}");
        assert_eq!(id, identity("ann", 0).completion_id());
        assert_ne!(id, identity("ann", 1).completion_id());
        assert_ne!(id, identity("bob", 0).completion_id());
        assert_eq!(identity("ann", 0).fingerprint().len(), "fp_5050236cbd".len());
        assert_eq!(identity("ann", 0).request_id().len(), 36);
    }
}
