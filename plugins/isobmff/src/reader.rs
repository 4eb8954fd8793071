//! Big-endian numbers from bytes that nobody has checked.

use crate::Broken;

/// Reads from the front of a slice.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], Broken> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(Broken::Short)?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Broken::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    /// A byte.
    ///
    /// # Errors
    /// There is none.
    pub fn u8(&mut self) -> Result<u8, Broken> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// Two bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn u16(&mut self) -> Result<u16, Broken> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// Four bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn u32(&mut self) -> Result<u32, Broken> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn u64(&mut self) -> Result<u64, Broken> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// Two bytes, or four where `wide`.
    ///
    /// # Errors
    /// There are fewer.
    pub fn u16_or_u32(&mut self, wide: bool) -> Result<u32, Broken> {
        if wide { self.u32() } else { self.u16().map(u32::from) }
    }

    /// A number of 0, 4 or 8 bytes.
    ///
    /// # Errors
    /// There are fewer, or it is a number of another length.
    pub fn sized(&mut self, bytes: u8) -> Result<u64, Broken> {
        match bytes {
            0 => Ok(0),
            4 => self.u32().map(u64::from),
            8 => self.u64(),
            _ => Err(Broken::Meta("numbers of iloc have neither 0, 4 nor 8 bytes")),
        }
    }

    /// Text up to a zero, or to the end where there is none.
    pub fn text(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|b| *b == 0);
        let text = &self.rest[..end.unwrap_or(self.rest.len())];
        self.rest = self.rest.get(text.len() + 1..).unwrap_or_default();
        text
    }
}
