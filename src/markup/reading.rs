//! Reads a text into elements with their places.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::{resolve_xml_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::{Attribute, DEEPEST, Element, LONGEST, MOST, MarkupError};

/// The byte order mark, which quick-xml takes away before it counts.
const MARK: &str = "\u{feff}";

/// What `xml:` stands for everywhere (Namespaces in XML 1.0, 3).
const XML: &str = "http://www.w3.org/XML/1998/namespace";

pub(super) fn read(text: &str) -> Result<Vec<Element>, MarkupError> {
    if text.len() > LONGEST {
        return Err(MarkupError::TooLong(text.len()));
    }
    let body = text.strip_prefix(MARK).unwrap_or(text);
    if let Some((at, letter)) = body.char_indices().find(|(at, letter)| !is_allowed(*letter, *at)) {
        let words = format!("the character {letter:?} does not belong here");
        return Err(MarkupError::Syntax { at, words });
    }
    let mut reading =
        Reading { text, offset: text.len() - body.len(), elements: Vec::new(), open: Vec::new() };
    let mut reader = Reader::from_str(body);
    reader.config_mut().enable_all_checks(true);
    loop {
        let from = reading.offset + position(reader.buffer_position());
        let event = reader.read_event();
        let to = reading.offset + position(reader.buffer_position());
        let event = event.map_err(|error| {
            let at = reading.offset + position(reader.error_position());
            MarkupError::Syntax { at, words: error.to_string() }
        })?;
        if matches!(event, Event::Eof) {
            return reading.finish();
        }
        reading.take_in(&event, from..to)?;
    }
}

/// What may be in a text at all (XML 1.0, 2.2), a byte order mark only before it.
fn is_allowed(letter: char, at: usize) -> bool {
    match letter {
        '\t' | '\n' | '\r' => true,
        '\u{feff}' => at > 0,
        '\u{fffe}' | '\u{ffff}' => false,
        letter => letter >= ' ',
    }
}

fn position(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

struct Reading<'t> {
    text: &'t str,
    /// Where quick-xml's counting begins.
    offset: usize,
    elements: Vec<Element>,
    /// Those whose end tag is still to come.
    open: Vec<usize>,
}

