//! The buffers of one answer, as nginx's event pipe fills and frees them.

/// Why a buffer is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Because {
    Full,
    /// It holds at least what can still end the answer (`p->length`).
    Enough,
    Unbuffered,
}

impl Because {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Full => "buffer is full",
            Self::Enough => "the answer could end here",
            Self::Unbuffered => "not buffered",
        }
    }
}

/// The open buffer, and how many others wait for the client.
#[derive(Debug)]
pub(super) struct Buffers {
    /// How many there are, the one that began with the head included.
    count: u64,
    size: usize,
    buffered: bool,
    open: Vec<u8>,
    /// How many bytes fit into the open buffer: the first one holds the head too.
    capacity: usize,
    /// Passed on, and not yet taken by the client.
    waiting: u64,
}

impl Buffers {
    /// nginx reads the head into a buffer of its own (`proxy_buffer_size`, one page), and goes on
    /// to fill it.
    pub(super) fn new(count: u64, size: usize, head_len: usize) -> Self {
        let capacity = size.saturating_sub(head_len).max(1);
        let count = count.saturating_add(1);
        Self { count, size, buffered: true, open: Vec::new(), capacity, waiting: 0 }
    }

    /// One buffer that is passed on after each read.
    pub(super) fn unbuffered(size: usize, head_len: usize) -> Self {
        Self { count: 1, buffered: false, ..Self::new(0, size, head_len) }
    }

    /// How many bytes may be read now.
    pub(super) fn room(&self) -> usize {
        if self.waiting >= self.count { 0 } else { self.capacity - self.open.len() }
    }

    /// How many bytes are held back.
    pub(super) fn held(&self) -> usize {
        self.open.len()
    }

    /// Takes bytes that were read, no more than there is room for. Gives what is to be passed on;
    /// `least_to_come` is the least that can still come, by what was passed on before.
    pub(super) fn fill(
        &mut self,
        bytes: &[u8],
        least_to_come: Option<u64>,
    ) -> Option<(Vec<u8>, Because)> {
        self.open.extend_from_slice(bytes);
        let because = if !self.buffered {
            Because::Unbuffered
        } else if self.open.len() >= self.capacity {
            Because::Full
        } else if least_to_come.is_some_and(|least| self.open.len() as u64 >= least) {
            Because::Enough
        } else {
            return None;
        };
        (!self.open.is_empty()).then(|| (self.pass_on(), because))
    }

    /// What is in the open buffer, at the end of an answer.
    pub(super) fn pass_on(&mut self) -> Vec<u8> {
        self.capacity = self.size;
        self.waiting += 1;
        std::mem::take(&mut self.open)
    }

    /// The client took a buffer.
    pub(super) fn taken(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_buffer_holds_the_head_too() {
        let mut buffers = Buffers::new(8, 4096, 52);
        assert_eq!(buffers.room(), 4044);
        assert_eq!(buffers.fill(&[b'x'; 4043], None), None);
        assert_eq!(buffers.held(), 4043);
        let (passed, because) = buffers.fill(b"y", None).unwrap();
        assert_eq!((passed.len(), because), (4044, Because::Full));
        assert_eq!(buffers.room(), 4096);
    }

    #[test]
    fn there_is_no_room_while_all_wait_for_the_client() {
        let mut buffers = Buffers::new(2, 10, 4);
        for capacity in [6, 10, 10] {
            assert_eq!(buffers.room(), capacity);
            assert!(buffers.fill(&vec![b'x'; capacity], None).is_some());
        }
        assert_eq!(buffers.room(), 0);
        buffers.taken();
        assert_eq!(buffers.room(), 10);
    }

    #[test]
    fn what_can_end_the_answer_is_passed_on() {
        let mut buffers = Buffers::new(8, 4096, 0);
        assert_eq!(buffers.fill(b"ab", Some(3)), None);
        assert_eq!(buffers.fill(b"c", Some(3)), Some((b"abc".to_vec(), Because::Enough)));
    }

    #[test]
    fn without_buffering_each_read_is_passed_on() {
        let mut buffers = Buffers::unbuffered(4096, 52);
        assert_eq!(buffers.fill(b"", None), None);
        assert_eq!(buffers.fill(b"a", None), Some((b"a".to_vec(), Because::Unbuffered)));
        assert_eq!(buffers.room(), 0);
    }
}
