//! City databases in the format of MaxMind.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use maxminddb::{MaxMindDbError, Reader, geoip2::City};
use model::Location;

use crate::TableError;
use crate::build::Builder;
use crate::table::Table;

/// What is wrong with a database.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MaxMindError(#[from] MaxMindDbError);

/// Reads a database. Networks without a location are nowhere.
pub(crate) fn read(file: &[u8]) -> Result<Table, TableError> {
    let reader = Reader::from_source(file).map_err(MaxMindError)?;
    let mut builder = Builder::default();
    // Of millions of networks most share a record.
    let mut places: HashMap<usize, Option<u32>> = HashMap::new();
    for network in reader.networks(Default::default()).map_err(MaxMindError)? {
        let network = network.map_err(MaxMindError)?;
        let Some(offset) = network.offset() else { continue };
        let known = places.get(&offset).copied();
        let place = match known {
            Some(place) => place,
            None => {
                let city: Option<City<'_>> = network.decode().map_err(MaxMindError)?;
                let place = city.and_then(|city| place(&city, &mut builder));
                places.insert(offset, place);
                place
            }
        };
        if let Some(place) = place {
            let network = network.network().map_err(MaxMindError)?;
            builder.add(network.network(), last(network.network(), network.prefix()), place)?;
        }
    }
    builder.finish()
}

fn place(city: &City<'_>, builder: &mut Builder) -> Option<u32> {
    let location = Location::new(city.location.latitude?, city.location.longitude?).ok()?;
    let subdivision = city.subdivisions.first().and_then(|it| it.names.english.or(it.iso_code));
    let parts = [city.country.iso_code, subdivision, city.city.names.english];
    let name = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
    Some(builder.place(name, String::new(), location))
}

/// Last address of a network.
fn last(ip: IpAddr, prefix: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
            Ipv4Addr::from_bits(ip.to_bits() | host).into()
        }
        IpAddr::V6(ip) => {
            let host = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
            Ipv6Addr::from_bits(ip.to_bits() | host).into()
        }
    }
}
