//! `RecentDays`: the newest changes of a day's best three posts, so that thousands of streams do not each query the
//! store.
use crate::domain::Position;
use jiff::civil::Date;
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// Changes kept.
const KEPT: usize = 16;

/// A change of the best three posts of a day.
#[derive(Clone, Copy)]
struct Change {
    position: Position,
    day: Date,
}

/// The newest changes, newest first. Written by `delivery.rs`.
#[derive(Default)]
pub(super) struct RecentDays {
    changes: Mutex<VecDeque<Change>>,
}

impl RecentDays {
    /// Adds the change of `day` that the event at `position` records.
    pub(super) fn add(&self, position: Position, day: Date) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.truncate(KEPT - 1);
        changes.push_front(Change { position, day });
    }

    /// Returns the day whose change the event at `position` records; `None` if it is not kept.
    pub(super) fn get(&self, position: Position) -> Option<Date> {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.iter().find(|change| change.position == position).map(|change| change.day)
    }
}
