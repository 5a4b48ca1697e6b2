//! Programs beside this one: Virtual Machine Manager, the desktop's menu, another Oriel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use gtk::glib;

use crate::library::model::{Key, Launched, desktop_entry, file_name};
use crate::window::i18n::{gettext, gettext_f};

/// Virtual Machine Manager, where it is installed.
pub(super) fn manager() -> Option<PathBuf> {
    glib::find_program_in_path("virt-manager")
}

/// Shows a machine in Virtual Machine Manager, or only that.
pub(super) fn open_manager(key: Option<&Key>) -> Result<(), String> {
    let Some(program) = manager() else {
        return Err(gettext("Virtual Machine Manager is not installed."));
    };
    let mut command = Command::new(program);
    command.args(shown_in_manager(key));
    start(command)
}

/// What Virtual Machine Manager is told to show (virt-manager(1)).
fn shown_in_manager(key: Option<&Key>) -> Vec<&str> {
    match key {
        Some(Key::Domain { uri, uuid }) => vec!["--connect", uri, "--show-domain-editor", uuid],
        _ => Vec::new(),
    }
}

/// Launches what was launched before, in the folder that its paths count from.
pub(super) fn launch(launched: &Launched) -> Result<(), String> {
    if !Path::new(&launched.folder).is_dir() {
        return Err(gettext_f(
            "The folder in which “{name}” was launched is gone: {folder}",
            &[("name", &launched.name), ("folder", &launched.folder)],
        ));
    }
    let mut command = Command::new(own_program()?);
    command.args(["launch", "--"]).args(&launched.command).current_dir(&launched.folder);
    start(command)
}

/// Starts a program that lives on by itself.
fn start(mut command: Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| {
        let error = error.to_string();
        gettext_f("{program} does not start: {error}", &[("program", &program), ("error", &error)])
    };
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map_err(&failed)?;
    // It is taken leave of when it has ended.
    let wait = move || _ = child.wait();
    thread::Builder::new().name("oriel-beside".into()).spawn(wait).map(drop).map_err(failed)
}

/// This very program. Not by its name: another one may be found first.
fn own_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| error.to_string())
}

/// Where a machine's entry in the desktop's menu is, or would be.
pub(super) fn launcher(key: &Key) -> Option<PathBuf> {
    let Key::Domain { uuid, .. } = key else { return None };
    Some(glib::user_data_dir().join("applications").join(file_name(uuid)))
}

/// Puts a machine into the desktop's menu, under this name, or takes it out.
pub(super) fn set_launcher(key: &Key, name: Option<&str>) -> Result<(), String> {
    let (Some(path), Key::Domain { uri, uuid }) = (launcher(key), key) else { return Ok(()) };
    let words = |error: std::io::Error| {
        let path = path.display().to_string();
        gettext_f("{file} cannot be written: {error}", &[("file", &path), ("error", &error.to_string())])
    };
    let Some(name) = name else { return fs::remove_file(&path).map_err(words) };
    // Installed, it is found by its name, also after an update.
    let program = glib::find_program_in_path("oriel").map_or_else(own_program, Ok)?;
    let comment = gettext_f("Virtual machine on {uri}", &[("uri", uri)]);
    let text = desktop_entry(name, &comment, &program.to_string_lossy(), uri, uuid);
    let folder = path.parent().expect("it is below a folder");
    fs::create_dir_all(folder).and_then(|()| fs::write(&path, text)).map_err(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_machine_manager_is_told_connection_and_machine_each_as_one_word() {
        let uuid = "5f0e7c1a-3c1f-4f4e-9f57-6a1d4ac6d0c8";
        for uri in ["qemu:///system", "qemu+ssh://ada@tower/system?command=/opt/my ssh&x='\"$HOME"] {
            let key = Key::Domain { uri: uri.to_owned(), uuid: uuid.to_owned() };
            assert_eq!(shown_in_manager(Some(&key)), ["--connect", uri, "--show-domain-editor", uuid]);
        }
        assert!(shown_in_manager(None).is_empty());
        assert!(shown_in_manager(Some(&Key::Bus { owner: ":1.7".to_owned() })).is_empty());
    }
}
