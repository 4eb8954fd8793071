//! `squeeze inspect`: what images are.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;
use squeezed_client::ImageInfo;

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::link::Link;
use crate::record::{Record, hex_unless_utf8};
use crate::report::Report;
use crate::size::count;
use crate::source::Source;
use crate::stdio::{self, shown};

#[derive(Serialize)]
struct Line<'a> {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    error: Option<&'a Failure>,
    info: Option<&'a ImageInfo>,
}

/// Says what each file is.
///
/// # Errors
/// When no daemon answers.
pub async fn run(global: Global, paths: Vec<PathBuf>) -> anyhow::Result<Exit> {
    let link = Link::open(&global).await?;
    let mut report = Report::default();
    let mut any_read = false;
    for path in paths {
        let answer = look(&link, &path).await;
        any_read |= answer.is_ok();
        if let Err(failure) = &answer {
            report.add(&Record::failed(&path, failure.clone()));
            stdio::say(&format!("squeeze: {}: {failure}", shown(&path)));
        }
        let text = if global.json {
            json(&path, answer.as_ref())
        } else {
            answer.map(|info| human(&path, &info)).unwrap_or_default()
        };
        stdio::print(text.as_bytes()).map_err(|e| Exit::Unwritable.because(format!("stdout: {e}")))?;
    }
    Ok(match report.exit() {
        Exit::Unreadable if any_read => Exit::Failed,
        exit => exit,
    })
}

async fn look(link: &Link, path: &Path) -> Result<ImageInfo, Failure> {
    let client = link.get().await.client;
    let limit = client.hello().limits.image_bytes;
    let named = path.to_path_buf();
    let read = move || -> Result<Bytes, Failure> {
        if named.as_os_str() != "-" {
            return Source::open(&named)?.read(limit);
        }
        let mut bytes = Vec::new();
        io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(|e| Failure::read(&e))?;
        Ok(bytes.into())
    };
    let bytes =
        tokio::task::spawn_blocking(read).await.map_err(|e| Failure::read(&io::Error::other(e)))??;
    Ok(client.inspect(bytes).await?)
}

fn json(path: &Path, answer: Result<&ImageInfo, &Failure>) -> String {
    let line = Line {
        path: path.to_string_lossy().into_owned(),
        path_bytes: hex_unless_utf8(path),
        error: answer.err(),
        info: answer.ok(),
    };
    serde_json::to_string(&line).unwrap_or_else(|_| "{}".into()) + "\n"
}

fn human(path: &Path, info: &ImageInfo) -> String {
    let frames = match (info.frames, info.frames_at_least) {
        (1, false) => String::new(),
        (n, false) => format!(", {n} frames"),
        (n, true) => format!(", {n} frames or more"),
    };
    let alpha = if info.alpha == "none" { String::new() } else { format!(", {} alpha", info.alpha) };
    let mut text = format!(
        "{}: {} {}x{}, {} {} bit{alpha}{frames}\n",
        shown(path),
        info.format,
        info.width,
        info.height,
        info.color,
        info.bits
    );
    if let Some(quality) = info.source_quality {
        text += &format!("  quality: about {quality}\n");
    }
    if info.orientation != 1 {
        text += &format!("  orientation: {}\n", info.orientation);
    }
    if info.frames > 1 {
        let loops =
            if info.loop_count == 0 { "for ever".into() } else { count(info.loop_count.into(), "time") };
        text += &format!("  plays: {loops}\n");
    }
    if !info.flags.is_empty() {
        text += &format!("  flags: {}\n", info.flags.join(", "));
    }
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for label in &info.metadata {
        kinds.entry(&label.kind).or_default().push(&label.name);
    }
    for (kind, names) in kinds {
        text += &format!("  {kind}: {}\n", names.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use squeezed_client::Label;

    #[test]
    fn an_image_in_a_few_lines() {
        let label = |kind: &str, name: &str| Label { kind: kind.into(), name: name.into() };
        let info = ImageInfo {
            format: "png".into(),
            width: 640,
            height: 480,
            frames: 3,
            frames_at_least: false,
            loop_count: 0,
            orientation: 6,
            color: "rgb".into(),
            channels: 4,
            bits: 8,
            alpha: "straight".into(),
            source_quality: Some(80),
            flags: vec!["signed".into()],
            metadata: vec![label("icc", "iCCP"), label("text", "Title"), label("text", "Author")],
        };
        insta::assert_snapshot!(human(Path::new("a.png"), &info));
    }
}
