//! Writes databases in the format of MaxMind (specification 2.0, records of 32 bits), as small as tests need them.

use std::net::IpAddr;

/// A database that a test writes.
pub(crate) struct Writer {
    ip_version: u8,
    /// Two records each: 0 is nothing, an odd number the data at half of it, an even one the node at half of it.
    nodes: Vec<[usize; 2]>,
    data: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(ip_version: u8) -> Self {
        Self { ip_version, nodes: vec![[0, 0]], data: Vec::new() }
    }

    /// A City record; the number it returns goes to [`Writer::put`].
    pub(crate) fn city(&mut self, country: &str, city: &str, latitude: f64, longitude: f64) -> usize {
        let at = self.data.len();
        let data = &mut self.data;
        map(data, 3);
        text(data, "city");
        map(data, 1);
        text(data, "names");
        map(data, 1);
        text(data, "en");
        text(data, city);
        text(data, "country");
        map(data, 1);
        text(data, "iso_code");
        text(data, country);
        text(data, "location");
        map(data, 2);
        text(data, "latitude");
        double(data, latitude);
        text(data, "longitude");
        double(data, longitude);
        at
    }

    /// A network has a record.
    pub(crate) fn put(&mut self, ip: IpAddr, prefix: u32, record: usize) {
        let (bits, length) = match ip {
            IpAddr::V4(ip) if self.ip_version == 4 => (u128::from(ip.to_bits()) << 96, prefix),
            // Databases of both families have IPv4 at ::/96.
            IpAddr::V4(ip) => (u128::from(ip.to_bits()), prefix + 96),
            IpAddr::V6(ip) => (ip.to_bits(), prefix),
        };
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth + 1 == length {
                self.nodes[node][side] = record * 2 + 1;
                return;
            }
            if self.nodes[node][side] == 0 {
                self.nodes.push([0, 0]);
                self.nodes[node][side] = (self.nodes.len() - 1) * 2;
            }
            node = self.nodes[node][side] / 2;
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        let count = self.nodes.len();
        let mut out = Vec::new();
        for record in self.nodes.iter().flatten() {
            let value = match record {
                0 => count,
                odd if odd % 2 == 1 => count + 16 + odd / 2,
                node => node / 2,
            };
            out.extend(u32::try_from(value).unwrap().to_be_bytes());
        }
        out.extend([0; 16]);
        out.extend(self.data);
        out.extend(b"\xab\xcd\xefMaxMind.com");
        let metadata = &mut out;
        map(metadata, 9);
        text(metadata, "description");
        map(metadata, 0);
        text(metadata, "languages");
        // No element of an array: an extended type.
        metadata.extend([0, 4]);
        text(metadata, "node_count");
        metadata.push(6 << 5 | 4);
        metadata.extend(u32::try_from(count).unwrap().to_be_bytes());
        let shorts = [
            ("record_size", 32),
            ("ip_version", u16::from(self.ip_version)),
            ("binary_format_major_version", 2),
            ("binary_format_minor_version", 0),
        ];
        for (name, value) in shorts {
            text(metadata, name);
            metadata.push(5 << 5 | 2);
            metadata.extend(value.to_be_bytes());
        }
        text(metadata, "build_epoch");
        // An unsigned number of 64 bits: an extended type, in one octet.
        metadata.extend([1, 2, 1]);
        text(metadata, "database_type");
        text(metadata, "Test-City");
        out
    }
}

fn map(out: &mut Vec<u8>, pairs: u8) {
    out.push(7 << 5 | pairs);
}

fn text(out: &mut Vec<u8>, text: &str) {
    assert!(text.len() < 29);
    out.push(2 << 5 | u8::try_from(text.len()).unwrap());
    out.extend(text.as_bytes());
}

fn double(out: &mut Vec<u8>, value: f64) {
    out.push(3 << 5 | 8);
    out.extend(value.to_be_bytes());
}
