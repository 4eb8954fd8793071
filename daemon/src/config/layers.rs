//! Puts the layers of the configuration on top of each other and remembers where each value came from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;
use super::keys::{KEYS, Key};
use crate::args::Args;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A flag.
    Flag(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Default => write!(f, "default"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Env(name) => write!(f, "${name}"),
            Origin::Flag(name) => write!(f, "{name}"),
        }
    }
}

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}: {text}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        text: String,
    },
    /// No such key.
    #[error("unknown key {key} in {origin}{hint}")]
    Unknown {
        /// The key.
        key: String,
        /// Where it stands.
        origin: Origin,
        /// What it may have been meant to be.
        hint: String,
    },
    /// The value does not fit.
    #[error("{key} in {origin}: {text}")]
    Value {
        /// The key.
        key: String,
        /// Where it stands.
        origin: Origin,
        /// What is wanted.
        text: String,
    },
}

/// Loads the configuration, at the start and again at each reload, from the same flags.
#[derive(Debug, Clone)]
pub struct Loader {
    args: Args,
}

/// All values with their origins.
#[derive(Debug, Clone, PartialEq)]
pub struct Layers {
    values: BTreeMap<&'static str, (Value, Origin)>,
}

impl Loader {
    /// A loader for these flags.
    pub fn new(args: &Args) -> Self {
        Self { args: args.clone() }
    }

    /// Reads all layers.
    ///
    /// # Errors
    /// The first thing that is wrong, with where it stands.
    pub fn load(&self) -> Result<Layers, ConfigError> {
        let mut layers = Layers::defaults();
        if self.args.autostarted {
            layers.put("daemon.idle_exit_seconds", Value::Integer(60), Origin::Flag("--autostarted"))?;
        }
        if let Some(path) = self.file() {
            layers.read_file(&path)?;
        }
        for k in KEYS {
            let name = k.variable();
            if let Some(text) = std::env::var_os(&name).filter(|t| !t.is_empty()) {
                layers.put_text(k.name, &text.to_string_lossy(), Origin::Env(name))?;
            }
        }
        self.flags(&mut layers)?;
        if layers.values.get("socket.path").is_some_and(|(v, _)| v.as_str() == Some("")) {
            let own = squeezed_protocol::socket::own_place().display().to_string();
            layers.put("socket.path", Value::String(own), Origin::Default)?;
        }
        Ok(layers)
    }

    /// The configuration file: the named one, else the first usual one that is there.
    fn file(&self) -> Option<PathBuf> {
        if self.args.config.is_some() {
            return self.args.config.clone();
        }
        // Relative ones are to be ignored, says the XDG base directory specification: they would follow the working folder.
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let home = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
        let usual = [home.map(|d| d.join("squeezed/config.toml")), Some("/etc/squeezed/config.toml".into())];
        usual.into_iter().flatten().find(|p| p.is_file())
    }

    fn flags(&self, layers: &mut Layers) -> Result<(), ConfigError> {
        let a = &self.args;
        let text = |p: &PathBuf| p.display().to_string();
        let paths: Vec<String> = a.plugin_path.iter().map(text).collect();
        let single = [
            ("socket.path", a.socket.as_ref().map(text), "--socket"),
            ("plugins.path", (!paths.is_empty()).then(|| paths.join(":")), "--plugin-path"),
            ("daemon.idle_exit_seconds", a.idle_exit.map(|n| n.to_string()), "--idle-exit"),
            ("executor.threads", a.threads.map(|n| n.to_string()), "--threads"),
            ("log.format", a.log_format.clone(), "--log-format"),
            ("log.level", a.log_level.clone(), "--log-level"),
        ];
        for (key, value, flag) in single {
            if let Some(value) = value {
                layers.put_text(key, &value, Origin::Flag(flag))?;
            }
        }
        for pair in &a.set {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            layers.put_text(key, value, Origin::Flag("--set"))?;
        }
        Ok(())
    }
}

impl Layers {
    fn defaults() -> Self {
        Self { values: KEYS.iter().map(|k| (k.name, (k.default_value(), Origin::Default))).collect() }
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let read = |source| ConfigError::Read { path: path.into(), source };
        let text = std::fs::read_to_string(path).map_err(read)?;
        let table: Table = toml::from_str(&text).map_err(|e| ConfigError::Syntax {
            path: path.into(),
            text: e.to_string().trim_end().to_owned(),
        })?;
        self.put_table("", table, &Origin::File(path.into()))
    }

