//! What `squeeze bench` may be asked for.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum, ValueHint};
use serde_json::{Map, Value};
use squeezed_client::{Effort, JobOptions};

use super::mix::Mix;
use super::sample::Class;
use super::texture::Format;

/// What to send, and how much of it.
#[derive(Debug, Clone, Default, Args)]
pub struct Bench {
    /// Images, or folders of them, to send [default: pictures made at the start]
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// How many requests to send; in a scenario, how many small ones [default: 200, or as the scenario needs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub requests: Option<u64>,
    /// Send no more after this time
    #[arg(long, value_name = "SECONDS", value_parser = crate::values::seconds)]
    pub duration: Option<f64>,
    /// Connections [default: 8]
    #[arg(short, long, value_name = "C", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub concurrency: Option<u16>,
    /// Requests at once on each connection [default: 1]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub streams: Option<u16>,
    /// How often each class has its turn [default: light=9,heavy=1]
    #[arg(long, value_name = "light=W,heavy=W")]
    pub mix: Option<Mix>,
    /// PATHs of at least this many bytes are heavy [default: those of a million pixels]
    #[arg(long, value_name = "BYTES", requires = "paths")]
    pub heavy_from: Option<u64>,
    /// What the heavy pictures are stored as, where they are made [default: jpeg]
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "paths")]
    pub heavy_format: Option<Format>,
    /// Options of light requests by the protocol's names, as quality=80,effort=fast
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = options)]
    pub light_options: Option<Asked>,
    /// Options of heavy requests [default: effort=best]
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = options)]
    pub heavy_options: Option<Asked>,
    /// Send the same request again and again, which lets the daemon share runs and answer from its cache
    #[arg(long)]
    pub same: bool,
    /// Measure a situation that the daemon promises to master, and say whether it does
    #[arg(
        long,
        value_enum,
        value_name = "NAME",
        conflicts_with_all = ["paths", "duration", "concurrency", "streams", "mix", "same"]
    )]
    pub scenario: Option<ScenarioName>,
    /// End with 1 where a scenario does not show what it must
    #[arg(long, requires = "scenario")]
    pub check: bool,
}

/// `--scenario`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScenarioName {
    /// 4 JPEG requests at once: all get on, in CPU time / cores
    Jpeg4,
    /// Small requests beside a search for a WebP quality
    WebpSearch,
    /// How soon a PNG starts while every core encodes
    HeavyPng,
    /// 100 requests, 10 at a time, against one for each core
    Mixed100,
    /// Small requests beside 4 endless encodes, and what they cost those
    SmallUnderHeavy,
    /// All of them
    All,
}

/// Options as they were named, so that defaults can stand where nothing was.
pub type Asked = Map<String, Value>;

/// Reads `quality=80,effort=best`.
fn options(text: &str) -> Result<Asked, String> {
    let mut asked = Asked::new();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        let (name, value) = part.split_once('=').ok_or("write it as quality=80,effort=fast")?;
        let value = Value::from_str(value).unwrap_or_else(|_| Value::from(value));
        asked.insert(name.trim().to_owned(), value);
    }
    job_options(&asked)?;
    Ok(asked)
}

fn job_options(asked: &Asked) -> Result<JobOptions, String> {
    let options: JobOptions =
        serde_json::from_value(Value::Object(asked.clone())).map_err(|e| e.to_string())?;
    options.validate()?;
    Ok(options)
}

impl Bench {
    /// What is asked of the daemon for a class.
    ///
    /// # Errors
    /// When a default and what was named cannot both be.
    pub fn options(&self, class: Class) -> Result<JobOptions, String> {
        let asked = match class {
            Class::Light => &self.light_options,
            Class::Heavy => &self.heavy_options,
        };
        let mut options = job_options(asked.as_ref().unwrap_or(&Asked::new()))?;
        if class == Class::Heavy && asked.as_ref().is_none_or(|a| !a.contains_key("effort")) {
            options.effort = Effort::Best;
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_go_by_the_names_of_the_protocol() {
        let bench = Bench {
            heavy_options: Some(options("quality=80,metadata=display").unwrap()),
            ..Bench::default()
        };
        let heavy = bench.options(Class::Heavy).unwrap();
        assert_eq!((heavy.quality, heavy.effort), (Some(80), Effort::Best));
        assert_eq!(bench.options(Class::Light).unwrap(), JobOptions::default());
        let bench = Bench { heavy_options: Some(options("effort=fast").unwrap()), ..Bench::default() };
        assert_eq!(bench.options(Class::Heavy).unwrap().effort, Effort::Fast);
        for bad in ["quality", "quality=0", "qualty=80", "effort=most", "max_reduction=5,min_savings=10"] {
            assert!(options(bad).is_err(), "{bad}");
        }
    }
}
