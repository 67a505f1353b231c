//! Health of members, one atomic byte each, so that a flip reaches the next answer without rebuilding anything.

use std::sync::atomic::{AtomicU8, Ordering};

/// Whether the member behind a slot may be answered.
pub trait MemberHealth {
    /// Whether the member of `slot` is up. A slot that does not exist is not up.
    fn is_up(&self, slot: u32) -> bool;
}

/// The slots of one view. One writer (the engine's health task), any number of readers.
#[derive(Debug, Default)]
pub struct Slots(Box<[AtomicU8]>);

impl Slots {
    /// `count` slots, none of them up.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self((0..count).map(|_| AtomicU8::new(0)).collect())
    }

    /// Sets one slot; a slot that does not exist is ignored.
    pub fn set(&self, slot: u32, up: bool) {
        if let Some(cell) = self.0.get(slot as usize) {
            cell.store(u8::from(up), Ordering::Relaxed);
        }
    }
}

impl MemberHealth for Slots {
    fn is_up(&self, slot: u32) -> bool {
        self.0.get(slot as usize).is_some_and(|cell| cell.load(Ordering::Relaxed) != 0)
    }
}

impl MemberHealth for [bool] {
    fn is_up(&self, slot: u32) -> bool {
        self.get(slot as usize).copied().unwrap_or(false)
    }
}
