//! How the machine's consoles reach the screen, for whoever shows several machines.

use super::MachineWindow;
use super::i18n::gettext;
use super::words;
use crate::present::Status;
use crate::session::Console;

impl MachineWindow {
    /// The consoles that are shown, in all windows of the machine, and the way that each picture takes,
    /// in words.
    pub fn consoles_with_ways(&self) -> Vec<(Console, String)> {
        let ways = self.shared().heads().into_iter().map(|(head, _)| {
            let way = match head.view().status() {
                Some(Status::Showing { rung, .. }) => words::picture::way(rung),
                Some(Status::Refused { .. }) => gettext("None: the last picture stays"),
                Some(Status::Gone { .. } | Status::Idle) | None => gettext("No picture"),
            };
            (head.console().clone(), way)
        });
        ways.collect()
    }
}
