//! Screenshots: the guest's picture, pixel by pixel, as a file or on the clipboard.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use adw::prelude::*;
use gtk::{gdk, gio, glib};

use super::MachineWindow;
use super::i18n::{gettext, gettext_f};
use crate::frame::Scanout;
use crate::present::readback::Picture;

impl MachineWindow {
    /// Asks where to, and saves what is seen now.
    pub(super) fn save_screenshot(&self) {
        let Some(scanout) = self.scanout() else { return };
        let name = file_name(&self.machine_name(), &now());
        let window = self.downgrade();
        glib::spawn_future_local(async move {
            let picture = gio::spawn_blocking(move || Picture::read(&scanout)).await;
            let Some(window) = window.upgrade() else { return };
            match picture {
                Ok(Ok(picture)) => window.save(picture, &name).await,
                Ok(Err(error)) => window.screenshot_failed(&error.to_string()),
                Err(_) => tracing::error!("reading the picture panicked"),
            }
        });
    }

    /// Puts what is seen now on the clipboard.
    pub(super) fn copy_screenshot(&self) {
        let Some(scanout) = self.scanout() else { return };
        let window = self.downgrade();
        glib::spawn_future_local(async move {
            let picture = gio::spawn_blocking(move || Picture::read(&scanout)).await;
            let Some(window) = window.upgrade() else { return };
            match picture {
                Ok(Ok(picture)) => {
                    window.clipboard().set_texture(&texture(picture));
                    window.toast(&adw::Toast::new(&gettext("Screenshot copied")));
                }
                Ok(Err(error)) => window.screenshot_failed(&error.to_string()),
                Err(_) => tracing::error!("reading the picture panicked"),
            }
        });
    }

    fn scanout(&self) -> Option<Scanout> {
        self.console().and_then(|console| console.frames.current())
    }

    async fn save(&self, picture: Picture, name: &str) {
        let filter = gtk::FileFilter::new();
        filter.set_name(Some(&gettext("PNG Pictures")));
        filter.add_mime_type("image/png");
        filter.add_suffix("png");
        let dialog = gtk::FileDialog::builder()
            .title(gettext("Save Screenshot"))
            .initial_name(name)
            .default_filter(&filter)
            .modal(true)
            .build();
        if let Some(folder) = glib::user_special_dir(glib::UserDirectory::Pictures) {
            dialog.set_initial_folder(Some(&gio::File::for_path(folder)));
        }
        self.view().release_all();
        let file = match dialog.save_future(Some(self)).await {
            Ok(file) => file,
            Err(error) if error.matches(gtk::DialogError::Dismissed) => return,
            Err(error) => return self.screenshot_failed(error.message()),
        };
        let Some(path) = file.path() else {
            return self.screenshot_failed(&gettext("this place takes no files"));
        };
        let target = path.clone();
        match gio::spawn_blocking(move || write(&picture, &target)).await {
            Ok(Ok(())) => self.screenshot_saved(&path),
            Ok(Err(error)) => self.screenshot_failed(&error.to_string()),
            Err(_) => tracing::error!("writing the picture panicked"),
        }
    }

    fn screenshot_saved(&self, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let words = gettext_f("Saved “{name}”", &[("name", &name)]);
        let toast = adw::Toast::builder()
            .title(glib::markup_escape_text(&words))
            .button_label(gettext("Show in _Folder"))
            .build();
        let (window, path) = (self.downgrade(), path.to_owned());
        toast.connect_button_clicked(move |_| show_in_folder(&path, window.upgrade().as_ref()));
        self.toast(&toast);
    }

    fn screenshot_failed(&self, why: &str) {
        let words = gettext_f("No screenshot: {error}", &[("error", why)]);
        self.toast(&adw::Toast::builder().title(glib::markup_escape_text(&words)).timeout(10).build());
    }
}

fn write(picture: &Picture, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    picture.write_png(&mut file)?;
    file.into_inner()?.sync_all()
}

fn show_in_folder(path: &PathBuf, window: Option<&MachineWindow>) {
    let launcher = gtk::FileLauncher::new(Some(&gio::File::for_path(path)));
    launcher.open_containing_folder(window, gio::Cancellable::NONE, |done| {
        if let Err(error) = done {
            tracing::warn!(%error, "the folder cannot be shown");
        }
    });
}

fn texture(picture: Picture) -> gdk::Texture {
    let size = picture.size();
    let stride = size.width as usize * 4;
    let (width, height) = (i32::try_from(size.width), i32::try_from(size.height));
    let (width, height) = width.ok().zip(height.ok()).expect("sides are below MAX_SIDE");
    let bytes = glib::Bytes::from_owned(picture.into_rgba());
    gdk::MemoryTexture::new(width, height, gdk::MemoryFormat::R8g8b8a8, &bytes, stride).upcast()
}

/// The local time, as it stands in file names.
fn now() -> String {
    let now = glib::DateTime::now_local().and_then(|now| now.format("%Y-%m-%d %H-%M-%S"));
    now.map(String::from).unwrap_or_default()
}

/// A file's name for a picture of this machine: without what file systems and portals refuse.
fn file_name(machine: &str, time: &str) -> String {
    let plain = machine.replace(|letter: char| letter == '/' || letter.is_control(), "-");
    let plain = plain.trim().trim_start_matches('.');
    let short: String = plain.chars().take(60).collect();
    let name = if short.is_empty() { "Oriel" } else { &short };
    format!("{name} {time}.png")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_whatever_the_machine_is_called() {
        let time = "2026-11-21 10-22-33";
        assert_eq!(file_name("web", time), "web 2026-11-21 10-22-33.png");
        assert_eq!(file_name("../a/b\n", time), "-a-b- 2026-11-21 10-22-33.png");
        assert_eq!(file_name("", time), "Oriel 2026-11-21 10-22-33.png");
        assert!(file_name(&"ü".repeat(500), time).len() < 255);
    }
}