impl Reading<'_> {
    fn take_in(&mut self, event: &Event<'_>, place: Range<usize>) -> Result<(), MarkupError> {
        match event {
            Event::Start(start) => {
                let index = self.begin(start, place)?;
                self.open.push(index);
                if self.open.len() > DEEPEST {
                    return Err(MarkupError::TooDeep);
                }
            }
            Event::Empty(start) => _ = self.begin(start, place)?,
            Event::End(_) => {
                // That there is one, and that it has this name, quick-xml has seen to.
                if let Some(element) = self.open.pop().and_then(|index| self.elements.get_mut(index)) {
                    element.closing = Some(place);
                }
            }
            Event::Text(_) => self.write(place.clone(), &self.text[place])?,
            Event::CData(_) => {
                let inside = self.text[place.clone()].strip_prefix("<![CDATA[");
                let inside = inside.and_then(|text| text.strip_suffix("]]>")).unwrap_or_default();
                self.write(place, inside)?;
            }
            Event::GeneralRef(reference) => {
                let resolved = resolve(reference, place.start)?;
                self.write(place, &resolved)?;
            }
            Event::Decl(declaration) => {
                if let Some(Ok(encoding)) = declaration.encoding()
                    && !["utf-8", "us-ascii"].iter().any(|fine| encoding.eq_ignore_ascii_case(fine))
                {
                    return Err(MarkupError::Encoding(format!("it says that it is {encoding}")));
                }
            }
            Event::DocType(_) => return Err(MarkupError::DocumentType),
            Event::Comment(_) | Event::PI(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn begin(&mut self, start: &BytesStart<'_>, opening: Range<usize>) -> Result<usize, MarkupError> {
        if self.elements.len() == MOST {
            return Err(MarkupError::TooMany);
        }
        let parent = self.open.last().copied();
        if parent.is_none() && !self.elements.is_empty() {
            return Err(MarkupError::Outside);
        }
        let name = self.place_of(start.name().into_inner())?;
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute
                .map_err(|error| MarkupError::Syntax { at: opening.start, words: error.to_string() })?;
            attributes.push(self.attribute(attribute.key.into_inner(), &attribute.value)?);
        }
        let index = self.elements.len();
        let mut element = Element {
            name: name.clone(),
            namespace: None,
            attributes,
            opening,
            closing: None,
            text: String::new(),
            parent,
            children: Vec::new(),
        };
        element.namespace = self.namespace(&element, &self.text[name], true)?;
        for at in 0..element.attributes.len() {
            let name = element.attributes[at].name.clone();
            element.attributes[at].namespace = self.namespace(&element, &self.text[name], false)?;
        }
        self.elements.push(element);
        if let Some(parent) = parent {
            self.elements[parent].children.push(index);
        }
        Ok(index)
    }

    fn attribute(&self, key: &str, raw: &str) -> Result<Attribute, MarkupError> {
        let (name, raw) = (self.place_of(key)?, self.place_of(raw)?);
        let value = unescape(&self.text[raw.clone()]).map_err(|error| {
            let words = error.to_string();
            MarkupError::Syntax { at: raw.start, words }
        })?;
        Ok(Attribute { name, namespace: None, value: value.into_owned(), raw })
    }

    /// Where in the text a part of it stands: quick-xml lends what it reads from a string.
    fn place_of(&self, part: &str) -> Result<Range<usize>, MarkupError> {
        let start = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        let place = start..start.saturating_add(part.len());
        match self.text.get(place.clone()) {
            Some(found) if found == part => Ok(place),
            _ => Err(MarkupError::Syntax { at: 0, words: format!("'{part}' was not read where it stands") }),
        }
    }

    /// What the prefix of a name stands for on an element that is about to be added. Names without
    /// one have the default namespace if they are an element's, and none if an attribute's.
    fn namespace(&self, on: &Element, name: &str, default: bool) -> Result<Option<String>, MarkupError> {
        let prefix = match name.split_once(':') {
            Some(("xml", _)) => return Ok(Some(XML.to_owned())),
            Some(("xmlns", _)) => return Ok(None),
            Some((prefix, _)) => Some(prefix),
            None if default => None,
            None => return Ok(None),
        };
        let mut next = Some(on);
        while let Some(element) = next {
            let declared = element.attributes.iter().find(|attribute| {
                let name = &self.text[attribute.name.clone()];
                match prefix {
                    Some(prefix) => name.strip_prefix("xmlns:") == Some(prefix),
                    None => name == "xmlns",
                }
            });
            if let Some(declared) = declared {
                return Ok(Some(declared.value.clone()).filter(|uri| !uri.is_empty()));
            }
            next = element.parent.map(|parent| &self.elements[parent]);
        }
        prefix.map_or(Ok(None), |prefix| Err(MarkupError::Prefix(prefix.to_owned())))
    }

    fn write(&mut self, place: Range<usize>, text: &str) -> Result<(), MarkupError> {
        match self.open.last() {
            Some(&index) => {
                self.elements[index].text.push_str(text);
                Ok(())
            }
            None if self.text[place].trim().is_empty() => Ok(()),
            None => Err(MarkupError::Outside),
        }
    }

    fn finish(self) -> Result<Vec<Element>, MarkupError> {
        if let Some(element) = self.open.last().map(|&index| &self.elements[index]) {
            let name = &self.text[element.name.clone()];
            let words = format!("<{name}> has no end");
            return Err(MarkupError::Syntax { at: element.opening.start, words });
        }
        if self.elements.is_empty() { Err(MarkupError::Empty) } else { Ok(self.elements) }
    }
}

fn resolve(reference: &BytesRef<'_>, at: usize) -> Result<String, MarkupError> {
    let syntax = |words: String| MarkupError::Syntax { at, words };
    if let Some(letter) = reference.resolve_char_ref().map_err(|error| syntax(error.to_string()))? {
        return Ok(letter.into());
    }
    let name = reference.as_ref();
    resolve_xml_entity(name).map(str::to_owned).ok_or_else(|| MarkupError::Entity(name.to_owned()))
}
