//! An ordered map whose clone shares its entries.
//!
//! A write of several objects is decided on a copy of the projection that each step changes (`write::Batch`). Copying
//! every entry would cost tens of milliseconds with some ten thousand objects, so entries lie in chunks, a clone shares
//! them all, and a change copies the one chunk that it hits.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Most entries of a chunk; one more and it is halved. Chosen so that copying a chunk and copying the list of chunks
/// cost about the same with ten thousand entries.
const CHUNK_MAX: usize = 128;

/// Sorted entries in chunks, none of them empty.
#[derive(Clone)]
pub(crate) struct SortedMap<K, V> {
    chunks: Vec<Arc<Vec<(K, V)>>>,
}

impl<K: Ord + Clone, V: Clone> SortedMap<K, V> {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        chunk.binary_search_by(|(known, _)| known.borrow().cmp(key)).ok().map(|at| &chunk[at].1)
    }

    /// Sets the value of a key; the value before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (chunk, at) = match self.place(&key) {
            Ok((chunk, at)) => {
                let entry = &mut Arc::make_mut(&mut self.chunks[chunk])[at];
                return Some(std::mem::replace(&mut entry.1, value));
            }
            Err(place) => place,
        };
        self.insert_at(chunk, at, key, value);
        None
    }

    /// The value of a key, made first where there is none.
    pub(crate) fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let (chunk, at) = match self.place(&key) {
            Ok(place) => place,
            Err((chunk, at)) => self.insert_at(chunk, at, key, V::default()),
        };
        &mut Arc::make_mut(&mut self.chunks[chunk])[at].1
    }

    /// The value of a key, to change it.
    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (chunk, at) = self.place(key).ok()?;
        Some(&mut Arc::make_mut(&mut self.chunks[chunk])[at].1)
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (chunk, at) = self.place(key).ok()?;
        let entries = Arc::make_mut(&mut self.chunks[chunk]);
        let (_, value) = entries.remove(at);
        let left = entries.len();
        let next = self.chunks.get(chunk + 1).map(|next| next.len());
        if left == 0 {
            self.chunks.remove(chunk);
        } else if next.is_some_and(|next| left + next <= CHUNK_MAX / 2) {
            let next = self.chunks.remove(chunk + 1);
            Arc::make_mut(&mut self.chunks[chunk]).extend(next.iter().cloned());
        }
        Some(value)
    }

    /// All entries in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|(key, value)| (key, value))
    }

    /// The values in order of their keys.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Entries from `key` on, in order.
    pub(crate) fn from<'a, Q: Ord + ?Sized>(
        &'a self,
        key: &Q,
    ) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V, Q>
    where
        K: Borrow<Q>,
    {
        let (chunk, at) = self.place(key).unwrap_or_else(|place| place);
        let entries = self.chunks.iter().skip(chunk).flat_map(|chunk| chunk.iter()).skip(at);
        entries.map(|(key, value)| (key, value))
    }

    /// The entry of the largest key that is not above `key`.
    pub(crate) fn at_or_before<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let entry = match self.place(key) {
            Ok((chunk, at)) => self.chunks[chunk].get(at),
            Err((chunk, at)) => match at.checked_sub(1) {
                Some(at) => self.chunks.get(chunk)?.get(at),
                None => self.chunks.get(chunk.checked_sub(1)?)?.last(),
            },
        };
        entry.map(|(key, value)| (key, value))
    }

    /// The chunk where a key is or belongs: the first that does not end before it.
    fn chunk_of<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.chunks.partition_point(|chunk| chunk.last().is_some_and(|(last, _)| last.borrow() < key))
    }

    /// Chunk and index where a key is, or where it belongs.
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<(usize, usize), (usize, usize)>
    where
        K: Borrow<Q>,
    {
        let chunk = self.chunk_of(key);
        let Some(entries) = self.chunks.get(chunk) else { return Err((chunk, 0)) };
        let found = entries.binary_search_by(|(known, _)| known.borrow().cmp(key));
        found.map(|at| (chunk, at)).map_err(|at| (chunk, at))
    }

    /// Adds an entry where it belongs; where it is then.
    fn insert_at(&mut self, chunk: usize, at: usize, key: K, value: V) -> (usize, usize) {
        // What belongs behind the last chunk goes to its end.
        let (chunk, at) = match (self.chunks.get(chunk), chunk.checked_sub(1)) {
            (Some(_), _) => (chunk, at),
            (None, Some(last)) => (last, self.chunks[last].len()),
            (None, None) => {
                self.chunks.push(Arc::new(vec![(key, value)]));
                return (0, 0);
            }
        };
        let entries = Arc::make_mut(&mut self.chunks[chunk]);
        entries.insert(at, (key, value));
        if entries.len() <= CHUNK_MAX {
            return (chunk, at);
        }
        let half = entries.len() / 2;
        let upper = entries.split_off(half);
        self.chunks.insert(chunk + 1, Arc::new(upper));
        if at < half { (chunk, at) } else { (chunk + 1, at - half) }
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

/// Equal entries in whatever chunks.
impl<K: Ord + Clone, V: Clone + PartialEq> PartialEq for SortedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Ord + Clone + fmt::Debug, V: Clone + fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
