//! Entries of a file to ranges that follow one another.

use std::collections::HashMap;
use std::net::IpAddr;

use model::Location;

use crate::table::{Place, Ranges, Table};
use crate::{CsvError, MaxMindError};

/// Most entries of a file; the largest city databases have about a third.
const ENTRIES_MAX: usize = 16_000_000;

/// Why a file is no geo database.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is not the CSV that it should be.
    #[error("it is no CSV file of locations")]
    Csv(#[from] CsvError),
    /// It is not the database of MaxMind that it should be.
    #[error("it is no geo database in the format of MaxMind")]
    MaxMind(#[from] MaxMindError),
    /// Too large for the memory of engines.
    #[error("it has more than {ENTRIES_MAX} entries")]
    TooManyEntries,
    /// Nothing can be looked up in it.
    #[error("it has no entry with a location")]
    Empty,
}

/// Collects the entries of a file.
#[derive(Default)]
pub(crate) struct Builder {
    v4: Vec<Entry<u32>>,
    v6: Vec<Entry<u128>>,
    places: Vec<Place>,
    /// Places by what they say.
    known: HashMap<(String, String, [u64; 2]), u32>,
}

struct Entry<A> {
    start: A,
    end: A,
    place: u32,
}

/// An address as a number.
pub(crate) trait Address: Copy + Ord + Default {
    /// The one after it; `None` after the last.
    fn next(self) -> Option<Self>;
}

impl Address for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Address for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Builder {
    /// The number of a place, for [`Builder::add`].
    pub(crate) fn place(&mut self, name: String, tag: String, location: Location) -> u32 {
        let degrees = [location.latitude(), location.longitude()].map(f64::to_bits);
        let places = &mut self.places;
        *self.known.entry((name, tag, degrees)).or_insert_with_key(|(name, tag, _)| {
            places.push(Place::new(name.clone(), tag.clone(), location));
            u32::try_from(places.len()).unwrap_or(u32::MAX)
        })
    }

    /// All addresses from `start` to `end` are there; `false` when they are not two of one family in this order.
    pub(crate) fn add(&mut self, start: IpAddr, end: IpAddr, place: u32) -> Result<bool, TableError> {
        if self.v4.len() + self.v6.len() >= ENTRIES_MAX {
            return Err(TableError::TooManyEntries);
        }
        match (start, end) {
            (IpAddr::V4(start), IpAddr::V4(end)) if start <= end => {
                self.v4.push(Entry { start: start.to_bits(), end: end.to_bits(), place });
            }
            (IpAddr::V6(start), IpAddr::V6(end)) if start <= end => {
                self.v6.push(Entry { start: start.to_bits(), end: end.to_bits(), place });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The table of all entries. Where entries overlap, the one that begins later counts, and of two that begin together
    /// the shorter.
    pub(crate) fn finish(self) -> Result<Table, TableError> {
        if self.places.is_empty() {
            return Err(TableError::Empty);
        }
        Ok(Table::new(flatten(self.v4), flatten(self.v6), self.places))
    }
}

fn flatten<A: Address>(mut entries: Vec<Entry<A>>) -> Ranges<A> {
    entries.sort_by(|a, b| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));
    let mut ranges = Flat { starts: Vec::with_capacity(entries.len()), places: Vec::with_capacity(entries.len()) };
    if !entries.is_empty() {
        ranges.begin(A::default(), 0);
    }
    let mut open: Vec<(A, u32)> = Vec::new();
    for Entry { start, end, place } in entries {
        close(&mut open, &mut ranges, |open_end| open_end < start);
        ranges.begin(start, place);
        open.push((end, place));
    }
    close(&mut open, &mut ranges, |_| true);
    Ranges { starts: ranges.starts.into(), places: ranges.places.into() }
}

/// Ends the innermost open entries as long as `is_over`; what is around them goes on behind.
fn close<A: Address>(open: &mut Vec<(A, u32)>, ranges: &mut Flat<A>, is_over: impl Fn(A) -> bool) {
    while let Some(&(end, _)) = open.last().filter(|(end, _)| is_over(*end)) {
        open.pop();
        while open.last().is_some_and(|(around, _)| *around <= end) {
            open.pop();
        }
        if let Some(next) = end.next() {
            ranges.begin(next, open.last().map_or(0, |(_, place)| *place));
        }
    }
}

struct Flat<A> {
    starts: Vec<A>,
    places: Vec<u32>,
}

impl<A: Address> Flat<A> {
    fn begin(&mut self, start: A, place: u32) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.places.pop();
        }
        if self.places.last() != Some(&place) {
            self.starts.push(start);
            self.places.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_begins_later_hides_what_is_around_it(
            entries in prop::collection::vec((0_u32..200, 0_u32..60), 1..40)
        ) {
            // Made so that they nest: an entry that begins inside another ends with it at the latest.
            let mut nested: Vec<(u32, u32)> = Vec::new();
            for (start, length) in entries {
                let around = nested.iter().filter(|(s, e)| *s <= start && start <= *e).map(|(_, e)| *e).min();
                let end = around.map_or(start + length, |around| around.min(start + length));
                if !nested.iter().any(|(s, e)| (*s == start) || (start < *s && end >= *s && end < *e)) {
                    nested.push((start, end));
                }
            }
            let entry = |(place, &(start, end)): (u32, &(u32, u32))| Entry { start, end, place };
            let ranges = flatten((1..).zip(&nested).map(entry).collect());
            prop_assert!(ranges.starts.is_sorted_by(|a, b| a < b));
            for address in 0..300 {
                let holds = |(_, (start, end)): &(u32, &(u32, u32))| (*start..=*end).contains(&address);
                let innermost = (1..).zip(&nested).filter(holds).max_by_key(|(_, (start, _))| *start);
                let after = ranges.starts.partition_point(|start| *start <= address);
                prop_assert_eq!(ranges.places[after - 1], innermost.map_or(0, |(place, _)| place), "{}", address);
            }
        }
    }
}
