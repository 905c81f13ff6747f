//! The bytes of a stream: what stands at a position is known from the seed alone, so that one which is lost, doubled or in
//! the wrong place is seen at once, whatever the pieces in which they come.

/// One direction of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    seed: u64,
}

impl Pattern {
    pub(crate) fn new(seed: u64) -> Pattern {
        Pattern { seed }
    }

    /// Writes what stands at `position` and after it.
    pub(crate) fn fill(self, position: u64, buffer: &mut [u8]) {
        buffer.iter_mut().zip(self.from(position)).for_each(|(to, byte)| *to = byte);
    }

    /// The position of the first byte that is wrong.
    pub(crate) fn check(self, position: u64, bytes: &[u8]) -> Option<u64> {
        let wrong = bytes.iter().zip(self.from(position)).position(|(byte, right)| *byte != right)?;
        Some(position + wrong as u64)
    }

    fn from(self, position: u64) -> impl Iterator<Item = u8> {
        (position / 8..).flat_map(move |index| self.word(index)).skip((position % 8) as usize)
    }

    /// Eight bytes: a good mix of seed and index (splitmix64).
    fn word(self, index: u64) -> [u8; 8] {
        let mut mixed = self.seed.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn pieces_make_the_whole() {
        let pattern = Pattern::new(7);
        let mut whole = [0; 64];
        pattern.fill(0, &mut whole);
        for (from, to) in [(0, 1), (1, 8), (8, 16), (5, 30), (63, 64)] {
            let mut piece = vec![0; to - from];
            pattern.fill(from as u64, &mut piece);
            assert_eq!(piece, whole[from..to]);
            assert_eq!(pattern.check(from as u64, &piece), None);
        }
    }

    #[test]
    fn what_is_wrong_is_seen_where_it_is() {
        let pattern = Pattern::new(7);
        let mut bytes = [0; 32];
        pattern.fill(3, &mut bytes);
        assert_eq!(pattern.check(4, &bytes[1..]), None);
        assert!(pattern.check(4, &bytes).is_some());
        bytes[9] ^= 1;
        assert_eq!(pattern.check(3, &bytes), Some(12));
    }
}
