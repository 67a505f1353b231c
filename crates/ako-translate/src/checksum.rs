//! Checksums that tell whether an object on the controller is what is wanted (ako 2.6).
//!
//! A checksum is the decimal text of a wrapping 32-bit sum of FNV-1a hashes. The original hashes renderings of its own
//! structures, so its checksums cannot be met; ako 2.6 asks only that ours be deterministic and be computable again from
//! a listed object where the type has no field for them. The sum is over the fields of the body, so that no list of
//! ingredients can be forgotten; the field of the checksum itself is left out.

use std::io;

use serde_json::Value;

/// Fields that are no part of a checksum: the checksum, and what the controller adds.
const NOT_SUMMED: [&str; 6] =
    ["cloud_config_cksum", "vsvip_cloud_config_cksum", "uuid", "url", "_last_modified", "markers"];

/// FNV-1a, 32 bits.
#[must_use]
pub fn fnv32(bytes: &[u8]) -> u32 {
    let mut hash = Fnv::new();
    hash.add(bytes);
    hash.0
}

/// FNV-1a of what is written into it.
struct Fnv(u32);

impl Fnv {
    fn new() -> Self {
        Self(0x811c_9dc5)
    }

    fn add(&mut self, bytes: &[u8]) {
        const PRIME: u32 = 0x0100_0193;
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(PRIME));
    }
}

impl io::Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Checksum of a body that is to be sent, whose type stores it.
pub(crate) fn of_body(body: &Value) -> u32 {
    let fields = body.as_object().into_iter().flatten().filter(|(key, _)| !NOT_SUMMED.contains(&key.as_str()));
    fields.fold(of_markers(body), |sum, (key, value)| {
        let mut hash = Fnv::new();
        hash.add(key.as_bytes());
        hash.add(b"=");
        // Neither the writer nor a `Value` can fail.
        let _ = serde_json::to_writer(&mut hash, value);
        sum.wrapping_add(hash.0)
    })
}

/// Checksum of a certificate, from a wanted or a listed body: name, certificate, names of its issuers, markers. The key
/// is no part of it, because the controller does not show it.
pub(crate) fn of_certificate(body: &Value) -> u32 {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let issuers: Vec<String> =
        body["ca_certs"].as_array().into_iter().flatten().map(|issuer| text(&issuer["name"])).collect();
    [text(&body["name"]), text(&body["certificate"]["certificate"]), issuers.join(":")]
        .iter()
        .fold(of_markers(body), |sum, part| sum.wrapping_add(fnv32(part.as_bytes())))
}

/// Checksum of an L4 policy set, from a wanted or a listed body: ports, protocols, pools, markers.
pub(crate) fn of_l4_policy_set(body: &Value) -> u32 {
    let mut parts = Vec::new();
    for rule in body["l4_connection_policy"]["rules"].as_array().into_iter().flatten() {
        let ports = rule["match"]["port"]["ports"].to_string();
        let protocol = rule["match"]["protocol"]["protocol"].as_str().unwrap_or_default();
        // The rule's name is the reference to its pool; the reference itself is listed with a uuid.
        let pool = rule["name"].as_str().unwrap_or_default();
        parts.push(format!("{ports}:{protocol}:{pool}"));
    }
    parts.sort_unstable();
    parts.iter().fold(of_markers(body), |sum, part| sum.wrapping_add(fnv32(part.as_bytes())))
}

/// The part of the markers: FNV-1a of their sorted values, one after the other, the values of a list joined by `-`, and
/// of the word `clustername` with the cluster's name.
fn of_markers(body: &Value) -> u32 {
    let Some(markers) = body["markers"].as_array() else { return 0 };
    let mut values = Vec::new();
    let mut cluster = String::new();
    for marker in markers {
        let list = marker["values"].as_array().into_iter().flatten();
        let mut list: Vec<&str> = list.filter_map(Value::as_str).collect();
        list.sort_unstable();
        if marker["key"] == "clustername" {
            cluster = format!("clustername{}", list.join("-"));
        } else {
            values.push(list.join("-"));
        }
    }
    values.sort_unstable();
    fnv32(values.concat().as_bytes()).wrapping_add(fnv32(cluster.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hashes_are_those_of_the_specification() {
        for (text, expected) in [
            ("foo.com", 1_101_858_200),
            ("noo.com", 234_251_936),
            ("bar.com", 1_912_621_137),
            ("xyz.com", 4_203_868_435),
            ("hackazon.avi.iberia.local", 1_229_017_503),
        ] {
            assert_eq!(fnv32(text.as_bytes()), expected, "ako 4.2, {text}");
        }
    }

    #[test]
    fn the_stored_checksum_and_system_fields_do_not_count() {
        let wanted = json!({"name": "a", "ports": [80]});
        let listed = json!({"name": "a", "ports": [80], "uuid": "x", "cloud_config_cksum": "7", "_last_modified": "1"});
        assert_eq!(of_body(&wanted), of_body(&listed));
        assert_ne!(of_body(&wanted), of_body(&json!({"name": "a", "ports": [81]})));
    }

    #[test]
    fn markers_count_in_any_order() {
        let one =
            json!({"markers": [{"key": "clustername", "values": ["c"]}, {"key": "Path", "values": ["/b", "/a"]}]});
        let two =
            json!({"markers": [{"key": "Path", "values": ["/a", "/b"]}, {"key": "clustername", "values": ["c"]}]});
        assert_eq!(of_body(&one), of_body(&two));
        let other = json!({"markers": [{"key": "Path", "values": ["/a"]}, {"key": "clustername", "values": ["c"]}]});
        assert_ne!(of_body(&one), of_body(&other));
        assert_eq!(of_body(&one), fnv32(b"/a-/b").wrapping_add(fnv32(b"clusternamec")), "ako 2.6");
    }

    #[test]
    fn a_listed_certificate_has_the_checksum_of_the_wanted_one() {
        let wanted = json!({"name": "a", "key": "secret", "certificate": {"certificate": "PEM"},
            "markers": [{"key": "clustername", "values": ["c"]}]});
        let listed = json!({"uuid": "u", "name": "a", "key": "<sensitive>", "status": "SSL_CERTIFICATE_FINISHED",
            "certificate": {"certificate": "PEM", "subject": {"common_name": "a"}},
            "markers": [{"key": "clustername", "values": ["c"]}]});
        assert_eq!(of_certificate(&wanted), of_certificate(&listed));
        assert_ne!(of_certificate(&wanted), of_certificate(&json!({"name": "a"})));
    }
}
