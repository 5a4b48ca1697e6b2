//! One clipboard of the desktop: what lies there, and what we put there.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use gtk::gdk;
use gtk::glib;
use gtk::prelude::*;

use super::Answer;
use super::provider::GuestText;
use crate::clipboard::{Offer, ReadError, SECRET, TEXT};

/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;

/// How long the owner of a clipboard may take between two of them.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long we wait for what follows from a change: a clipboard loses its owner before it gets another,
/// and on X11 the types come after that.
const SETTLING: Duration = Duration::from_millis(10);
const EMPTY: Duration = Duration::from_millis(100);

/// KDE's mark of a secret, and what it says (KeePassXC, KWallet).
const HINT: (&str, &[u8]) = (SECRET[0], b"secret");

/// What became of a clipboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Somebody copied something.
    Copied(Offer),
    /// This lies there, perhaps for long.
    Seen(Offer),
}

/// One clipboard of the desktop.
pub(super) struct Board {
    inner: Rc<Inner>,
    handler: Option<glib::SignalHandlerId>,
}

struct Inner {
    clipboard: gdk::Clipboard,
    tell: Box<dyn Fn(Change)>,
    /// What we put there.
    ours: RefCell<Option<GuestText>>,
    /// What we are to put there as soon as the person touches the window.
    deferred: RefCell<Option<GuestText>>,
    is_focused: Cell<bool>,
    touch: RefCell<Touch>,
    /// Whether what changed since it was last told was copied just now.
    is_fresh: Cell<bool>,
    settling: RefCell<Option<glib::SourceId>>,
}

/// Whether the person has pressed anything in our window since others put something there.
#[derive(Debug, Default)]
enum Touch {
    #[default]
    Not,
    /// What is heard of until this source runs may have been pressed before: GDK tells of clipboards at
    /// once, and of keys and buttons in its own time.
    Late(glib::SourceId),
    Since,
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").field("clipboard", &self.inner.clipboard).finish_non_exhaustive()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.inner.settle();
        self.inner.set_touch(Touch::Not);
        if let Some(handler) = self.handler.take() {
            self.inner.clipboard.disconnect(handler);
        }
    }
}

impl Board {
    /// Watches a clipboard: `tell` is called with what others put there, and soon with what is there.
    pub(super) fn new(clipboard: gdk::Clipboard, tell: impl Fn(Change) + 'static) -> Self {
        let inner = Rc::new(Inner {
            clipboard: clipboard.clone(),
            tell: Box::new(tell),
            ours: RefCell::default(),
            deferred: RefCell::default(),
            is_focused: Cell::default(),
            touch: RefCell::default(),
            is_fresh: Cell::default(),
            settling: RefCell::default(),
        });
        let weak = Rc::downgrade(&inner);
        let handler = clipboard.connect_changed(move |_| {
            if let Some(inner) = weak.upgrade() {
                inner.changed();
            }
        });
        inner.look_soon();
        Self { inner, handler: Some(handler) }
    }

    /// Whether the person looks: what a Wayland compositor tells of a clipboard before that is old.
    pub(super) fn set_focused(&self, is_focused: bool) {
        let before = self.inner.is_focused.replace(is_focused);
        if !is_focused {
            self.inner.set_touch(Touch::Not);
        } else if !before && self.inner.is_wayland() {
            // What was told a moment ago was told for that: GTK hears of its windows later than GDK does
            // of clipboards.
            self.inner.is_fresh.set(false);
        }
    }

    /// The person pressed something in our window.
    pub(super) fn touch(&self) {
        if matches!(*self.inner.touch.borrow(), Touch::Late(_)) {
            return;
        }
        self.inner.set_touch(Touch::Since);
        if let Some(text) = self.inner.deferred.take() {
            self.inner.claim(text);
        }
    }

    /// Reads what others put there, at most so many bytes.
    pub(super) fn read(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Arc<str>, ReadError>> + use<> + 'static {
        read(self.inner.clipboard.clone(), limit)
    }

    /// Puts the guest's text there; `pasted` is called whenever somebody wants it.
    ///
    /// A Wayland compositor refuses what does not follow from a key or button that was pressed after
    /// the last copy, and does not say so: GDK would believe the clipboard its own, and hear of no
    /// other copy any more. So it waits for the person's next touch, if need be.
    pub(super) fn offer(&self, pasted: impl Fn(Answer) + 'static) {
        let text = GuestText::new(pasted);
        if self.inner.may_claim() {
            self.inner.deferred.take();
            self.inner.claim(text);
        } else {
            self.inner.deferred.replace(Some(text));
        }
    }

    /// Takes it away again.
    pub(super) fn withdraw(&self) {
        if self.inner.deferred.take().is_some() || !self.inner.is_ours() {
            return;
        }
        self.inner.ours.replace(None);
        if let Err(error) = self.inner.clipboard.set_content(gdk::ContentProvider::NONE) {
            tracing::debug!(%error, "the clipboard cannot be emptied");
        }
    }
}

impl Inner {
    fn is_ours(&self) -> bool {
        let content = self.clipboard.content();
        let ours = self.ours.borrow();
        ours.as_ref().is_some_and(|ours| content.as_ref() == Some(ours.upcast_ref()))
    }

