//! `squeeze plugins`: what the daemon can handle, and by whom.

use squeezed_client::PluginRow;

use crate::args::Global;
use crate::exit::Exit;
use crate::link::Link;
use crate::stdio;

/// Lists the plugins.
///
/// # Errors
/// When no daemon answers.
pub async fn run(global: Global) -> anyhow::Result<Exit> {
    let client = Link::open(&global).await?.get().await.client;
    let rows = client.plugins().await.map_err(|e| Exit::Failed.because(e.to_string()))?;
    let text = if global.json {
        rows.iter().filter_map(|row| serde_json::to_string(row).ok()).map(|l| l + "\n").collect()
    } else {
        table(&rows)
    };
    stdio::print(text.as_bytes()).map_err(|e| Exit::Unwritable.because(format!("stdout: {e}")))?;
    Ok(Exit::Ok)
}

fn table(rows: &[PluginRow]) -> String {
    let mut lines: Vec<[String; 5]> =
        vec![["PLUGIN", "VERSION", "FORMATS", "LICENCE", "CODECS"].map(str::to_owned)];
    for row in rows {
        let formats: Vec<&str> = row.formats.iter().map(|f| f.name.as_str()).collect();
        let (id, version, licence) = (row.id.clone(), row.version.clone(), row.licence.clone());
        lines.push([id, version, formats.join(" "), licence, row.codecs.clone()]);
    }
    let width = |column: usize| {
        lines.iter().filter_map(|l| l.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use squeezed_client::FormatInfo;

    #[test]
    fn columns_line_up() {
        let format = |name: &str| FormatInfo { name: name.into(), mime: String::new(), extensions: vec![] };
        let row = |id: &str, formats: &[&str], licence: &str| PluginRow {
            id: id.into(),
            version: "0.1.0".into(),
            licence: licence.into(),
            codecs: "some 1.2".into(),
            formats: formats.iter().map(|f| format(f)).collect(),
            capabilities: vec![],
            path: None,
        };
        let rows =
            [row("jpeg", &["jpeg"], "MIT OR Apache-2.0"), row("png", &["png", "apng"], "GPL-3.0-or-later")];
        insta::assert_snapshot!(table(&rows));
    }
}
