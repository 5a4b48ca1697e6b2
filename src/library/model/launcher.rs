//! A machine as an entry in the desktop's menu (the desktop entry specification 1.5).

use std::fmt::Write;

/// The name of the file that a machine's entry has.
pub fn file_name(uuid: &str) -> String {
    let plain: String =
        uuid.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
    format!("{}.machine-{plain}.desktop", crate::APP_ID)
}

/// A desktop entry that opens the machine with this UUID on the connection with this URI.
///
/// `program` is what to run, `comment` what the menu says about it.
pub fn desktop_entry(name: &str, comment: &str, program: &str, uri: &str, uuid: &str) -> String {
    let words = [program, "connect", "--libvirt", uri, uuid];
    let command = words.map(quoted).join(" ");
    let mut text = String::from("[Desktop Entry]\nType=Application\nVersion=1.5\n");
    for (key, value) in [("Name", name), ("Comment", comment)] {
        let _ = writeln!(text, "{key}={}", escaped(value));
    }
    let _ = writeln!(text, "Exec={}", escaped(&command));
    let _ = writeln!(text, "Icon={}", crate::APP_ID);
    text.push_str("Terminal=false\nStartupNotify=true\nCategories=System;Emulator;\n");
    text
}

/// A word of a command, as the key `Exec` has it.
fn quoted(word: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in word.chars() {
        match letter {
            '"' | '`' | '$' | '\\' => quoted.extend(['\\', letter]),
            '%' => quoted.push_str("%%"),
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

/// A text, as any key has it: in one line.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            '\r' => escaped.push_str("\\r"),
            ' ' if escaped.is_empty() => escaped.push_str("\\s"),
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}
