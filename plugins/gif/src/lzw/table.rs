//! The strings an encoder has learnt since the last clear: a hash table from (string, symbol) to the longer string.

/// Slots: a quarter of them is the most that is used.
const SLOTS: usize = 1 << 14;

/// Strings by their prefix and last symbol. A clear costs nothing.
pub struct Table {
    /// Generation (32 bits), prefix and symbol (20), string (12).
    slots: Vec<u64>,
    generation: u64,
}

impl Table {
    /// An empty table.
    pub fn new() -> Self {
        Self { slots: vec![0; SLOTS], generation: 1 }
    }
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.generation += 1;
        if self.generation >> 32 != 0 {
            self.slots.fill(0);
            self.generation = 1;
        }
    }
    /// The string that is `prefix` and `symbol`.
    pub fn find(&self, prefix: u16, symbol: u8) -> Option<u16> {
        let key = self.key(prefix, symbol);
        let mut at = hash(key);
        loop {
            let slot = self.slots[at];
            if slot >> 12 == key {
                return Some((slot & 0xfff) as u16);
            }
            if slot >> 32 != self.generation {
                return None;
            }
            at = (at + 1) % SLOTS;
        }
    }
    /// Learns a string, unless it is known.
    pub fn insert(&mut self, prefix: u16, symbol: u8, string: u16) {
        let key = self.key(prefix, symbol);
        let mut at = hash(key);
        while self.slots[at] >> 32 == self.generation {
            if self.slots[at] >> 12 == key {
                return;
            }
            at = (at + 1) % SLOTS;
        }
        self.slots[at] = key << 12 | u64::from(string);
    }
    fn key(&self, prefix: u16, symbol: u8) -> u64 {
        self.generation << 20 | u64::from(prefix) << 8 | u64::from(symbol)
    }
}

fn hash(key: u64) -> usize {
    ((key as u32 & 0xf_ffff).wrapping_mul(0x9e37_79b1) >> 18) as usize
}
