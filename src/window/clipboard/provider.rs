//! The guest's text on the desktop's clipboard: fetched when somebody pastes it.

use std::cell::OnceCell;
use std::pin::Pin;
use std::sync::Arc;

use gtk::gdk::subclass::prelude::*;
use gtk::prelude::*;
use gtk::{gdk, gio, glib};

use super::Answer;

/// The types that it comes in.
///
/// No others: of a type without a slash, as `UTF8_STRING`, GDK gives nothing on Wayland
/// (`gdk_intern_mime_type`), and an application that prefers it would paste nothing. On X11 GDK offers
/// those by itself.
const TYPES: [&str; 2] = ["text/plain;charset=utf-8", "text/plain"];

/// Called by whoever pastes.
type Pasted = Box<dyn Fn(Answer)>;

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct GuestText {
        pub(super) pasted: OnceCell<Pasted>,
    }

    impl std::fmt::Debug for GuestText {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("GuestText").finish_non_exhaustive()
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for GuestText {
        const NAME: &'static str = "OrielGuestText";
        type Type = super::GuestText;
        type ParentType = gdk::ContentProvider;
    }

    impl ObjectImpl for GuestText {}

    impl ContentProviderImpl for GuestText {
        fn formats(&self) -> gdk::ContentFormats {
            gdk::ContentFormats::new(&TYPES)
        }

        fn write_mime_type_future(
            &self,
            _mime_type: &str,
            stream: &gio::OutputStream,
            priority: glib::Priority,
        ) -> Pin<Box<dyn Future<Output = Result<(), glib::Error>> + 'static>> {
            let (answer, text) = async_channel::bounded(1);
            if let Some(pasted) = self.pasted.get() {
                pasted(answer);
            }
            let stream = stream.clone();
            Box::pin(async move {
                let text = text.recv().await.ok().flatten();
                let text = text.ok_or_else(|| {
                    glib::Error::new(gio::IOErrorEnum::NotFound, "the machine does not give its text")
                })?;
                let written = stream.write_all_future(Arc::<[u8]>::from(text), priority).await;
                match written {
                    Ok((_, _, None)) => Ok(()),
                    Ok((_, _, Some(error))) | Err((_, error)) => Err(error),
                }
            })
        }
    }
}

glib::wrapper! {
    /// What lies on the desktop's clipboard in the guest's stead.
    pub struct GuestText(ObjectSubclass<imp::GuestText>) @extends gdk::ContentProvider;
}

impl GuestText {
    pub(super) fn new(pasted: impl Fn(Answer) + 'static) -> Self {
        let this: Self = glib::Object::new();
        let fresh = this.imp().pasted.set(Box::new(pasted)).is_ok();
        assert!(fresh, "a new one");
        this
    }
}