    fn put_table(&mut self, prefix: &str, table: Table, origin: &Origin) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            match value {
                Value::Table(inner) => self.put_table(&key, inner, origin)?,
                value => self.put(&key, value, origin.clone())?,
            }
        }
        Ok(())
    }

    fn put_text(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let known = find(key, &origin)?;
        let value = known.parse(text).map_err(|text| ConfigError::Value {
            key: key.into(),
            origin: origin.clone(),
            text,
        })?;
        self.put(key, value, origin)
    }

    fn put(&mut self, key: &str, value: Value, origin: Origin) -> Result<(), ConfigError> {
        let known = find(key, &origin)?;
        let value = known.accept(value).map_err(|text| ConfigError::Value {
            key: key.into(),
            origin: origin.clone(),
            text,
        })?;
        self.values.insert(known.name, (value, origin));
        Ok(())
    }

    /// The typed configuration.
    ///
    /// # Errors
    /// A value of the wrong type, which the checks before should have found.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let mut root = Table::new();
        for (name, (value, _)) in &self.values {
            let (section, key) = name.split_once('.').unwrap_or(("", name));
            let table = root.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(t) = table {
                t.insert(key.into(), value.clone());
            }
        }
        root.try_into()
            .map_err(|e: toml::de::Error| ConfigError::Syntax { path: PathBuf::new(), text: e.to_string() })
    }

    /// All values as TOML, each with its origin and meaning.
    pub fn print(&self) -> String {
        let (mut out, mut section) = (String::new(), "");
        for k in KEYS {
            let Some((value, origin)) = self.values.get(k.name) else { continue };
            let (head, key) = k.name.split_once('.').unwrap_or(("", k.name));
            if head != section {
                let gap = if section.is_empty() { "" } else { "\n" };
                let _ = writeln!(out, "{gap}[{head}]");
                section = head;
            }
            let _ = writeln!(out, "{key} = {value}  # {origin}: {}", k.help);
        }
        out
    }

    /// These values with what a reload applies of `loaded`; the rest stays as it was at the start.
    pub fn reloaded(&self, loaded: &Self) -> Self {
        let mut next = self.clone();
        for k in KEYS.iter().filter(|k| k.reloads) {
            if let Some(value) = loaded.values.get(k.name) {
                next.values.insert(k.name, value.clone());
            }
        }
        next
    }

    /// The keys whose values differ and which a reload does not apply.
    pub fn needs_restart(&self, other: &Self) -> Vec<&'static str> {
        let differs =
            |k: &&Key| self.values.get(k.name).map(|v| &v.0) != other.values.get(k.name).map(|v| &v.0);
        KEYS.iter().filter(|k| !k.reloads).filter(differs).map(|k| k.name).collect()
    }
}

fn find(key: &str, origin: &Origin) -> Result<&'static Key, ConfigError> {
    Key::find(key).ok_or_else(|| {
        let last = key.rsplit('.').next().unwrap_or(key);
        let alike = KEYS.iter().find(|k| {
            let known = k.name.rsplit('.').next().unwrap_or(k.name);
            known.starts_with(last) || last.starts_with(known)
        });
        let hint = alike.map(|k| format!("; did you mean {}?", k.name)).unwrap_or_default();
        ConfigError::Unknown { key: key.into(), origin: origin.clone(), hint }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(text: &str) -> Result<Layers, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        std::fs::write(&path, text).unwrap();
        Loader::new(&Args { config: Some(path), ..Default::default() }).load()
    }

    #[test]
    fn flags_win_over_the_file_and_origins_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        std::fs::write(&path, "[limits]\npixels = 5\nframes = 6\n").unwrap();
        let args = Args { config: Some(path), set: vec!["limits.frames=7".into()], ..Default::default() };
        let layers = Loader::new(&args).load().unwrap();
        let config = layers.config().unwrap();
        assert_eq!((config.limits.pixels, config.limits.frames), (5, 7));
        let text = layers.print();
        assert!(text.contains("frames = 7  # --set"), "{text}");
        assert!(text.contains("pixels = 5  # /"), "{text}");
        assert!(text.contains("streams = 64  # default"), "{text}");
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let text = |t: &str| from_file(t).unwrap_err().to_string();
        assert!(text("[limits]\npixel = 5\n").contains("unknown key limits.pixel"));
        assert!(text("[limits]\npixel = 5\n").contains("did you mean limits.pixels?"));
        assert!(
            text("[limits]\npixels = \"x\"\n").contains("an integer")
                || text("[limits]\npixels = \"x\"\n").contains("integer is wanted")
        );
        assert!(text("limits = [").contains("c.toml"));
        assert!(text("[wrong]\nkey = 1\n").contains("unknown key wrong.key"));
    }
}
