//! Whose a stream is: that of the key which its first client showed.

use std::fmt;

use subtle::ConstantTimeEq as _;

use super::StreamId;
use crate::access::Caller;

/// What is kept of the caller. It differs from stream to stream, so that nobody who sees what is
/// kept can tell which streams are of one caller.
#[derive(Clone, Copy)]
pub struct Owner(pub(super) [u8; Self::LENGTH]);

impl Caller {
    pub(super) fn owner(self, stream: StreamId) -> Owner {
        let hash = blake3::keyed_hash(&self.0, stream.to_string().as_bytes());
        let mut owner = [0; Owner::LENGTH];
        owner.copy_from_slice(&hash.as_bytes()[..Owner::LENGTH]);
        Owner(owner)
    }
}

impl Owner {
    /// In bytes.
    pub(super) const LENGTH: usize = 16;
}

/// In a time that tells nothing.
impl PartialEq for Owner {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Owner {}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owner(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(key: Option<&[u8]>, stream: u64) -> Owner {
        Caller::of(key).owner(StreamId::new(0, stream))
    }

    #[test]
    fn an_owner_is_a_key_and_a_stream() {
        let mine = owner(Some(b"sk-a"), 1);
        assert_eq!(mine, owner(Some(b"sk-a"), 1));
        for other in
            [owner(Some(b"sk-b"), 1), owner(Some(b""), 1), owner(None, 1), owner(Some(b"sk-a"), 2)]
        {
            assert_ne!(mine, other);
        }
        assert_ne!(owner(None, 1), owner(Some(b""), 1));
    }
}
