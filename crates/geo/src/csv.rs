//! Own locations: `start address,end address,latitude,longitude,name,tag`, one entry per line (avi-api 2.24).

use std::net::IpAddr;
use std::str::Utf8Error;

use model::{Location, LocationError};

use crate::TableError;
use crate::build::Builder;
use crate::table::Table;

/// What is wrong with a line.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CsvError {
    /// Not a text.
    #[error("it is not UTF-8 text")]
    Encoding(#[from] Utf8Error),
    /// Too few fields.
    #[error("line {0} has fewer than four fields: start address, end address, latitude and longitude are needed")]
    Fields(usize),
    /// An address that is none.
    #[error("line {line}: `{text}` is not an IP address")]
    Address {
        /// From 1.
        line: usize,
        /// What is there.
        text: String,
    },
    /// Addresses of two families, or the end before the start.
    #[error("line {0}: the addresses do not begin and end a range of one family")]
    Range(usize),
    /// Degrees that are none.
    #[error("line {line}: `{text}` is not a number of degrees")]
    Degrees {
        /// From 1.
        line: usize,
        /// What is there.
        text: String,
    },
    /// Degrees beyond the earth.
    #[error("line {line}: {problem}")]
    Location {
        /// From 1.
        line: usize,
        /// Which.
        problem: LocationError,
    },
}

/// Reads a file. Empty lines, lines that begin with `#` and a first line with headings are skipped.
pub(crate) fn read(file: &[u8]) -> Result<Table, TableError> {
    let text = std::str::from_utf8(file).map_err(CsvError::from)?;
    let mut builder = Builder::default();
    for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') || (line == 1 && is_heading(text)) {
            continue;
        }
        let fields = fields(text);
        let [start, end, latitude, longitude, rest @ ..] = fields.as_slice() else {
            return Err(CsvError::Fields(line).into());
        };
        let (start, end) = (address(start, line)?, address(end, line)?);
        let (latitude, longitude) = (degrees(latitude, line)?, degrees(longitude, line)?);
        let location = Location::new(latitude, longitude).map_err(|problem| CsvError::Location { line, problem })?;
        let text = |at: usize| rest.get(at).cloned().unwrap_or_default();
        let place = builder.place(text(0), text(1), location);
        if !builder.add(start, end, place)? {
            return Err(CsvError::Range(line).into());
        }
    }
    builder.finish()
}

/// No address begins like this.
fn is_heading(line: &str) -> bool {
    let first = line.split(',').next().unwrap_or_default();
    !first.contains(['.', ':'])
}

/// Fields between commas, without blanks and quotes around them; a quoted field may hold commas.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field).trim().to_owned()),
            other => field.push(other),
        }
    }
    fields.push(field.trim().to_owned());
    fields
}

fn address(text: &str, line: usize) -> Result<IpAddr, CsvError> {
    text.parse().map_err(|_| CsvError::Address { line, text: text.to_owned() })
}

fn degrees(text: &str, line: usize) -> Result<f64, CsvError> {
    text.parse().map_err(|_| CsvError::Degrees { line, text: text.to_owned() })
}
