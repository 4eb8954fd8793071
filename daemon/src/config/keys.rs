//! Every configuration key: its default, whether a reload applies it, and what it means.

use toml::Value;

use crate::metrics::Listen;

/// A key.
pub struct Key {
    /// Dotted name.
    pub name: &'static str,
    /// Default, in TOML.
    pub default: &'static str,
    /// Whether RELOAD and SIGHUP apply a change; otherwise it needs a restart.
    pub reloads: bool,
    /// What it means.
    pub help: &'static str,
}

const fn key(name: &'static str, default: &'static str, reloads: bool, help: &'static str) -> Key {
    Key { name, default, reloads, help }
}

/// All keys, in the order of `--print-config`.
pub const KEYS: &[Key] = &[
    key("socket.path", "\"\"", false, "where to listen; empty is the first usual place of this user"),
    key("socket.group", "\"\"", false, "group that may connect; empty is this user alone"),
    key("plugins.path", "[]", false, "plugin folders, searched before the built-in ones"),
    key(
        "plugins.builtin_path",
        "true",
        false,
        "search beside the binary, ../lib and /usr/lib/squeezed/plugins",
    ),
    key("plugins.disabled", "[]", false, "plugin ids that are not used"),
    key("plugins.prefer", "[]", false, "format=id, where two plugins handle one format"),
    key("executor.threads", "0", false, "codec threads of each lane; 0 is one for each core"),
    key("executor.heavy_nice", "10", false, "how far heavy jobs are niced below light ones, 1 to 19"),
    key("executor.queue_jobs", "1024", false, "most jobs that wait; more are answered BUSY"),
    key("executor.queue_bytes", "0", false, "most bytes of images that wait; 0 is memory.input_bytes"),
    key("memory.input_bytes", "0", false, "bytes for inputs; 0 is 20 % of what is available at the start"),
    key("memory.work_bytes", "0", false, "bytes for work; 0 is 40 % of what is available at the start"),
    key("cache.enabled", "false", false, "keep results on disk, for the same image asked again"),
    key(
        "cache.dir",
        "\"\"",
        false,
        "where; empty is /var/cache/squeezed for root, else squeezed in $XDG_CACHE_HOME or ~/.cache",
    ),
    key("cache.bytes", "1073741824", false, "most bytes on disk; the least recently used go first"),
    key("limits.image_bytes", "268435456", true, "largest image, in bytes"),
    key("limits.pixels", "100000000", true, "largest canvas, in pixels"),
    key("limits.frames", "4096", true, "most frames of an animation"),
    key("limits.total_pixels", "1000000000", true, "most frames times pixels"),
    key("limits.metadata_bytes", "16777216", true, "most bytes of metadata after decompression"),
    key("limits.streams", "64", true, "most streams open at once on one connection"),
    key("limits.connections", "512", true, "most connections"),
    key("policy.lossy_gain_percent", "5.0", true, "what a lossy result must gain over the best lossless one"),
    key("daemon.idle_exit_seconds", "0", true, "end after this long without a connection; 0 is never"),
    key(
        "daemon.state_dir",
        "\"\"",
        false,
        "where learned costs are kept; empty is the usual place of this user",
    ),
    key("daemon.drain_seconds", "30", true, "how long SIGTERM waits for running jobs"),
    key(
        "metrics.listen",
        "\"\"",
        false,
        "where Prometheus may ask: 127.0.0.1:9187 (loopback only) or unix:/path; empty is nowhere",
    ),
    key("log.format", "\"human\"", false, "human or json"),
    key("log.level", "\"info\"", true, "error, warn, info, debug, or a filter such as squeezed=debug"),
];

