//! The plugins in use, by the format of an image's first bytes.

use std::sync::Arc;

use squeezed_host::{Plugin, discover};
use squeezed_plugin_api::Format;
use squeezed_protocol::{FormatInfo, PluginRow};

use crate::config::Config;

/// All plugins in use.
pub struct Registry {
    plugins: Vec<Arc<Plugin>>,
    prefer: Vec<(String, String)>,
}

/// A plugin and the one of its formats that an image has.
#[derive(Clone)]
pub struct Handler {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// The format.
    pub format: Format,
}

impl Registry {
    /// Loads every plugin that the configuration names; a bad one is logged and left out.
    pub fn load(config: &Config) -> Self {
        for dir in config.plugin_dirs() {
            match std::fs::read_dir(&dir) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(dir = %dir.display(), "plugin folder cannot be read: {e}");
                }
                _ => {}
            }
        }
        let found = discover(&config.plugin_dirs(), &config.plugins.disabled);
        for refused in &found.refused {
            tracing::warn!(path = %refused.path.display(), "plugin refused: {}", refused.why);
        }
        for path in &found.shadowed {
            tracing::info!(path = %path.display(), "plugin not used: one of the same id was found before");
        }
        let prefer = config.plugins.prefer.iter().filter_map(|p| p.split_once('='));
        let registry = Self {
            plugins: found.plugins.into_iter().map(Arc::new).collect(),
            prefer: prefer.map(|(f, id)| (f.to_owned(), id.to_owned())).collect(),
        };
        for p in &registry.plugins {
            let d = p.description();
            let formats: Vec<&str> = d.formats.iter().map(|f| f.name.as_str()).collect();
            tracing::info!(id = d.id, version = d.version, licence = d.licence, formats = formats.join(","), path = %p.path().display(), "plugin loaded");
        }
        if registry.plugins.is_empty() {
            tracing::warn!(dirs = ?config.plugin_dirs(), "no plugin found: every image will be UNSUPPORTED_FORMAT; set plugins.path");
        }
        registry.log_rivals();
        registry
    }

    fn log_rivals(&self) {
        let all: Vec<(&str, &str)> =
            self.pairs().map(|(p, f)| (f.name.as_str(), p.description().id.as_str())).collect();
        for (i, (format, id)) in all.iter().enumerate() {
            if all[..i].iter().any(|(f, _)| f == format) {
                let winner =
                    self.by_name(format).map(|h| h.plugin.description().id.clone()).unwrap_or_default();
                tracing::info!(
                    format,
                    id,
                    winner,
                    "two plugins handle one format; plugins.prefer can choose"
                );
            }
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (&Arc<Plugin>, &Format)> {
        self.plugins.iter().flat_map(|p| p.description().formats.iter().map(move |f| (p, f)))
    }

    /// The plugin for an image that begins with these bytes.
    pub fn sniff(&self, head: &[u8]) -> Option<Handler> {
        let first = self.pairs().find(|(_, f)| f.matches(head))?;
        self.by_name(&first.1.name)
    }

    /// The plugin for a format: the preferred one, else the first in path order.
    fn by_name(&self, format: &str) -> Option<Handler> {
        let wanted = self.prefer.iter().find(|(f, _)| f == format).map(|(_, id)| id);
        let mut able = self.pairs().filter(|(_, f)| f.name == format);
        let first = able.next()?;
        let chosen = match wanted {
            Some(id) if first.0.description().id != *id => able.find(|(p, _)| p.description().id == *id),
            _ => None,
        };
        let (plugin, format) = chosen.unwrap_or(first);
        Some(Handler { plugin: plugin.clone(), format: format.clone() })
    }

    /// All formats, for HELLO_ACK.
    pub fn formats(&self) -> Vec<FormatInfo> {
        let mut list: Vec<FormatInfo> = Vec::new();
        for (_, f) in self.pairs() {
            if list.iter().all(|known| known.name != f.name) {
                list.push(format_info(f));
            }
        }
        list
    }

    /// All plugins, for the answer to PLUGINS.
    pub fn rows(&self, with_paths: bool) -> Vec<PluginRow> {
        let row = |p: &Arc<Plugin>| {
            let d = p.description();
            PluginRow {
                id: d.id.clone(),
                version: d.version.clone(),
                licence: d.licence.clone(),
                codecs: d.codecs.clone(),
                formats: d.formats.iter().map(format_info).collect(),
                capabilities: d.capabilities.clone(),
                path: with_paths.then(|| p.path().display().to_string()),
            }
        };
        self.plugins.iter().map(row).collect()
    }
}

fn format_info(f: &Format) -> FormatInfo {
    FormatInfo { name: f.name.clone(), mime: f.mime.clone(), extensions: f.extensions.clone() }
}
