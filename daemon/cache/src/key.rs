//! When two jobs are identical: hashes over the input and over everything else that can change the answer.
//!
//! Must not know who asks: users are kept apart by place, not by key.

use blake3::Hasher;
use squeezed_plugin_api::{Limits, Mode, Options};

/// Hash of a file's bytes. Taken once a job and used for each question about the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InputHash([u8; 32]);

impl InputHash {
    /// Hashes `bytes`: 0.2 ms per MiB with AVX-512, a few times that without. Not for an async runtime's thread.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// Everything beside the input that can change the answer of an OPTIMIZE job.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Id of the plugin that would run.
    pub plugin: &'a str,
    /// Its version, which changes whenever its output can.
    pub plugin_version: &'a str,
    /// What else tells two builds of the plugin apart, such as its file's size and time; may be empty.
    pub plugin_build: &'a [u8],
    /// The format that the plugin was chosen for.
    pub format: &'a str,
    /// Version of the daemon, whose host and judge decide too.
    pub daemon: &'a str,
    /// What the plugin is asked, the limits in force included.
    pub options: &'a Options,
    /// What a lossy result must gain over the best lossless one, as a fraction.
    pub lossy_gain: f64,
    /// Below this saving the original comes back, in percent.
    pub min_savings: f64,
}

/// A question's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    hash: [u8; 32],
    capped: bool,
}

impl Asked {
    /// Whether an answer to this question is itself `unchanged` when asked the same again: true of everything but
    /// capped mode, whose cap counts anew in each run.
    pub fn settles(&self) -> bool {
        !self.capped
    }
}

impl Question<'_> {
    /// The hash of this question.
    pub fn asked(&self) -> Asked {
        let mut c = Canon::new();
        c.text("optimize");
        c.text(self.plugin);
        c.text(self.plugin_version);
        c.bytes(self.plugin_build);
        c.text(self.format);
        c.text(self.daemon);
        c.float(self.lossy_gain);
        c.float(self.min_savings);
        // Taken apart by name: a new option does not compile until it is a part of the key.
        let Options { mode, metadata, effort, progressive, max_reduction, limits, extra } = self.options;
        match mode {
            Mode::Lossless => c.number(0),
            Mode::Quality(q) => {
                c.number(1);
                c.number(u64::from(*q));
            }
            Mode::Target(score) => {
                c.number(2);
                c.float(f64::from(*score));
            }
        }
        c.number(*metadata as u64);
        c.number(*effort as u64);
        c.number(*progressive as u64);
        c.number(u64::from(max_reduction.is_some()));
        c.float(max_reduction.unwrap_or(0.0));
        let Limits { pixels, frames, total_pixels, metadata_bytes } = limits;
        for limit in [pixels, frames, total_pixels, metadata_bytes] {
            c.number(*limit);
        }
        c.number(extra.len() as u64);
        for (name, value) in extra {
            c.text(name);
            c.text(value);
        }
        Asked { hash: c.finish(), capped: max_reduction.is_some() }
    }
}

/// Names one question about one input. Equal keys are identical jobs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a question about an input.
    pub fn new(input: &InputHash, asked: &Asked) -> Self {
        let mut c = Canon::new();
        c.bytes(&input.0);
        c.bytes(&asked.hash);
        Self(c.finish())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key with these bytes.
    #[cfg(test)]
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// 64 lower-case hex digits.
    pub fn to_hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Reads what [`Self::to_hex`] wrote, and nothing else.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let hash = blake3::Hash::from_hex(text).ok()?;
        lower.then(|| Self(*hash.as_bytes()))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// Values in one unambiguous row: each with its length before it.
struct Canon(Hasher);

impl Canon {
    fn new() -> Self {
        Self(Hasher::new_derive_key("squeezed result cache, key 1"))
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }
    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }
    fn number(&mut self, n: u64) {
        self.0.update(&n.to_le_bytes());
    }
    fn float(&mut self, f: f64) {
        // Adding zero makes -0 and 0 one value.
        self.number((f + 0.0).to_bits());
    }
    fn finish(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squeezed_plugin_api::{Effort, Metadata, Progressive};

    fn question(options: &Options) -> Question<'_> {
        Question {
            plugin: "png",
            plugin_version: "1.0",
            plugin_build: b"",
            format: "png",
            daemon: "0.1.0",
            options,
            lossy_gain: 0.05,
            min_savings: 0.0,
        }
    }

    #[test]
    fn whatever_can_change_the_answer_changes_the_key() {
        let base = Options::default();
        let changed = |f: fn(&mut Options)| {
            let mut o = base.clone();
            f(&mut o);
            question(&o).asked()
        };
        let q = question(&base);
        let all = vec![
            q.asked(),
            changed(|o| o.mode = Mode::Quality(80)),
            changed(|o| o.mode = Mode::Quality(81)),
            changed(|o| o.mode = Mode::Target(80.0)),
            changed(|o| o.metadata = Metadata::Display),
            changed(|o| o.effort = Effort::Best),
            changed(|o| o.effort = Effort::Fast),
            changed(|o| o.progressive = Progressive::On),
            changed(|o| o.max_reduction = Some(0.0)),
            changed(|o| o.max_reduction = Some(30.0)),
            changed(|o| o.limits.pixels += 1),
            changed(|o| o.limits.frames += 1),
            changed(|o| o.limits.total_pixels += 1),
            changed(|o| o.limits.metadata_bytes += 1),
            changed(|o| o.extra = vec![("a".into(), "b".into())]),
            changed(|o| o.extra = vec![("ab".into(), String::new())]),
            Question { plugin: "pn", plugin_version: "g1.0", ..q }.asked(),
            Question { plugin_version: "1.1", ..q }.asked(),
            Question { plugin_build: b"x", ..q }.asked(),
            Question { format: "apng", ..q }.asked(),
            Question { daemon: "0.1.1", ..q }.asked(),
            Question { lossy_gain: 0.06, ..q }.asked(),
            Question { min_savings: 1.0, ..q }.asked(),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a.hash != b.hash), "{i}");
        }
        let (one, two) = (InputHash::of(b"one"), InputHash::of(b"two"));
        assert_ne!(Key::new(&one, &all[0]), Key::new(&two, &all[0]));
        assert_ne!(Key::new(&one, &all[0]), Key::new(&one, &all[1]));
        assert_eq!(Key::new(&one, &all[0]), Key::new(&InputHash::of(b"one"), &question(&base).asked()));
        assert!(all[0].settles() && !all[8].settles());
    }

    #[test]
    fn a_key_is_read_from_its_own_name_only() {
        let key = Key::from_bytes([0xab; 32]);
        assert_eq!(Key::from_hex(&key.to_hex()), Some(key));
        for wrong in
            ["", "ab", &key.to_hex()[1..], &key.to_hex().to_uppercase(), &format!("{}0", key.to_hex())]
        {
            assert_eq!(Key::from_hex(wrong), None, "{wrong}");
        }
    }
}