impl Key {
    /// The key of this name.
    pub fn find(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|k| k.name == name)
    }

    /// The default as a value.
    pub fn default_value(&self) -> Value {
        parse_toml(self.default).unwrap_or(Value::Boolean(false))
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        match self.name {
            "socket.path" => "SQUEEZED_SOCKET".into(),
            "plugins.path" => "SQUEEZED_PLUGIN_PATH".into(),
            name => format!("SQUEEZED_{}", name.replace('.', "_").to_uppercase()),
        }
    }

    /// Reads a value from text, as it stands in an environment variable or a flag. Lists are separated by `:`.
    ///
    /// # Errors
    /// What form the value must have.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self.default_value() {
            Value::Array(_) => {
                let parts = text.split(':').filter(|p| !p.is_empty());
                Value::Array(parts.map(|p| Value::String(p.into())).collect())
            }
            Value::String(_) => Value::String(text.into()),
            Value::Float(_) => text.parse().map(Value::Float).map_err(|_| "a number is wanted".to_owned())?,
            Value::Integer(_) => {
                text.parse().map(Value::Integer).map_err(|_| "a whole number is wanted".to_owned())?
            }
            _ => text.parse().map(Value::Boolean).map_err(|_| "true or false is wanted".to_owned())?,
        };
        self.accept(value)
    }

    /// Checks that a value has the type of the default and is in range.
    ///
    /// # Errors
    /// What is wanted instead.
    pub fn accept(&self, value: Value) -> Result<Value, String> {
        let value = match (self.default_value(), value) {
            (Value::Float(_), Value::Integer(n)) => Value::Float(n as f64),
            (_, v) => v,
        };
        if !self.default_value().same_type(&value) {
            return Err(format!(
                "a {} is wanted, not a {}",
                self.default_value().type_str(),
                value.type_str()
            ));
        }
        match &value {
            Value::Integer(n) if *n < 0 => Err("a number of at least 0 is wanted".into()),
            Value::Integer(n) if self.name == "executor.threads" && *n > 1024 => {
                Err("at most 1024 is wanted".into())
            }
            Value::Integer(n) if self.name == "memory.input_bytes" && *n != 0 && *n < 4 << 20 => {
                Err("0 or at least 4194304 is wanted".into())
            }
            Value::Integer(n) if self.name == "executor.heavy_nice" && !(1..=19).contains(n) => {
                Err("a number from 1 to 19 is wanted".into())
            }
            Value::Float(f) if !(0.0..=100.0).contains(f) => Err("a number from 0 to 100 is wanted".into()),
            Value::String(s) if self.name == "log.format" && s != "human" && s != "json" => {
                Err("human or json is wanted".into())
            }
            Value::String(s)
                if self.name == "log.level" && tracing_subscriber::EnvFilter::try_new(s).is_err() =>
            {
                Err("error, warn, info, debug or a filter such as squeezed=debug is wanted".into())
            }
            Value::String(s) if self.name == "metrics.listen" => Listen::parse(s).map(|_| value),
            Value::String(s) if self.name == "cache.dir" && !s.is_empty() && !s.starts_with('/') => {
                Err("an absolute path is wanted".into())
            }
            Value::Array(list) if list.iter().any(|v| !v.is_str()) => {
                Err("a list of strings is wanted".into())
            }
            _ => Ok(value),
        }
    }
}

/// One TOML value from its text.
fn parse_toml(text: &str) -> Option<Value> {
    let mut table: toml::Table = toml::from_str(&format!("v = {text}")).ok()?;
    table.remove("v")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_acceptable_and_every_key_named_once() {
        for (i, k) in KEYS.iter().enumerate() {
            assert!(parse_toml(k.default).is_some(), "{}", k.name);
            assert!(k.accept(k.default_value()).is_ok(), "{}", k.name);
            assert!(KEYS[i + 1..].iter().all(|o| o.name != k.name), "{}", k.name);
        }
    }

    #[test]
    fn the_operations_page_lists_every_key_as_it_is() {
        let page = include_str!("../../../docs/operations.md");
        let mut wanted = String::new();
        let mut section = "";
        for k in KEYS {
            let (head, name) = k.name.split_once('.').unwrap();
            if head != section {
                wanted += &format!("{}[{head}]\n", if section.is_empty() { "" } else { "\n" });
                section = head;
            }
            let value = k.default_value();
            wanted += &format!("{name} = {value}  # {}{}\n", k.help, if k.reloads { "" } else { " *" });
        }
        assert!(page.contains(&wanted), "docs/operations.md should have:\n{wanted}");
    }

    #[test]
    fn text_values_follow_the_type_of_the_default() {
        let k = |n| Key::find(n).unwrap();
        assert_eq!(k("limits.pixels").parse("5"), Ok(Value::Integer(5)));
        assert!(k("limits.pixels").parse("-5").is_err());
        assert!(k("limits.pixels").parse("many").is_err());
        assert_eq!(k("plugins.path").parse("/a:/b").unwrap().as_array().unwrap().len(), 2);
        assert!(k("log.format").parse("xml").is_err());
        assert!(k("cache.dir").parse("relative").is_err());
        assert!(k("metrics.listen").parse("0.0.0.0:9187").unwrap_err().contains("127.0.0.1:9187"));
        assert_eq!(k("policy.lossy_gain_percent").accept(Value::Integer(3)), Ok(Value::Float(3.0)));
    }
}
