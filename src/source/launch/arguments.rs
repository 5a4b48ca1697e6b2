//! QEMU's command line as the person wrote it, made ours: one display, and that is us.

use std::ffi::{OsStr, OsString};

use serde_json::Value;
use thiserror::Error;

/// Why a command cannot be started with us as its display.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error(
        "nothing to start: expected QEMU and its arguments, as in 'oriel launch -- qemu-system-x86_64 -m 2G'"
    )]
    Empty,
    #[error("{0} asks for another display; QEMU has one, and here it is Oriel: leave {0} out")]
    OtherDisplay(String),
    #[error(
        "-nographic turns the display off: leave it out, and say '-serial mon:stdio' \
         for the serial port and the monitor in the terminal"
    )]
    NoGraphic,
    #[error("{0} belongs to Oriel: leave it out, and say 'oriel launch --fullscreen'")]
    FullScreen(String),
    #[error(
        "-display dbus,addr=... puts the machine on a bus: start QEMU yourself, then 'oriel connect --bus ADDRESS'"
    )]
    OnABus,
    #[error("-display dbus,p2p=off keeps Oriel out: leave p2p out")]
    NotPeerToPeer,
    #[error("{0} does not work beside '-display dbus,gl=on': leave one of them out")]
    RemoteWithGl(String),
    #[error("-daemonize parts QEMU from Oriel: leave it out, or start QEMU yourself and 'oriel connect'")]
    Daemonize,
    #[error("-display {0} is not understood: expected '-display dbus' with options, or none")]
    Unclear(String),
}

/// What the command says about displays.
#[derive(Debug, Default)]
struct Seen {
    ours: bool,
    gl: bool,
    /// A server for another viewer: QEMU runs it beside us, but not with GL.
    remote: Option<String>,
}

/// Options whose value is free text, which may look like an option.
pub(super) const FREE_TEXT: [&str; 2] = ["append", "name"];

/// Adds what makes us the display. What QEMU's `-help` lists and is not named here stays as it is,
/// monitors of the person's own included.
pub(super) fn complete(arguments: Vec<OsString>) -> Result<Vec<OsString>, Refusal> {
    let mut seen = Seen::default();
    let mut completed = Vec::with_capacity(arguments.len() + 2);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let option = option(&argument).map(str::to_owned);
        let as_typed = argument.to_string_lossy().into_owned();
        completed.push(argument);
        match option.as_deref() {
            Some("display") => {
                let value = arguments.next().unwrap_or_default();
                completed.push(display(&value, &mut seen)?);
            }
            Some("nographic") => return Err(Refusal::NoGraphic),
            Some("daemonize") => return Err(Refusal::Daemonize),
            Some("full-screen") => return Err(Refusal::FullScreen(as_typed)),
            Some("curses" | "sdl") => return Err(Refusal::OtherDisplay(as_typed)),
            Some("vnc" | "spice") => seen.remote = Some(as_typed),
            Some(text) if FREE_TEXT.contains(&text) => completed.extend(arguments.next()),
            _ => {}
        }
    }
    if let (true, Some(remote)) = (seen.gl, seen.remote) {
        return Err(Refusal::RemoteWithGl(remote));
    }
    if !seen.ours {
        completed.extend(["-display", "dbus,p2p=on"].map(OsString::from));
    }
    Ok(completed)
}

/// The name of an option, which QEMU takes with one dash or two.
pub(super) fn option(argument: &OsStr) -> Option<&str> {
    let name = argument.to_str()?.strip_prefix('-')?;
    Some(name.strip_prefix('-').unwrap_or(name))
}

/// The value of `-display`, with `p2p=on` in it.
fn display(value: &OsStr, seen: &mut Seen) -> Result<OsString, Refusal> {
    let Some(text) = value.to_str() else { return Err(Refusal::Unclear(value.to_string_lossy().into())) };
    if text.starts_with('{') {
        return json(text, seen).map(OsString::from);
    }
    let mut parts = split(text).into_iter();
    let kind = parts.next().unwrap_or_default();
    let kind = kind.strip_prefix("type=").unwrap_or(&kind);
    if kind != "dbus" {
        return Err(Refusal::OtherDisplay(format!("-display {kind}")));
    }
    let mut p2p = false;
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((&part, "on"));
        match (key, is_on(value)) {
            ("addr", _) => return Err(Refusal::OnABus),
            ("p2p", true) => p2p = true,
            ("p2p", false) => return Err(Refusal::NotPeerToPeer),
            ("gl", _) => seen.gl = value != "off",
            ("full-screen", true) => return Err(Refusal::FullScreen(part.clone())),
            _ => {}
        }
    }
    seen.ours = true;
    Ok(if p2p { text.into() } else { format!("{text},p2p=on").into() })
}

