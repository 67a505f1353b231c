//! The bytes of one manifest file, read into objects and problems.
//!
//! Pure. A document that cannot be used is a problem and leaves the others alone; an unknown field is a problem, and
//! its object is used all the same. Accepted: YAML with several documents, JSON, and `List` kinds.

mod fields;
mod hosts;
mod kinds;
mod names;
mod node;
mod unique_names;

use std::path::Path;

use k8s_crds::{Kind, Object};
use k8s_openapi::ByteString;

pub(crate) use self::names::{is_label, is_subdomain};
use self::{
    kinds::{Known, ListOf},
    node::{Content, Node},
};
use crate::event::Problem;

/// Deepest nesting of lists in lists that is followed.
const LIST_DEPTH_MAX: usize = 4;

/// What one file holds.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    /// Objects of kinds that are read, in the order of the file.
    pub(crate) objects: Vec<Found>,
    /// What is wrong with it.
    pub(crate) problems: Vec<Problem>,
    /// It holds at least one object, of whatever kind.
    pub(crate) has_objects: bool,
    /// Something in it could not be used, so that an object missing from it is not known to be gone.
    pub(crate) is_incomplete: bool,
}

/// An object and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) object: Object,
    /// `FILE:LINE`.
    pub(crate) place: String,
}

/// Reads objects of these kinds from the bytes of the file at `path`; the path only names the place in messages.
pub(crate) fn read(path: &Path, bytes: &[u8], kinds: &[Kind]) -> Manifest {
    let mut reading = Reading { file: path.display().to_string(), kinds, manifest: Manifest::default() };
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(text) {
        Ok(text) if path.extension().is_some_and(|extension| extension == "json") => {
            match node::parse_json(text) {
                Ok(node) => reading.document(&node),
                Err(malformed) => reading.malformed(1, &malformed),
            };
        }
        Ok(text) => {
            for (first_line, document) in documents(text) {
                match node::parse_yaml(document, first_line) {
                    Ok(node) => reading.document(&node),
                    Err(malformed) => reading.malformed(first_line, &malformed),
                }
            }
        }
        Err(error) => {
            let line = 1 + text[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            reading.unusable(line, "it is not UTF-8 text".to_owned(), "save the file as UTF-8".to_owned());
        }
    }
    reading.manifest
}

/// Objects of these kinds in the bytes of the manifest at `path`, and what is wrong with it; a problem does not keep the
/// other objects from being read. The path only names the place in messages, and by `.json` the form.
#[must_use]
pub fn read_objects(path: &Path, bytes: &[u8], kinds: &[Kind]) -> (Vec<Object>, Vec<Problem>) {
    let manifest = read(path, bytes, kinds);
    (manifest.objects.into_iter().map(|found| found.object).collect(), manifest.problems)
}

/// Splits at lines that begin with `---`, which YAML reserves for that even inside scalars; with the line of each start.
fn documents(text: &str) -> Vec<(usize, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let after = line.strip_prefix("---");
        if after.is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t', '\r', '\n'])) {
            documents.push((start_line, &text[start..offset]));
            (start, start_line) = (offset, index + 1);
        }
        offset += line.len();
    }
    documents.push((start_line, &text[start..]));
    documents.retain(|(_, document)| !is_blank(document));
    documents
}

/// Only comments, markers, directives and white space.
fn is_blank(document: &str) -> bool {
    document.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with(['#', '%']) || line == "---" || line == "..."
    })
}

/// A Secret's `stringData` becomes part of its `data`, as in an API server.
fn take_in_text(object: &mut Object) {
    if let Object::Secret(secret) = object
        && let Some(texts) = secret.string_data.take()
    {
        let texts = texts.into_iter().map(|(key, text)| (key, ByteString(text.into_bytes())));
        secret.data.get_or_insert_default().extend(texts);
    }
}

/// One file being read.
struct Reading<'a> {
    file: String,
    kinds: &'a [Kind],
    manifest: Manifest,
}

