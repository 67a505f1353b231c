//! Which address is where: sorted beginnings of address ranges.

use std::net::IpAddr;

use model::Location;

use crate::point::Point;
use crate::{TableError, csv, maxmind};

/// Of the leading 16 bits of an IPv4 address there are so many.
const BLOCKS: usize = 1 << 16;

/// Places by address, compiled from one file. Immutable.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub(crate) v4: Ranges<u32>,
    pub(crate) v6: Ranges<u128>,
    pub(crate) places: Box<[Place]>,
    /// Where in `v4` each block of addresses with the same leading 16 bits begins, and one past the last.
    blocks: Box<[u32]>,
}

/// Where addresses are.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Name; of a place from a file of MaxMind `country/subdivision/city` as far as it is known.
    pub name: String,
    /// A word that places have in common, in own files.
    pub tag: String,
    /// Degrees.
    pub location: Location,
    /// The same, for distances.
    pub point: Point,
}

/// What a file is written in. Avi: `GslbGeoDbFile.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `start address,end address,latitude,longitude,name,tag` per line.
    Csv,
    /// The binary format of MaxMind, with the fields of its City databases.
    MaxMind,
}

/// Ranges that follow one another over all addresses: each begins at its start and ends before the next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranges<A> {
    /// Rising; the first is 0 unless there are none.
    pub(crate) starts: Box<[A]>,
    /// Parallel: index into the places, and 1 more; 0 is nowhere.
    pub(crate) places: Box<[u32]>,
}

/// What a database of MaxMind has before its metadata, and how far from its end at most (specification 2.0).
const METADATA: &[u8] = b"\xab\xcd\xefMaxMind.com";
const METADATA_BYTES_MAX: usize = 128 * 1024;

impl Format {
    /// What a file looks like.
    #[must_use]
    pub fn sniff(file: &[u8]) -> Self {
        let tail = &file[file.len().saturating_sub(METADATA_BYTES_MAX)..];
        match tail.windows(METADATA.len()).any(|window| window == METADATA) {
            true => Self::MaxMind,
            false => Self::Csv,
        }
    }

    /// From a wire value such as `GSLB_GEODB_FILE_FORMAT_MAXMIND_CITY`; `None` for one that is not known.
    #[must_use]
    pub fn from_avi(value: &str) -> Option<Self> {
        match value.strip_prefix("GSLB_GEODB_FILE_FORMAT_")? {
            "AVI" | "AVI_V6" | "AVI_V4_AND_V6" => Some(Self::Csv),
            "MAXMIND_CITY" | "MAXMIND_CITY_V6" | "MAXMIND_CITY_V4_AND_V6" => Some(Self::MaxMind),
            _ => None,
        }
    }
}

impl Place {
    /// A place.
    #[must_use]
    pub fn new(name: String, tag: String, location: Location) -> Self {
        Self { name, tag, location, point: location.into() }
    }

    /// Whether it is the place of this name, or lies in it: `DE/Bavaria/Munich` lies in `DE`. Case does not count.
    #[must_use]
    pub fn is_in(&self, name: &str) -> bool {
        let Some(head) = self.name.as_bytes().get(..name.len()) else { return false };
        head.eq_ignore_ascii_case(name.as_bytes()) && matches!(self.name.as_bytes().get(name.len()), None | Some(b'/'))
    }
}

impl Table {
    /// Compiles what a file holds.
    ///
    /// # Errors
    /// [`TableError`] says what is wrong with the file, and where.
    pub fn compile(format: Format, file: &[u8]) -> Result<Self, TableError> {
        Ok(match format {
            Format::Csv => csv::read(file)?,
            Format::MaxMind => maxmind::read(file)?,
        })
    }

    pub(crate) fn new(v4: Ranges<u32>, v6: Ranges<u128>, places: Vec<Place>) -> Self {
        let blocks = blocks(&v4.starts);
        Self { v4, v6, places: places.into(), blocks }
    }

