//! Which machines are seen, in which order, under which headings.

use std::cmp::Ordering;

use super::condition::Condition;
use super::entry::{Entry, Place};

/// By what machines are sorted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    #[default]
    Name,
    /// Those that run first.
    State,
    /// Those that were opened last first.
    Used,
}

/// What machines stand together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// Those of one connection.
    #[default]
    Place,
    /// Those that run, and those that do not.
    State,
    /// All of them.
    None,
}

/// A heading over machines that stand together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Place(Place),
    Running,
    NotRunning,
    All,
}

/// A machine as it is sorted.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    pub entry: &'a Entry,
    pub condition: Condition,
    /// When it was opened last, in seconds since 1970.
    pub used: u64,
}

impl Look<'_> {
    /// Under which heading it stands.
    pub fn group(&self, grouping: Grouping) -> Group {
        match grouping {
            Grouping::Place => Group::Place(self.entry.key.place()),
            Grouping::State if self.condition.has_picture() => Group::Running,
            Grouping::State => Group::NotRunning,
            Grouping::None => Group::All,
        }
    }

    /// How it stands to another one. Equal only to itself.
    pub fn compare(&self, other: &Self, grouping: Grouping, sort: Sort) -> Ordering {
        let by_name = || {
            natural(self.entry.name(), other.entry.name()).then_with(|| self.entry.key.cmp(&other.entry.key))
        };
        let by_group = self.group(grouping).cmp(&other.group(grouping));
        by_group
            .then_with(|| match sort {
                Sort::Name => Ordering::Equal,
                Sort::State => self.condition.rank().cmp(&other.condition.rank()),
                Sort::Used => self.last().cmp(&other.last()).reverse(),
            })
            .then_with(by_name)
    }

    fn last(&self) -> u64 {
        match self.condition {
            Condition::Launched(at) => self.used.max(at),
            _ => self.used,
        }
    }

    /// Whether it has every word that was searched for: in its name, title, UUID, place or displays.
    pub fn matches(&self, search: &str) -> bool {
        let (place, title) = match &self.entry.key.place() {
            Place::Connection(uri) => (uri.clone(), self.entry.domain().map(|machine| machine.name.clone())),
            Place::Bus => ("d-bus".to_owned(), None),
            Place::Launched => ("launch".to_owned(), None),
        };
        let displays = self.entry.displays().join(" ");
        let uuid = self.entry.uuid().unwrap_or_default();
        let text = [self.entry.name(), &title.unwrap_or_default(), uuid, &place, &displays].join("\n");
        let text = text.to_lowercase();
        search.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

/// As people sort names: without regard to capitals, and "vm2" before "vm10".
fn natural(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one.chars().peekable(), other.chars().peekable());
    loop {
        match (left.peek().copied(), right.peek().copied()) {
            (None, None) => return one.cmp(other),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (a, b) = (number(&mut left), number(&mut right));
                // Without leading zeros the longer number is the larger.
                let order = a.len().cmp(&b.len()).then_with(|| a.cmp(&b));
                if order != Ordering::Equal {
                    return order;
                }
            }
            (Some(a), Some(b)) => {
                let order = a.to_lowercase().cmp(b.to_lowercase());
                if order != Ordering::Equal {
                    return order;
                }
                left.next();
                right.next();
            }
        }
    }
}

/// The digits that stand here, without leading zeros.
fn number(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut digits = String::new();
    while let Some(digit) = letters.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    digits.trim_start_matches('0').to_owned()
}
