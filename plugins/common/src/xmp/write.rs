//! Writes a packet with given properties, as short as other readers understand it.

use std::collections::BTreeMap;

use super::read::{Element, Node, RDF, XML};
use super::table::PREFIXES;

/// A whole packet. Plain values become attributes of the one description.
pub(super) fn packet(properties: &[Element]) -> Vec<u8> {
    let mut spaces = Spaces::default();
    properties.iter().for_each(|e| spaces.collect(e));
    let mut out = String::from("<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>");
    out.push_str("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"");
    out.push_str(RDF);
    out.push_str("\"><rdf:Description rdf:about=\"\"");
    for (space, prefix) in &spaces.prefixes {
        attribute(&mut out, &format!("xmlns:{prefix}"), space);
    }
    let (simple, rich): (Vec<_>, Vec<_>) = properties.iter().partition(|e| e.is_simple());
    for e in simple {
        attribute(&mut out, &spaces.name(&e.space, &e.name), e.text().unwrap_or_default());
    }
    if rich.is_empty() {
        out.push_str("/>");
    } else {
        out.push('>');
        rich.into_iter().for_each(|e| element(&mut out, &spaces, e));
        out.push_str("</rdf:Description>");
    }
    out.push_str("</rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>");
    out.into_bytes()
}

/// The prefix of each namespace in use.
#[derive(Default)]
struct Spaces {
    prefixes: BTreeMap<String, String>,
}

impl Spaces {
    fn collect(&mut self, e: &Element) {
        self.add(&e.space);
        e.attributes.iter().for_each(|a| self.add(&a.space));
        for node in &e.children {
            if let Node::Element(child) = node {
                self.collect(child);
            }
        }
    }
    fn add(&mut self, space: &str) {
        if !matches!(space, "" | RDF | XML) && !self.prefixes.contains_key(space) {
            let known = PREFIXES.iter().find(|p| p.0 == space).map(|p| p.1.to_string());
            let prefix = known.unwrap_or_else(|| format!("n{}", self.prefixes.len()));
            self.prefixes.insert(space.into(), prefix);
        }
    }
    fn name(&self, space: &str, name: &str) -> String {
        match space {
            "" => name.into(),
            RDF => format!("rdf:{name}"),
            XML => format!("xml:{name}"),
            _ => format!("{}:{name}", self.prefixes.get(space).map_or("", String::as_str)),
        }
    }
}

fn element(out: &mut String, spaces: &Spaces, e: &Element) {
    let name = spaces.name(&e.space, &e.name);
    out.push('<');
    out.push_str(&name);
    for a in &e.attributes {
        attribute(out, &spaces.name(&a.space, &a.name), &a.value);
    }
    if e.children.is_empty() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    for node in &e.children {
        match node {
            Node::Element(child) => element(out, spaces, child),
            Node::Text(text) => escape(out, text, false),
        }
    }
    out.push_str("</");
    out.push_str(&name);
    out.push('>');
}

fn attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value, true);
    out.push('"');
}

fn escape(out: &mut String, text: &str, quoted: bool) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' if quoted => out.push_str("&quot;"),
            // As they stand, readers would make spaces of them, or one line end of two.
            '\n' | '\t' if quoted => out.push_str(&format!("&#{};", c as u32)),
            '\r' | '\u{85}' | '\u{2028}' => out.push_str(&format!("&#{};", c as u32)),
            _ => out.push(c),
        }
    }
}
