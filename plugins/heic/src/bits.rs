//! Bits of a NAL unit, with the bytes that only keep start codes apart taken out.

/// Reads bits from the front.
#[derive(Debug, Clone)]
pub struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    /// The payload of a NAL unit, header included; at most `limit` bytes of it.
    pub fn of_nal(nal: &[u8], limit: usize) -> Self {
        let mut bytes = Vec::with_capacity(nal.len().min(limit));
        let mut zeros = 0;
        for b in nal.iter().take(limit) {
            if zeros >= 2 && *b == 3 {
                zeros = 0;
                continue;
            }
            zeros = if *b == 0 { zeros + 1 } else { 0 };
            bytes.push(*b);
        }
        Self { bytes, at: 0 }
    }

    /// One bit.
    pub fn flag(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// A number of `n` bits, at most 32.
    pub fn number(&mut self, n: u32) -> Option<u32> {
        let mut value = 0u32;
        for _ in 0..n.min(32) {
            value = value << 1 | u32::from(self.flag()?);
        }
        Some(value)
    }

    /// Passes over `n` bits.
    pub fn skip(&mut self, n: usize) -> Option<()> {
        self.at = self.at.checked_add(n).filter(|at| *at <= self.bytes.len() * 8)?;
        Some(())
    }

    /// An unsigned Exp-Golomb number.
    pub fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1u32 << zeros) - 1 + self.number(zeros)?)
    }

    /// A signed Exp-Golomb number.
    pub fn signed(&mut self) -> Option<i32> {
        let n = i64::from(self.unsigned()?);
        i32::try_from(if n % 2 == 1 { (n + 1) / 2 } else { -(n / 2) }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_across_bytes() {
        // 1 | 010 | 011 | 00100 | 00101 | 1
        let mut b = Bits::of_nal(&[0b1010_0110, 0b0100_0010, 0b1100_0000], 9);
        let read: Vec<_> = (0..5).map(|_| b.unsigned().unwrap()).collect();
        assert_eq!(read, [0, 1, 2, 3, 4]);
        assert_eq!(b.unsigned(), Some(0));
        let mut b = Bits::of_nal(&[0b0100_1100, 0b1000_0101], 9);
        assert_eq!([b.signed(), b.signed(), b.signed(), b.signed()], [Some(1), Some(-1), Some(2), Some(-2)]);
    }

    #[test]
    fn emulation_bytes_are_taken_out() {
        let mut b = Bits::of_nal(&[0, 0, 3, 1, 0, 0, 3], 9);
        assert_eq!(b.number(32), Some(0x0000_0100));
        assert_eq!(b.number(8), Some(0));
        assert_eq!(b.number(8), None);
    }
}
