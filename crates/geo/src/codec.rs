//! A table as bytes: small enough to be sent, and quick to read.
//!
//! ```text
//! version │ places: count, then name, tag, latitude, longitude each │ IPv4: count, then step, place each │ IPv6 likewise
//! ```
//! Numbers are LEB128. A step is from one start to the next; those of IPv6 leave out their trailing zero octets, whose
//! number comes first.

use model::Location;

use crate::table::{Place, Ranges, Table};

/// Of this layout.
const VERSION: u8 = 1;

/// Why bytes are no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the compiled geo database that this release reads: {0}")]
pub struct DecodeError(&'static str);

impl Table {
    /// The table as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        number(&mut out, self.places.len() as u128);
        for Place { name, tag, location, point: _ } in &self.places {
            for text in [name, tag] {
                number(&mut out, text.len() as u128);
                out.extend(text.as_bytes());
            }
            out.extend(location.latitude().to_be_bytes());
            out.extend(location.longitude().to_be_bytes());
        }
        number(&mut out, self.v4.starts.len() as u128);
        let mut before = 0;
        for (&start, &place) in self.v4.starts.iter().zip(&self.v4.places) {
            number(&mut out, u128::from(start - before));
            number(&mut out, place.into());
            before = start;
        }
        number(&mut out, self.v6.starts.len() as u128);
        let mut before = 0;
        for (&start, &place) in self.v6.starts.iter().zip(&self.v6.places) {
            let step = start - before;
            let zeros = if step == 0 { 0 } else { step.trailing_zeros() / 8 };
            number(&mut out, zeros.into());
            number(&mut out, step >> (zeros * 8));
            number(&mut out, place.into());
            before = start;
        }
        out
    }

    /// The table that [`Table::encode`] wrote, in so many pieces.
    ///
    /// # Errors
    /// [`DecodeError`] for what no table is.
    pub fn decode<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Result<Self, DecodeError> {
        let bytes: Vec<u8> = pieces.into_iter().flatten().copied().collect();
        let mut input = Input(&bytes);
        if input.take(1)? != [VERSION] {
            return Err(DecodeError("its version is another"));
        }
        let places = input.list(|input| {
            let (name, tag) = (input.text()?, input.text()?);
            let location = Location::new(input.degrees()?, input.degrees()?);
            Ok(Place::new(name, tag, location.map_err(|_| DecodeError("a place is not on earth"))?))
        })?;
        let mut before = 0_u32;
        let v4 = input.ranges(places.len(), |input, is_first| {
            let step = u32::try_from(input.number()?).map_err(|_| NOT_RISING)?;
            before = rising(before.checked_add(step), step == 0, is_first)?;
            Ok(before)
        })?;
        let mut before = 0_u128;
        let v6 = input.ranges(places.len(), |input, is_first| {
            let zeros = u32::try_from(input.number()?).ok().filter(|zeros| *zeros < 16).ok_or(NOT_RISING)?;
            let short = input.number()?;
            let step = short.checked_mul(1 << (zeros * 8)).ok_or(NOT_RISING)?;
            before = rising(before.checked_add(step), step == 0, is_first)?;
            Ok(before)
        })?;
        if !input.0.is_empty() {
            return Err(DecodeError("there is more behind it"));
        }
        Ok(Self::new(v4, v6, places))
    }
}

const NOT_RISING: DecodeError = DecodeError("its addresses do not rise");

/// The first start is 0, every other one higher than the one before.
fn rising<A>(next: Option<A>, is_same: bool, is_first: bool) -> Result<A, DecodeError> {
    next.filter(|_| is_same == is_first).ok_or(NOT_RISING)
}

fn number(out: &mut Vec<u8>, mut value: u128) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

struct Input<'b>(&'b [u8]);

impl<'b> Input<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], DecodeError> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(DecodeError("it ends too early"))?;
        self.0 = rest;
        Ok(head)
    }

    fn number(&mut self) -> Result<u128, DecodeError> {
        let mut value = 0_u128;
        for shift in (0..128).step_by(7) {
            let [octet] = self.take(1)? else { return Err(DecodeError("it ends too early")) };
            let part = u128::from(octet & 0x7f);
            value |= part.checked_shl(shift).filter(|moved| moved >> shift == part).ok_or(TOO_LARGE)?;
            if octet & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(TOO_LARGE)
    }

    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>) -> Result<Vec<T>, DecodeError> {
        let count = usize::try_from(self.number()?).map_err(|_| TOO_LARGE)?;
        // Each entry takes two octets at least: no more room than the bytes can fill.
        let mut all = Vec::with_capacity(count.min(self.0.len() / 2));
        for _ in 0..count {
            all.push(read(self)?);
        }
        Ok(all)
    }

    fn ranges<A>(
        &mut self,
        places_max: usize,
        mut start: impl FnMut(&mut Self, bool) -> Result<A, DecodeError>,
    ) -> Result<Ranges<A>, DecodeError> {
        let mut is_first = true;
        let mut places = Vec::new();
        let starts = self.list(|input| {
            let start = start(input, std::mem::replace(&mut is_first, false))?;
            let place = u32::try_from(input.number()?).ok().filter(|place| *place as usize <= places_max);
            places.push(place.ok_or(DecodeError("it names a place that is not there"))?);
            Ok(start)
        })?;
        Ok(Ranges { starts: starts.into(), places: places.into() })
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        let length = usize::try_from(self.number()?).map_err(|_| TOO_LARGE)?;
        let octets = self.take(length)?.to_vec();
        String::from_utf8(octets).map_err(|_| DecodeError("a name is not text"))
    }

    fn degrees(&mut self) -> Result<f64, DecodeError> {
        let octets = self.take(8)?.first_chunk().ok_or(DecodeError("it ends too early"))?;
        Ok(f64::from_be_bytes(*octets))
    }
}

const TOO_LARGE: DecodeError = DecodeError("a number is too large");