    /// Number of ranges of addresses, those that are nowhere among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.starts.len() + self.v6.starts.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where `ip` is, if that is known, and how many of its leading bits that depends on.
    pub(crate) fn find(&self, ip: IpAddr) -> (Option<&Place>, u8) {
        let (place, prefix) = match ip {
            IpAddr::V4(ip) => {
                let ip = ip.to_bits();
                let block = (ip >> 16) as usize;
                let bound = |at: usize| self.blocks.get(at).map_or(0, |bound| *bound as usize);
                let (from, to) = (bound(block), bound(block + 1));
                let within = self.v4.starts.get(from..to).unwrap_or_default();
                let after = from + within.partition_point(|start| *start <= ip);
                let (start, end) = self.v4.bounds(after, u32::MAX, |next| next - 1);
                (self.v4.place_before(after), prefix(u128::from(ip), u128::from(start), u128::from(end), 32))
            }
            IpAddr::V6(ip) => {
                let ip = ip.to_bits();
                let after = self.v6.starts.partition_point(|start| *start <= ip);
                let (start, end) = self.v6.bounds(after, u128::MAX, |next| next - 1);
                (self.v6.place_before(after), prefix(ip, start, end, 128))
            }
        };
        (place.checked_sub(1).and_then(|index| self.places.get(index as usize)), prefix)
    }
}

impl<A: Copy + Default> Ranges<A> {
    /// First and last address of the range before the one at `after`.
    fn bounds(&self, after: usize, last: A, before: impl Fn(A) -> A) -> (A, A) {
        let start = after.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or_default();
        (start, self.starts.get(after).map_or(last, |next| before(*next)))
    }

    fn place_before(&self, after: usize) -> u32 {
        after.checked_sub(1).and_then(|index| self.places.get(index)).copied().unwrap_or(0)
    }
}

/// Length of the shortest prefix of `ip` whose addresses all lie from `start` to `end`.
fn prefix(ip: u128, start: u128, end: u128, bits: u8) -> u8 {
    (0..=bits)
        .find(|length| {
            let host = u32::from(bits - length);
            let mask = 1_u128.checked_shl(host).map_or(u128::MAX, |above| above - 1);
            ip & !mask >= start && (ip | mask) <= end
        })
        .unwrap_or(bits)
}

fn blocks(starts: &[u32]) -> Box<[u32]> {
    let mut blocks = Vec::with_capacity(BLOCKS + 1);
    let mut at = 0;
    for block in 0..BLOCKS {
        while starts.get(at).is_some_and(|start| ((start >> 16) as usize) < block) {
            at += 1;
        }
        blocks.push(u32::try_from(at).unwrap_or(u32::MAX));
    }
    blocks.push(u32::try_from(starts.len()).unwrap_or(u32::MAX));
    blocks.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_as_short_as_its_range_allows() {
        let of = |ip: [u8; 4], start: [u8; 4], end: [u8; 4]| {
            let [ip, start, end] = [ip, start, end].map(|octets| u128::from(u32::from_be_bytes(octets)));
            prefix(ip, start, end, 32)
        };
        assert_eq!(of([192, 0, 2, 7], [192, 0, 2, 0], [192, 0, 2, 255]), 24);
        assert_eq!(of([192, 0, 2, 7], [192, 0, 2, 4], [192, 0, 2, 255]), 30);
        assert_eq!(of([192, 0, 2, 200], [192, 0, 2, 4], [192, 0, 2, 255]), 25);
        assert_eq!(of([192, 0, 2, 7], [0, 0, 0, 0], [255, 255, 255, 255]), 0);
        assert_eq!(of([192, 0, 2, 7], [192, 0, 2, 7], [192, 0, 2, 7]), 32);
    }

    #[test]
    fn a_place_lies_in_what_its_name_begins_with() {
        let munich = Place::new("DE/Bavaria/Munich".into(), String::new(), Location::new(48.1, 11.6).unwrap());
        assert!(munich.is_in("de") && munich.is_in("DE/Bavaria") && munich.is_in("DE/Bavaria/Munich"));
        assert!(!munich.is_in("DE/Bav") && !munich.is_in("D") && !munich.is_in("DE/Bavaria/Munich/Schwabing"));
    }
}
