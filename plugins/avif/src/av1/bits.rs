//! Reads bits from the highest down, as AV1 headers have them. Past the end there is nothing.

/// A place in bits.
#[derive(Debug, Clone)]
pub struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// The first bit of `data`.
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// One bit.
    pub fn flag(&mut self) -> Option<bool> {
        let byte = self.data.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// A number of `n` bits, at most 32.
    pub fn number(&mut self, n: u32) -> Option<u32> {
        (0..n.min(32)).try_fold(0u32, |v, _| Some(v << 1 | u32::from(self.flag()?)))
    }

    /// A number of variable length, `uvlc()` of the specification.
    pub fn variable(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        if zeros >= 32 {
            return Some(u32::MAX);
        }
        Some(self.number(zeros)? + ((1u32 << zeros) - 1))
    }

    /// A number below `n` in as few bits as it takes, `ns(n)` of the specification.
    pub fn below(&mut self, n: u32) -> Option<u32> {
        let width = 32 - n.leading_zeros();
        let short = (1u32 << width).wrapping_sub(n);
        let v = self.number(width.checked_sub(1)?)?;
        if v < short {
            return Some(v);
        }
        Some((v << 1 | u32::from(self.flag()?)) - short)
    }

    /// A signed number of `n` bits.
    pub fn signed(&mut self, n: u32) -> Option<i32> {
        let v = self.number(n)?;
        let sign = 1u32.checked_shl(n.checked_sub(1)?)?;
        Some(if v & sign == 0 { v as i32 } else { v as i32 - (sign as i32) * 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_as_they_went_in() {
        let mut b = Bits::new(&[0b1011_0010, 0b0110_0000]);
        assert_eq!(b.flag(), Some(true));
        assert_eq!(b.number(3), Some(3));
        assert_eq!(b.variable(), Some(3));
        assert_eq!(b.number(4), Some(0b1100));
        assert_eq!(b.number(32), None);
    }

    #[test]
    fn numbers_below_a_bound_take_few_bits() {
        // Of five values the first three take two bits, the others three.
        let mut b = Bits::new(&[0b0001_1011, 0b0111_0000]);
        let got: Vec<_> = (0..5).map(|_| b.below(5).unwrap()).collect();
        assert_eq!(got, [0, 1, 2, 3, 4]);
        assert_eq!(Bits::new(&[0xff]).below(1), Some(0));
    }

    #[test]
    fn signs_extend() {
        assert_eq!(Bits::new(&[0b1111_1110]).signed(7), Some(-1));
        assert_eq!(Bits::new(&[0b0111_1110]).signed(7), Some(63));
    }
}
