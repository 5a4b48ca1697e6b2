//! An element of a document: what it says, and the splices that change it.

use std::fmt;
use std::ops::Range;

use super::patch::escaped;
use super::{Document, Element, Fragment, Splice};

/// How much deeper an element stands where nothing tells: as libvirt writes.
const STEP: &str = "  ";

/// An element of a document.
#[derive(Clone, Copy)]
pub struct Node<'d> {
    document: &'d Document,
    index: usize,
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.index == other.index
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slice(self.element().opening.clone()))
    }
}

impl<'d> Node<'d> {
    pub(super) fn new(document: &'d Document, index: usize) -> Self {
        Self { document, index }
    }

    /// Its name without a prefix.
    pub fn name(self) -> &'d str {
        let name = self.slice(self.element().name.clone());
        name.split_once(':').map_or(name, |(_, local)| local)
    }

    /// The namespace that it is in.
    pub fn namespace(self) -> Option<&'d str> {
        self.element().namespace.as_deref()
    }

    /// Whether it has this name and no namespace.
    pub fn is(self, name: &str) -> bool {
        self.namespace().is_none() && self.name() == name
    }

    /// Whether it has this name in this namespace.
    pub fn is_in(self, namespace: &str, name: &str) -> bool {
        self.namespace() == Some(namespace) && self.name() == name
    }

    /// The elements directly in it.
    pub fn children(self) -> impl DoubleEndedIterator<Item = Self> + 'd {
        self.element().children.iter().map(move |&index| Self { document: self.document, index })
    }

    /// Those of them with this name and no namespace.
    pub fn all<'n>(self, name: &'n str) -> impl DoubleEndedIterator<Item = Self> + use<'d, 'n> {
        self.children().filter(move |child| child.is(name))
    }

    /// The first of them.
    pub fn child(self, name: &str) -> Option<Self> {
        self.all(name).next()
    }

    /// The element that it is in.
    pub fn parent(self) -> Option<Self> {
        self.element().parent.map(|index| Self { document: self.document, index })
    }

    /// An attribute without a namespace, references resolved.
    pub fn attribute(self, name: &str) -> Option<&'d str> {
        let document = self.document;
        let found =
            self.element().attributes.iter().find(|attribute| document.text[attribute.name.clone()] == *name);
        found.map(|attribute| attribute.value.as_str())
    }

    /// What stands directly in it, without blanks around it.
    pub fn text(self) -> &'d str {
        self.element().text.trim()
    }

    /// Where it stands, from its first byte to behind its last.
    pub fn place(self) -> Range<usize> {
        let element = self.element();
        element.opening.start..element.closing.as_ref().map_or(element.opening.end, |closing| closing.end)
    }

    /// The prefix that stands for a namespace in it and what it is in.
    pub fn prefix_of(self, namespace: &str) -> Option<&'d str> {
        let declared = self.prefixes().find(|(_, uri)| *uri == namespace).map(|(prefix, _)| prefix);
        declared.or_else(|| self.parent().and_then(|parent| parent.prefix_of(namespace)))
    }

    /// The prefixes that it declares, and what they stand for.
    pub fn prefixes(self) -> impl Iterator<Item = (&'d str, &'d str)> {
        self.element().attributes.iter().filter_map(move |attribute| {
            let prefix = self.slice(attribute.name.clone()).strip_prefix("xmlns:")?;
            Some((prefix, attribute.value.as_str()))
        })
    }

    /// Gives an attribute a value; nothing where it has it.
    pub fn set(self, name: &str, value: &str) -> Option<Splice> {
        let element = self.element();
        let found = element.attributes.iter().find(|attribute| *self.slice(attribute.name.clone()) == *name);
        if let Some(attribute) = found {
            let same = attribute.value == value;
            return (!same).then(|| self.splice(attribute.raw.clone(), escaped(value)));
        }
        // Behind the closing quote of the last attribute, or the name.
        let at = element.attributes.last().map_or(element.name.end, |last| last.raw.end + 1);
        Some(self.splice(at..at, format!(" {name}='{}'", escaped(value))))
    }

    /// Takes it away, with its line if it has one to itself.
    pub fn remove(self) -> Splice {
        let Range { start, end } = self.place();
        let rest = self.document.text[end..].trim_start_matches([' ', '\t']);
        let ends_line = rest.is_empty() || rest.starts_with(['\n', '\r']) || rest.starts_with("</");
        let from = self.line().filter(|_| ends_line).map_or(start, |line| start - line.len());
        self.splice(from..end, String::new())
    }

    /// Puts another element in its place.
    pub fn replace(self, with: &Fragment) -> Splice {
        let mut text = String::new();
        with.write(&mut text, self.line().unwrap_or_default(), self.step());
        self.splice(self.place(), text)
    }

    /// Puts an element into it, behind that child, or before every other.
    pub fn insert(self, after: Option<Self>, fragment: &Fragment) -> Splice {
        self.insert_all(after, std::slice::from_ref(fragment))
    }

    /// Puts elements into it, behind that child, or before every other.
    pub fn insert_all(self, after: Option<Self>, fragments: &[Fragment]) -> Splice {
        let element = self.element();
        let step = self.step();
        if let Some(after) = after {
            let line = after.line().unwrap_or_default();
            let at = after.place().end;
            return self.splice(at..at, written(fragments, line, step));
        }
        if let Some(first) = self.children().next() {
            let line = first.line().unwrap_or_default();
            // Comments before the first child go on standing before it.
            let at = first.place().start - line.len();
            return self.splice(at..at, written(fragments, line, step));
        }
        let end = self.line().unwrap_or(if self.parent().is_none() { "\n" } else { "" });
        let line = if end.is_empty() { String::new() } else { format!("{end}{step}") };
        let mut text = written(fragments, &line, step);
        let Some(closing) = &element.closing else {
            let name = self.slice(element.name.clone());
            text.insert(0, '>');
            text.push_str(&format!("{end}</{name}>"));
            return self.splice(element.opening.end - 2..element.opening.end, text);
        };
        if !self.document.text[element.opening.end..closing.start].contains('\n') {
            text.push_str(end);
        }
        self.splice(element.opening.end..element.opening.end, text)
    }

    /// The line break and the blanks right before it, if it begins a line.
    fn line(self) -> Option<&'d str> {
        let before = &self.document.text[..self.place().start];
        let broken = before.trim_end_matches([' ', '\t']).strip_suffix('\n')?;
        let broken = broken.strip_suffix('\r').unwrap_or(broken);
        Some(&before[broken.len()..])
    }

    /// How much deeper its children stand than itself.
    fn step(self) -> &'d str {
        let own = self.line().map_or("", |line| line.trim_start_matches(['\r', '\n']));
        let child = self.children().find_map(Self::line).map(|line| line.trim_start_matches(['\r', '\n']));
        let step = child.and_then(|child| child.strip_prefix(own)).filter(|step| !step.is_empty());
        step.or_else(|| self.parent().map(Self::step)).unwrap_or(STEP)
    }

    fn splice(self, place: Range<usize>, inserted: String) -> Splice {
        Splice { at: place.start, removed: self.slice(place).to_owned(), inserted }
    }

    fn slice(self, place: Range<usize>) -> &'d str {
        &self.document.text[place]
    }

    fn element(self) -> &'d Element {
        &self.document.elements[self.index]
    }
}

fn written(fragments: &[Fragment], line: &str, step: &str) -> String {
    let mut text = String::new();
    for fragment in fragments {
        text.push_str(line);
        fragment.write(&mut text, line, step);
    }
    text
}
