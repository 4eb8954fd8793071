//! The two byte orders. Knows bytes only.

/// How numbers of more than one byte are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `II`: the low byte first.
    Little,
    /// `MM`: the high byte first.
    Big,
}

impl Order {
    /// An unsigned number of as many bytes as there are (at most eight).
    pub fn number(self, bytes: &[u8]) -> u64 {
        let join = |n: u64, b: &u8| n << 8 | u64::from(*b);
        match self {
            Order::Little => bytes.iter().take(8).rev().fold(0, join),
            Order::Big => bytes.iter().take(8).fold(0, join),
        }
    }

    /// The number of `size` bytes at `at`, if it lies inside.
    pub fn read(self, data: &[u8], at: u64, size: usize) -> Option<u64> {
        let start = usize::try_from(at).ok()?;
        Some(self.number(data.get(start..start.checked_add(size)?)?))
    }

    /// The low `size` bytes of a number.
    pub fn bytes(self, n: u64, size: usize) -> Vec<u8> {
        match self {
            Order::Little => n.to_le_bytes().into_iter().take(size).collect(),
            Order::Big => n.to_be_bytes().into_iter().skip(8_usize.saturating_sub(size)).collect(),
        }
    }

    /// Whether this machine stores numbers in the other order.
    pub fn is_foreign(self) -> bool {
        (self == Order::Big) != cfg!(target_endian = "big")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_both_orders() {
        for order in [Order::Little, Order::Big] {
            for size in [1, 2, 4, 8] {
                let n = 0x0102_0304_0506_0708_u64 & (u64::MAX >> (64 - 8 * size));
                assert_eq!(order.number(&order.bytes(n, size)), n);
            }
        }
        assert_eq!(Order::Big.bytes(258, 2), [1, 2]);
        assert_eq!(Order::Little.read(&[0, 2, 1], 1, 2), Some(258));
        assert_eq!(Order::Little.read(&[0, 2, 1], 2, 2), None);
    }
}
