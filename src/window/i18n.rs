//! Texts in the person's language, with values put into them.

pub(crate) use gettextrs::{gettext, ngettext};

/// A translated text in which `{name}` stands for a value.
pub(crate) fn gettext_f(text: &str, values: &[(&str, &str)]) -> String {
    fill(gettext(text), values)
}

/// A translated text for a number of things, in which `{name}` stands for a value.
pub(crate) fn ngettext_f(one: &str, many: &str, number: u32, values: &[(&str, &str)]) -> String {
    fill(ngettext(one, many, number), values)
}

/// Puts values in their places, each once: a value that looks like a place stays as it is.
fn fill(text: String, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find('{') {
        let (before, place) = rest.split_at(start);
        filled.push_str(before);
        let value = place.find('}').and_then(|end| {
            let (_, value) = values.iter().find(|(name, _)| *name == &place[1..end])?;
            Some((*value, end + 1))
        });
        let (shown, length) = value.unwrap_or(("{", 1));
        filled.push_str(shown);
        rest = &place[length..];
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_their_places() {
        let values = [("name", "web {count}"), ("count", "3")];
        assert_eq!(fill("“{name}” has {count}".to_owned(), &values), "“web {count}” has 3");
        assert_eq!(fill("{unknown} {".to_owned(), &values), "{unknown} {");
    }
}
