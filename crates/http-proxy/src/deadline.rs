//! Deadlines of connections, checked by one sweep per worker.
//!
//! A timer per request would cost more than all else that a proxy decides. Here a wait is a number that the sweep looks at
//! ten times a second; who waits is woken when it has passed. Waits are so exact to a tenth of a second, never too short.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

/// Between two sweeps.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_millis(100);

/// No wait.
const NEVER: u64 = u64::MAX;

/// The wait of one task.
#[derive(Debug)]
pub(crate) struct Deadline {
    at_ms: Cell<u64>,
    /// Whether its task is woken when the configuration changes too.
    watches_changes: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Deadline {
    /// Wakes `cx` when the deadline has passed.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    pub(crate) fn set(&self, at_ms: u64) {
        self.at_ms.set(at_ms);
    }

    pub(crate) fn clear(&self) {
        self.at_ms.set(NEVER);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.at_ms.get() != NEVER
    }

    pub(crate) fn is_past(&self, now_ms: u64) -> bool {
        self.at_ms.get() <= now_ms
    }

    /// From now on, wakes the task when the configuration changes too.
    pub(crate) fn watch_changes(&self) {
        self.watches_changes.set(true);
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

/// All deadlines of a worker, and its clock.
#[derive(Debug)]
pub(crate) struct Timer {
    started: Instant,
    now_ms: Cell<u64>,
    deadlines: RefCell<Vec<Weak<Deadline>>>,
}

impl Timer {
    pub(crate) fn new(started: Instant) -> Self {
        Self { started, now_ms: Cell::new(0), deadlines: RefCell::default() }
    }

    /// Milliseconds since the proxy started, as of the last sweep: at most a sweep behind.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// When a wait of `duration` that starts now has certainly passed.
    pub(crate) fn after(&self, duration: Duration) -> u64 {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(NEVER);
        self.now_ms.get().saturating_add(ms(duration)).saturating_add(ms(SWEEP_INTERVAL))
    }

    pub(crate) fn deadline(&self) -> Rc<Deadline> {
        let deadline =
            Rc::new(Deadline { at_ms: Cell::new(NEVER), watches_changes: Cell::new(false), waker: RefCell::new(None) });
        self.deadlines.borrow_mut().push(Rc::downgrade(&deadline));
        deadline
    }

    /// Moves the clock, wakes those whose time has passed, forgets those that are gone.
    pub(crate) fn sweep(&self, now: Instant) {
        let now_ms = u64::try_from(now.saturating_duration_since(self.started).as_millis()).unwrap_or(NEVER);
        self.now_ms.set(now_ms);
        self.visit(|deadline| deadline.is_past(now_ms));
    }

    /// Wakes those that asked for it, because the configuration has changed.
    pub(crate) fn wake_watchers(&self) {
        self.visit(|deadline| deadline.watches_changes.get());
    }

    /// Wakes everyone, because something else than time has changed.
    pub(crate) fn wake_all(&self) {
        self.visit(|_| true);
    }

    fn visit(&self, is_due: impl Fn(&Deadline) -> bool) {
        self.deadlines.borrow_mut().retain(|deadline| {
            let Some(deadline) = deadline.upgrade() else { return false };
            if is_due(&deadline) {
                deadline.wake();
            }
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_shorter_than_asked_for() {
        let started = crate::clock::now();
        let timer = Timer::new(started);
        let deadline = timer.deadline();
        timer.sweep(started + Duration::from_millis(100));
        deadline.set(timer.after(Duration::from_millis(50)));
        timer.sweep(started + Duration::from_millis(200));
        assert!(!deadline.is_past(timer.now_ms()));
        timer.sweep(started + Duration::from_millis(250));
        assert!(deadline.is_past(timer.now_ms()));
        deadline.clear();
        assert!(!deadline.is_past(timer.now_ms()));
    }

    #[test]
    fn those_that_are_gone_are_forgotten() {
        let timer = Timer::new(crate::clock::now());
        drop(timer.deadline());
        let kept = timer.deadline();
        timer.wake_all();
        assert_eq!((timer.deadlines.borrow().len(), kept.is_set()), (1, false));
    }
}
