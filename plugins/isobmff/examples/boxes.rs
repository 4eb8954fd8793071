//! Prints what a file holds; with a second argument writes it again, with a third (`display`) without what may go.

use squeezed_isobmff::{File, facts};
use squeezed_plugin_api::Metadata;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let input = std::fs::read(args.get(1).ok_or("usage: boxes IN [OUT [display]]")?)?;
    let file = File::parse(&input)?;
    println!("brands {} {:?}", file.brands.major.escape_ascii(), file.brands.compatible.len());
    for b in &file.boxes {
        println!("{} at {} of {}", b.kind, b.start, b.whole.len());
    }
    if let Some(meta) = &file.meta {
        println!("primary {:?}", meta.primary);
        for c in &meta.children {
            println!("  {} of {}", c.kind, c.whole.len());
        }
        for i in &meta.items {
            let p = facts::picture(meta, i);
            println!(
                "  item {} {} hidden {} {:?} {:?} size {:?} bits {} x {} orientation {} {:?}",
                i.id,
                i.kind,
                i.hidden,
                i.construction,
                i.extents,
                p.size,
                p.channels,
                p.bits,
                p.orientation,
                p.nclx
            );
        }
        for r in &meta.references {
            println!("  {} from {} to {:?}", r.kind, r.from, r.to);
        }
        for g in &meta.groups {
            println!("  group {} {:?}", g.kind, g.entities);
        }
    }
    if let Some(m) = file.sequence()? {
        println!(
            "sequence loops {} {:?}",
            m.loops(),
            m.tracks.iter().map(|t| (t.samples, t.chunks.len())).collect::<Vec<_>>()
        );
    }
    if !file.trailing.is_empty() {
        println!("trailing {}", file.trailing.len());
    }
    let policy = if args.get(3).is_some() { Metadata::Display } else { Metadata::All };
    let edit = squeezed_isobmff::policy::edit(&file, policy)?;
    squeezed_isobmff::inventory::items(&file, &mut |i| {
        println!("{} {} {}", i.kind.name(), i.name, i.length)
    })?;
    if let Some(out) = args.get(2) {
        std::fs::write(out, file.rewrite(&edit)?)?;
    }
    Ok(())
}
