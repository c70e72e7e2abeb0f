//! Ids and fingerprints, drawn from the seed and from which request of which client it is.

use crate::draw::{below, draw};

/// Whose request it is. Nothing here depends on the order in which clients come.
#[derive(Debug, Clone)]
pub struct Identity {
    /// What everything is drawn from.
    pub seed: u64,
    /// The `user` of the body, or the address.
    pub client: String,
    /// Which request of this client, counted from 0.
    pub ordinal: u64,
}

impl Identity {
    /// `chatcmpl-` and 29 letters or digits, as recorded streams have it.
    pub fn completion_id(&self) -> String {
        format!("chatcmpl-{}", self.letters("completion id", 29))
    }

    /// `call_` and 24 letters or digits, as recorded streams have it.
    pub fn call_id(&self, choice: u64, call: u64) -> String {
        format!("call_{}", self.letters(&format!("id of call {call} of choice {choice}"), 24))
    }

    /// `resp_` and 48 hexadecimal digits, as the Responses API has it.
    pub fn response_id(&self) -> String {
        format!("resp_{}", self.digits("response id"))
    }

    /// The id of an output item of the Responses API: `msg_` or `fc_` and 48 hexadecimal digits.
    pub fn item_id(&self, prefix: &str, index: usize) -> String {
        format!("{prefix}{}", self.digits(&format!("id of item {index}")))
    }

    /// `req_` and 32 hexadecimal digits.
    pub fn request_id(&self) -> String {
        let label = self.label("request id");
        format!("req_{:016x}{:016x}", draw(self.seed, &label, 0), draw(self.seed, &label, 1))
    }

    /// `fp_` and 10 hexadecimal digits; the same for all requests, as it names a deployment.
    pub fn fingerprint(&self) -> String {
        format!("fp_{:010x}", draw(self.seed, "system fingerprint", 0) >> 24)
    }

    /// The label under which something of this request is drawn.
    pub fn label(&self, what: &str) -> String {
        format!("{what} of request {} of {}", self.ordinal, self.client)
    }

    fn letters(&self, what: &str, count: u64) -> String {
        let label = self.label(what);
        (0..count).map(|ordinal| letter(draw(self.seed, &label, ordinal))).collect()
    }

    fn digits(&self, what: &str) -> String {
        let label = self.label(what);
        let [a, b, c] = [0, 1, 2].map(|ordinal| draw(self.seed, &label, ordinal));
        format!("{a:016x}{b:016x}{c:016x}")
    }
}

/// A letter or digit for a drawn number, all as likely.
pub(crate) fn letter(drawn: u64) -> char {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char::from(LETTERS[usize::try_from(below(drawn, 62)).unwrap_or(0)])
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
        let call = identity("ann", 0).call_id(0, 0);
        assert_eq!(call.len(), "call_CTf1nWJLqSeRgDqaCG27xZ74".len());
        assert!(call.bytes().skip(5).all(|b| b.is_ascii_alphanumeric()), "{call}");
        assert_ne!(call, identity("ann", 0).call_id(0, 1));
        assert_ne!(call, identity("ann", 0).call_id(1, 0));
        // As in the examples of the Responses API's documentation.
        let documented = "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b";
        assert_eq!(identity("ann", 0).response_id().len(), documented.len());
        assert_ne!(identity("ann", 0).item_id("msg_", 0), identity("ann", 0).item_id("msg_", 1));
    }
}