impl Reading<'_> {
    fn document(&mut self, node: &Node) {
        self.item(node, None, 0);
    }

    /// One object, or a list of them. `list` gives kind and version to items that lack them.
    fn item(&mut self, node: &Node, list: Option<&ListOf<'_>>, depth: usize) {
        let fields = match &node.content {
            Content::Null => return,
            Content::Map(fields) => fields,
            _ => {
                let what = format!("a document must be a map of fields, not {}", node.content.describe());
                return self.unusable(node.line, what, "write one Kubernetes object per document".to_owned());
            }
        };
        self.manifest.has_objects = true;
        let text = |name: &str| {
            let field = fields.iter().find(|field| field.name == name)?;
            if let Content::String(text) = &field.node.content { Some(text.as_str()) } else { None }
        };
        let Some(kind) = text("kind").or(list.map(|list| list.kind)) else {
            let what = "an object without `kind`".to_owned();
            return self.unusable(node.line, what, "add `apiVersion` and `kind`, as kubectl asks for them".to_owned());
        };
        let Some(api_version) = text("apiVersion").or(list.map(|list| list.api_version)) else {
            let what = format!("an object of kind {kind} without `apiVersion`");
            return self.unusable(node.line, what, "add it, as kubectl asks for it".to_owned());
        };
        match kinds::classify(api_version, kind, self.kinds) {
            Known::Read(kind) => self.object(node, kind),
            Known::List(items) if depth < LIST_DEPTH_MAX => {
                let content = fields.iter().find(|field| field.name == "items").map(|field| &field.node.content);
                match content {
                    Some(Content::List(nodes)) => {
                        for node in nodes {
                            self.item(node, items.as_ref(), depth + 1);
                        }
                    }
                    None | Some(Content::Null) => {}
                    Some(_) => {
                        let advice = "write the objects as list entries".to_owned();
                        self.unusable(node.line, format!("`items` of a {kind} must be a list"), advice);
                    }
                }
            }
            Known::List(_) => {
                let advice = "write each object as a document of its own".to_owned();
                self.unusable(node.line, format!("lists in lists deeper than {LIST_DEPTH_MAX}"), advice);
            }
            Known::Ignored => {
                tracing::debug!(file = self.file, line = node.line, kind, "manifest kind is not read");
            }
            Known::NotYet => {
                let advice = "remove it to silence this; the rest of the file is used".to_owned();
                self.problem(node.line, format!("kind {kind} ({api_version}) is not supported yet"), advice);
            }
            Known::Unknown { what, advice } => self.unusable(node.line, what, advice),
        }
    }

    fn object(&mut self, node: &Node, kind: Kind) {
        let (mut object, unknown) = match fields::read(node, kind) {
            Ok(read) => read,
            Err(error) => {
                let line = if error.line == 0 { node.line } else { error.line };
                let what = match error.path.as_str() {
                    "" => format!("{kind}: {}", error.message),
                    path => format!("{kind}: field `{path}`: {}", error.message),
                };
                return self.unusable(line, what, error.advice().to_owned());
            }
        };
        if let Err(reason) = names::check(&object) {
            let advice = "give it a name that an API server takes".to_owned();
            return self.unusable(node.line, format!("{kind}: {reason}"), advice);
        }
        for unknown in unknown {
            let what = format!("{}: unknown field `{}`", object.key(), unknown.path);
            self.problem(unknown.line, what, names::advise(&unknown.name, unknown.known));
        }
        take_in_text(&mut object);
        for upper in hosts::lower(&mut object, node) {
            let (key, path, host) = (object.key(), upper.path, upper.host);
            let what = format!("{key}: field `{path}`: `{host}` has upper-case letters, which Kubernetes refuses");
            self.problem(upper.line, what, format!("write `{}`, which is used", host.to_ascii_lowercase()));
        }
        let place = self.place(node.line);
        self.manifest.objects.push(Found { object, place });
    }

    fn malformed(&mut self, first_line: usize, malformed: &node::Malformed) {
        let what = format!("not well-formed: {}", malformed.message);
        let advice = "correct the file; what it held before stays in force".to_owned();
        self.unusable(malformed.line.unwrap_or(first_line), what, advice);
    }

    fn unusable(&mut self, line: usize, what: String, advice: String) {
        self.manifest.has_objects = true;
        self.manifest.is_incomplete = true;
        self.problem(line, what, advice);
    }

    fn problem(&mut self, line: usize, what: String, advice: String) {
        let place = self.place(line);
        self.manifest.problems.push(Problem { place, what, advice });
    }

    fn place(&self, line: usize) -> String {
        if line == 0 { self.file.clone() } else { format!("{}:{line}", self.file) }
    }
}

#[cfg(test)]
mod tests;
