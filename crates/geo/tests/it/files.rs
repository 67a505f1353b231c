//! From files to places.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use geo::{Database, Format, Table};

use crate::mmdb::Writer;

const CSV: &str = "start,end,latitude,longitude,name,tag\n\
    192.0.2.0,192.0.2.255,48.86,2.35,FR/Paris,office\n\
    # the lab, inside the office\n\
    192.0.2.64,192.0.2.95,45.46,9.19,\"IT/Milan, lab\",lab\n\
    \n\
    2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,35.68,139.65,JP/Tokyo,\n";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn database(tables: Vec<Table>) -> Database {
    Database::new(tables.into_iter().map(Arc::new))
}

/// Name, tag and prefix of where an address is.
fn find(database: &Database, address: &str) -> (String, String, u8) {
    let found = database.find(ip(address));
    let place = found.place.map(|place| (place.name.clone(), place.tag.clone())).unwrap_or_default();
    (place.0, place.1, found.prefix)
}

fn expected(name: &str, tag: &str, prefix: u8) -> (String, String, u8) {
    (name.into(), tag.into(), prefix)
}

#[test]
fn own_locations_are_found_the_narrowest_first() {
    let database = database(vec![Table::compile(Format::Csv, CSV.as_bytes()).unwrap()]);
    assert_eq!(find(&database, "192.0.2.7"), expected("FR/Paris", "office", 26));
    assert_eq!(find(&database, "192.0.2.64"), expected("IT/Milan, lab", "lab", 27));
    assert_eq!(find(&database, "192.0.2.200"), expected("FR/Paris", "office", 25));
    assert_eq!(find(&database, "::ffff:192.0.2.7"), expected("FR/Paris", "office", 26));
    assert_eq!(find(&database, "2001:db8::7"), expected("JP/Tokyo", "", 32));
    assert_eq!(find(&database, "192.0.3.0"), expected("", "", 24));
    assert_eq!(find(&database, "2001:db9::").0, "");
    assert_eq!(find(&database, "255.255.255.255").0, "");
}

#[test]
fn a_bad_line_is_named_with_its_number() {
    let told = |csv: &str| {
        let error = Table::compile(Format::Csv, csv.as_bytes()).unwrap_err();
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    };
    assert_eq!(told("192.0.2.0,192.0.2.x,1,1,a,b"), "line 1: `192.0.2.x` is not an IP address");
    assert_eq!(
        told("192.0.2.0,192.0.2.9,91,1,a,b"),
        "line 1: latitude 91, longitude 1: latitudes go from -90 to 90, longitudes from -180 to 180"
    );
    let range = "line 2: the addresses do not begin and end a range of one family";
    assert_eq!(told("#\n192.0.2.9,192.0.2.0,1,1,a,b"), range);
    assert_eq!(told("#\n192.0.2.9,2001:db8::,1,1,a,b"), range);
    assert!(told("192.0.2.0,192.0.2.9,1").starts_with("line 1 has fewer than four fields"));
    assert_eq!(told("192.0.2.0,192.0.2.9,north,1"), "line 1: `north` is not a number of degrees");
    assert_eq!(told("# nothing\n"), "it has no entry with a location");
    assert!(Table::compile(Format::Csv, b"\xff\xfe").is_err());
}

#[test]
fn a_database_of_maxmind_is_read_in_both_families() {
    for ip_version in [4, 6] {
        let mut writer = Writer::new(ip_version);
        let paris = writer.city("FR", "Paris", 48.86, 2.35);
        let milan = writer.city("IT", "Milan", 45.46, 9.19);
        writer.put(ip("192.0.2.0"), 24, paris);
        writer.put(ip("198.51.100.64"), 26, milan);
        if ip_version == 6 {
            writer.put(ip("2001:db8::"), 32, milan);
        }
        let database = database(vec![Table::compile(Format::MaxMind, &writer.finish()).unwrap()]);
        assert_eq!(find(&database, "192.0.2.255"), expected("FR/Paris", "", 24));
        assert_eq!(find(&database, "198.51.100.64"), expected("IT/Milan", "", 26));
        assert_eq!(find(&database, "198.51.100.0"), expected("", "", 26));
        let v6 = if ip_version == 6 { expected("IT/Milan", "", 32) } else { expected("", "", 0) };
        assert_eq!(find(&database, "2001:db8:1::"), v6);
    }
}

#[test]
fn a_damaged_database_of_maxmind_is_refused() {
    let mut writer = Writer::new(4);
    let paris = writer.city("FR", "Paris", 48.86, 2.35);
    for last in 0..=255 {
        writer.put(IpAddr::from([192, 0, 2, last]), 32, paris);
    }
    let whole = writer.finish();
    assert!(Table::compile(Format::MaxMind, &whole).is_ok());
    assert!(Table::compile(Format::MaxMind, b"").is_err());
    assert!(Table::compile(Format::MaxMind, CSV.as_bytes()).is_err());
    assert!(Table::compile(Format::MaxMind, &whole[..whole.len() / 2]).is_err());
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        // Whatever becomes of it, it does not panic.
        let _ = Table::compile(Format::MaxMind, &damaged);
    }
}

#[test]
fn what_is_encoded_is_decoded_whatever_the_pieces_and_nothing_else_is() {
    let table = Table::compile(Format::Csv, CSV.as_bytes()).unwrap();
    let bytes = table.encode();
    for size in [1, 7, bytes.len()] {
        assert_eq!(Table::decode(bytes.chunks(size)), Ok(table.clone()));
    }
    for length in 0..bytes.len() {
        assert!(Table::decode([&bytes[..length]]).is_err(), "{length}");
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x80;
        let _ = Table::decode([&damaged[..]]);
    }
    assert!(Table::decode([&bytes[..], &[0]]).is_err());
}

#[test]
fn the_table_of_the_highest_priority_that_knows_an_address_counts() {
    let own = "192.0.2.64,192.0.2.95,45.46,9.19,own,\n";
    let tables = [own, CSV].map(|csv| Table::compile(Format::Csv, csv.as_bytes()).unwrap());
    let database = database(tables.into());
    assert_eq!(find(&database, "192.0.2.64"), expected("own", "", 27));
    assert_eq!(find(&database, "192.0.2.7"), expected("FR/Paris", "office", 26));
    assert_eq!(find(&Database::default(), "192.0.2.7"), expected("", "", 0));
}

#[test]
fn a_million_prefixes_are_compiled_sent_and_found() {
    let mut writer = Writer::new(4);
    let places: Vec<usize> = (0..1000_u16)
        .map(|n| writer.city("XX", &format!("city {n}"), f64::from(n % 180) - 90.0, f64::from(n % 360) - 180.0))
        .collect();
    for n in 0..1_000_000_u32 {
        // One /24 after the other, never two neighbours alike.
        writer.put(Ipv4Addr::from_bits((1 << 24) + (n << 8)).into(), 24, places[n as usize % 1000]);
    }
    let file = writer.finish();
    let table = Table::compile(Format::MaxMind, &file).unwrap();
    assert_eq!(table.len(), 1_000_002);
    let bytes = table.encode();
    assert!(bytes.len() < 6_000_000, "{} bytes", bytes.len());
    let database = database(vec![Table::decode(bytes.chunks(500_000)).unwrap()]);
    for n in (0..1_000_000_u32).step_by(997) {
        let address = Ipv4Addr::from_bits((1 << 24) + (n << 8) + n % 256);
        assert_eq!(find(&database, &address.to_string()), expected(&format!("XX/city {}", n % 1000), "", 24));
    }
}