    fn is_wayland(&self) -> bool {
        self.clipboard.display().backend().is_wayland()
    }

    fn set_touch(&self, touch: Touch) {
        if let Touch::Late(source) = self.touch.replace(touch) {
            source.remove();
        }
    }

    /// Whether the desktop would let us put something there, as far as can be known.
    fn may_claim(&self) -> bool {
        if !self.is_wayland() {
            return true;
        }
        if matches!(*self.touch.borrow(), Touch::Since) {
            // What others have put there by now is heard of by this.
            self.clipboard.display().sync();
        }
        matches!(*self.touch.borrow(), Touch::Since)
    }

    fn claim(&self, text: GuestText) {
        self.ours.replace(Some(text.clone()));
        if let Err(error) = self.clipboard.set_content(Some(&text)) {
            tracing::warn!(%error, "the desktop does not take what the guest copied");
        }
        // The sooner the compositor has it, the less can come in between.
        self.clipboard.display().flush();
    }

    fn changed(self: &Rc<Self>) {
        self.settle();
        if self.is_ours() {
            return;
        }
        self.touch_anew();
        // X11 tells of a clipboard when it changes, whoever looks.
        if self.is_focused.get() || !self.is_wayland() || self.clipboard.is_local() {
            self.is_fresh.set(true);
        }
        self.look_soon();
    }

    /// Counts what the person presses from now on, when what was pressed before has arrived.
    fn touch_anew(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        let source = glib::idle_add_local_once(move || {
            if let Some(inner) = weak.upgrade() {
                // It runs, and needs not be removed.
                inner.touch.replace(Touch::Not);
            }
        });
        self.set_touch(Touch::Late(source));
    }

    fn look_soon(self: &Rc<Self>) {
        let wait = if self.clipboard.formats().is_empty() { EMPTY } else { SETTLING };
        let weak = Rc::downgrade(self);
        let source = glib::timeout_add_local_once(wait, move || {
            if let Some(inner) = weak.upgrade() {
                inner.settling.take();
                inner.look();
            }
        });
        self.settling.replace(Some(source));
    }

    fn settle(&self) {
        if let Some(source) = self.settling.take() {
            source.remove();
        }
    }

    fn look(&self) {
        if self.is_ours() {
            return;
        }
        self.ours.replace(None);
        if !self.is_fresh.get() && self.deferred.borrow().is_some() {
            return;
        }
        self.deferred.take();
        let offer = offer(&self.clipboard.formats());
        let change = if self.is_fresh.take() { Change::Copied(offer) } else { Change::Seen(offer) };
        tracing::trace!(clipboard = ?self.clipboard, ?change, "the desktop's clipboard");
        (self.tell)(change);
    }
}

fn offer(formats: &gdk::ContentFormats) -> Offer {
    let types = formats.mime_types();
    match Offer::of(types.iter().map(|one| one.as_str())) {
        // What an application of our own copies need not have types.
        Offer::Nothing if formats.contains_type(glib::Type::STRING) => Offer::Text,
        offer => offer,
    }
}

async fn read(clipboard: gdk::Clipboard, limit: usize) -> Result<Arc<str>, ReadError> {
    if !clipboard.display().backend().is_wayland() && !clipboard.is_local() && is_secret(&clipboard).await {
        return Err(ReadError::Secret);
    }
    let mut text = bytes(&clipboard, &TEXT, limit).await?;
    // X11's applications end their texts as C does, now and then.
    while text.last() == Some(&0) {
        text.pop();
    }
    String::from_utf8(text).map(Arc::from).map_err(|_| ReadError::NotText)
}

/// Whether there is KDE's mark of a secret, where GDK does not tell: on X11 it passes over types
/// without a slash (gdk/x11/gdkclipboard-x11.c, `gdk_x11_clipboard_formats_from_atoms`).
///
/// Asking for all types by name would end the program there. Some owners give whatever is asked for
/// what they give for everything (xclip): what the mark says counts.
async fn is_secret(clipboard: &gdk::Clipboard) -> bool {
    let (kind, word) = HINT;
    bytes(clipboard, &[kind], word.len()).await.is_ok_and(|value| value == word)
}

/// What lies there in the first of these types that there is.
async fn bytes(clipboard: &gdk::Clipboard, types: &[&str], limit: usize) -> Result<Vec<u8>, ReadError> {
    let priority = glib::Priority::DEFAULT;
    let opened = glib::future_with_timeout(PATIENCE, clipboard.read_future(types, priority)).await;
    let (stream, _) = opened.map_err(|_| ReadError::Failed)?.map_err(|error| failed(&error))?;
    let mut all = Vec::new();
    loop {
        let read = glib::future_with_timeout(PATIENCE, stream.read_bytes_future(CHUNK, priority)).await;
        let chunk = read.map_err(|_| ReadError::Failed)?.map_err(|error| failed(&error))?;
        if chunk.is_empty() {
            return Ok(all);
        }
        all.extend_from_slice(&chunk);
        if all.len() > limit {
            return Err(ReadError::TooLong(all.len()));
        }
    }
}

fn failed(error: &glib::Error) -> ReadError {
    tracing::debug!(%error, "the clipboard cannot be read");
    ReadError::Failed
}
