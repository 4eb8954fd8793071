//! Parses a packet into elements with resolved names. Bounded in depth, in nodes and in names declared at once, so that no
//! packet costs more than its length lets expect.

use std::collections::HashSet;

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

pub(super) const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";
const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 200_000;
const MAX_DECLARATIONS: usize = 512;

/// An element with its name resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub space: String,
    pub name: String,
    pub attributes: Vec<Attribute>,
    pub children: Vec<Node>,
}

/// An attribute with its name resolved; declarations of namespaces are not among them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Attribute {
    pub space: String,
    pub name: String,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    /// The text of an element that holds nothing else.
    pub fn text(&self) -> Option<&str> {
        match self.children.as_slice() {
            [] => Some(""),
            [Node::Text(t)] => Some(t),
            _ => None,
        }
    }

    /// Whether it is a plain value: no attributes, only text.
    pub fn is_simple(&self) -> bool {
        self.attributes.is_empty() && self.text().is_some()
    }

    fn is(&self, space: &str, name: &str) -> bool {
        self.space == space && self.name == name
    }

    /// Bytes that are equal for equal values, however they were written.
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    fn put(&self, out: &mut Vec<u8>) {
        let mut say = |mark: u8, text: &str| {
            out.push(mark);
            out.extend_from_slice(&(text.len() as u64).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        };
        say(b'<', &self.space);
        say(b':', &self.name);
        let mut sorted: Vec<_> = self.attributes.iter().collect();
        sorted.sort();
        for a in sorted {
            say(b'@', &a.space);
            say(b':', &a.name);
            say(b'=', &a.value);
        }
        for node in &self.children {
            match node {
                Node::Element(e) => e.put(out),
                Node::Text(t) => {
                    out.push(b'"');
                    out.extend_from_slice(&(t.len() as u64).to_le_bytes());
                    out.extend_from_slice(t.as_bytes());
                }
            }
        }
        out.push(b'>');
    }

    /// Drops the indentation between child elements.
    fn tidy(&mut self) {
        if self.children.iter().any(|n| matches!(n, Node::Element(_))) {
            self.children.retain(|n| !matches!(n, Node::Text(t) if t.trim().is_empty()));
        }
    }

    fn add_text(&mut self, text: &str) {
        match self.children.last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text(t)) => t.push_str(text),
            _ => self.children.push(Node::Text(text.into())),
        }
    }
}

/// All properties of a packet in order; `None` where it is not well-formed, not RDF, or beyond the bounds.
pub(super) fn packet(packet: &[u8]) -> Option<Vec<Element>> {
    let text = std::str::from_utf8(packet).ok()?;
    let text = text.trim_matches(|c: char| c == '\0' || c == '\u{feff}' || c.is_whitespace());
    let root = document(text)?;
    let mut all = Vec::new();
    let rdf = if root.is(RDF, "RDF") {
        vec![root]
    } else {
        let (rdf, others) =
            root.children.into_iter().filter_map(element).partition(|e: &Element| e.is(RDF, "RDF"));
        all = others;
        rdf
    };
    if rdf.is_empty() {
        return None;
    }
    for child in rdf.into_iter().flat_map(|r| r.children).filter_map(element) {
        if !child.is(RDF, "Description") {
            all.push(child);
            continue;
        }
        let plain = |a: &Attribute| !a.space.is_empty() && a.space != RDF && a.space != XML;
        all.extend(child.attributes.into_iter().filter(plain).map(|a| {
            let mut e = Element { space: a.space, name: a.name, ..Element::default() };
            e.add_text(&a.value);
            e
        }));
        all.extend(child.children.into_iter().filter_map(element));
    }
    Some(all)
}

fn element(node: Node) -> Option<Element> {
    match node {
        Node::Element(e) => Some(e),
        Node::Text(_) => None,
    }
}

/// The root element of a well-formed document.
fn document(text: &str) -> Option<Element> {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    // The innermost open element is last; each with the number of names it declares.
    let mut open: Vec<(Element, usize)> = Vec::new();
    let mut root = None;
    let (mut nodes, mut declared) = (0usize, 0usize);
    loop {
        nodes += 1;
        if nodes > MAX_NODES {
            return None;
        }
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                if root.is_some() || open.len() >= MAX_DEPTH {
                    return None;
                }
                let (e, names) = start(&reader, &tag, &mut nodes)?;
                declared += names;
                if declared > MAX_DECLARATIONS {
                    return None;
                }
                open.push((e, names));
            }
            Event::End(_) => {
                let (mut e, names) = open.pop()?;
                declared -= names;
                e.tidy();
                match open.last_mut() {
                    Some((parent, _)) => parent.children.push(Node::Element(e)),
                    None => root = Some(e),
                }
            }
            Event::Text(t) => add(&mut open, &t.xml_content().ok()?)?,
            Event::CData(t) => add(&mut open, &t.xml_content().ok()?)?,
            Event::GeneralRef(r) => {
                let text = match r.resolve_char_ref().ok()? {
                    Some(c) => c.to_string(),
                    None => resolve_xml_entity(&r.decode().ok()?)?.to_string(),
                };
                add(&mut open, &text)?;
            }
            Event::Eof => break,
            Event::DocType(_) => return None,
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::Empty(_) => {}
        }
    }
    root.filter(|_| open.is_empty())
}

fn add(open: &mut [(Element, usize)], text: &str) -> Option<()> {
    match open.last_mut() {
        Some((e, _)) => e.add_text(text),
        // Between the outermost tags only space is allowed.
        None => text.trim().is_empty().then_some(())?,
    }
    Some(())
}

/// The element that a start tag opens, and how many names it declares.
fn start(reader: &NsReader<&[u8]>, tag: &BytesStart<'_>, nodes: &mut usize) -> Option<(Element, usize)> {
    let (space, name) = reader.resolve_element(tag.name());
    let mut e = Element { space: owned_space(space)?, name: owned(name.into_inner())?, ..Element::default() };
    let mut names = 0;
    let mut seen = HashSet::new();
    // The reader's own check for equal names takes the square of their number.
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.ok()?;
        *nodes += 1;
        if *nodes > MAX_NODES {
            return None;
        }
        if attribute.key.as_namespace_binding().is_some() {
            names += 1;
            if names > MAX_DECLARATIONS {
                return None;
            }
            continue;
        }
        let (space, name) = reader.resolve_attribute(attribute.key);
        let value = attribute.unescape_value().ok()?.into_owned();
        let a = Attribute { space: owned_space(space)?, name: owned(name.into_inner())?, value };
        if !seen.insert((a.space.clone(), a.name.clone())) {
            return None;
        }
        e.attributes.push(a);
    }
    Some((e, names))
}

fn owned_space(space: ResolveResult<'_>) -> Option<String> {
    match space {
        ResolveResult::Bound(n) => owned(n.into_inner()),
        ResolveResult::Unbound => Some(String::new()),
        ResolveResult::Unknown(_) => None,
    }
}

fn owned(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}
