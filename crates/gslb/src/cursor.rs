//! Where in its sequence a pool stands, shared by all workers and transports of an engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the turns of one ring. One for the whole engine: a cursor per worker would not be exact for a client.
///
/// Clones share the count, which is how a cursor survives a change of configuration that leaves its ring alone.
#[derive(Debug, Clone, Default)]
pub struct Cursor(Arc<AtomicU64>);

impl Cursor {
    /// A cursor that stands at `turn`.
    #[must_use]
    pub fn at(turn: u64) -> Self {
        Self(Arc::new(AtomicU64::new(turn)))
    }

    /// The next turn, without taking it.
    #[must_use]
    pub fn turn(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Takes turns: for an answer they are used up, for an explanation only looked at.
pub trait Draw {
    /// The next turn of `cursor`.
    fn next(&mut self, cursor: &Cursor) -> u64;
}

/// Uses turns up: the draw of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Advance;

impl Draw for Advance {
    fn next(&mut self, cursor: &Cursor) -> u64 {
        cursor.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Looks at the turns that the next answer would use: the draw of an explanation.
#[derive(Debug, Default)]
pub struct Peek {
    taken: Vec<(*const AtomicU64, u64)>,
}

impl Draw for Peek {
    fn next(&mut self, cursor: &Cursor) -> u64 {
        let identity = Arc::as_ptr(&cursor.0);
        if let Some((_, next)) = self.taken.iter_mut().find(|(known, _)| *known == identity) {
            *next += 1;
            return *next - 1;
        }
        let turn = cursor.turn();
        self.taken.push((identity, turn + 1));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_at_turns_uses_none_up() {
        let cursor = Cursor::at(7);
        let mut peek = Peek::default();
        assert_eq!([peek.next(&cursor), peek.next(&cursor)], [7, 8]);
        assert_eq!(Advance.next(&cursor), 7);
        assert_eq!(cursor.turn(), 8);
    }
}