/// The value of `-display` as JSON, which QEMU takes as well.
fn json(text: &str, seen: &mut Seen) -> Result<String, Refusal> {
    let unclear = || Refusal::Unclear(text.to_owned());
    let mut value: Value = serde_json::from_str(text).map_err(|_| unclear())?;
    let options = value.as_object_mut().ok_or_else(unclear)?;
    match options.get("type").and_then(Value::as_str) {
        Some("dbus") => {}
        Some(other) => return Err(Refusal::OtherDisplay(format!("-display {other}"))),
        None => return Err(unclear()),
    }
    if options.contains_key("addr") {
        return Err(Refusal::OnABus);
    }
    if options.get("p2p") == Some(&Value::Bool(false)) {
        return Err(Refusal::NotPeerToPeer);
    }
    options.insert("p2p".into(), Value::Bool(true));
    seen.gl = options.get("gl").is_some_and(|gl| gl != "off");
    seen.ours = true;
    Ok(value.to_string())
}

/// The parts between commas; a doubled comma is one of the text (QEMU: util/keyval.c).
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, parts.last_mut()) {
            (',', Some(part)) if characters.next_if_eq(&',').is_some() => part.push(','),
            (',', _) => parts.push(String::new()),
            (character, Some(part)) => part.push(character),
            (_, None) => {}
        }
    }
    parts
}

/// QEMU's words for yes (qapi/string-input-visitor.c).
fn is_on(value: &str) -> bool {
    matches!(value, "on" | "yes" | "true" | "y")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> Result<String, Refusal> {
        let arguments = line.split_whitespace().map(OsString::from).collect();
        complete(arguments).map(|arguments| arguments.join(OsStr::new(" ")).into_string().unwrap())
    }

    #[test]
    fn a_display_is_added_where_there_is_none() {
        assert_eq!(completed("-m 2G").unwrap(), "-m 2G -display dbus,p2p=on");
        assert_eq!(
            completed("disk.img -qmp unix:m,server -vnc :1").unwrap(),
            "disk.img -qmp unix:m,server -vnc :1 -display dbus,p2p=on"
        );
    }

    #[test]
    fn a_dbus_display_is_completed() {
        let cases = [
            ("-display dbus", "-display dbus,p2p=on"),
            ("--display dbus,gl=on", "--display dbus,gl=on,p2p=on"),
            ("-display type=dbus,p2p=yes,gl=on", "-display type=dbus,p2p=yes,gl=on"),
            ("-display dbus,rendernode=/a,,addr=b", "-display dbus,rendernode=/a,,addr=b,p2p=on"),
            (r#"-display {"type":"dbus","gl":"on"}"#, r#"-display {"gl":"on","p2p":true,"type":"dbus"}"#),
        ];
        for (typed, expected) in cases {
            assert_eq!(completed(typed).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_would_part_us_from_qemu_is_refused() {
        let cases = [
            ("-display gtk,gl=on", Refusal::OtherDisplay("-display gtk".into())),
            ("-display none", Refusal::OtherDisplay("-display none".into())),
            (r#"-display {"type":"sdl"}"#, Refusal::OtherDisplay("-display sdl".into())),
            ("-display {", Refusal::Unclear("{".into())),
            ("-curses", Refusal::OtherDisplay("-curses".into())),
            ("-m 1G -nographic", Refusal::NoGraphic),
            ("--daemonize", Refusal::Daemonize),
            ("-full-screen", Refusal::FullScreen("-full-screen".into())),
            ("-display dbus,addr=unix:path=/x", Refusal::OnABus),
            (r#"-display {"type":"dbus","addr":"x"}"#, Refusal::OnABus),
            ("-display dbus,p2p=no", Refusal::NotPeerToPeer),
            ("-spice port=1 -display dbus,gl=on", Refusal::RemoteWithGl("-spice".into())),
            ("-display dbus,gl=es -vnc :2", Refusal::RemoteWithGl("-vnc".into())),
        ];
        for (typed, refusal) in cases {
            assert_eq!(completed(typed), Err(refusal));
        }
    }

    #[test]
    fn a_kernels_command_line_is_not_ours() {
        let typed = vec!["-append".into(), "-nographic".into(), "-name".into(), "-display".into()];
        let mut expected = typed.clone();
        expected.extend(["-display", "dbus,p2p=on"].map(OsString::from));
        assert_eq!(complete(typed), Ok(expected));
    }
}
