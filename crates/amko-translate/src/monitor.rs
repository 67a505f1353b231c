//! Names and descriptions of health monitors (amko 6.2, 6.3). Both are contract: they are read back at the next start,
//! by this operator or the original.

use std::fmt::Write as _;

use sha1::{Digest, Sha1};

use crate::Identity;

/// How the name of the monitor begins that all passthrough services share.
const SHARED: &str = "amko--passthrough-hm-tcp-";
/// Its description.
pub(crate) const SHARED_DESCRIPTION: &str = "created by: amko";

/// Name of the monitor of one path of a service.
#[must_use]
pub fn path_name(tls: bool, service: &str, path: &str) -> String {
    format!("amko--{}", hex(&format!("{}--{service}--{path}", scheme(tls))))
}

/// Name of the TCP or UDP monitor of a service.
#[must_use]
pub fn non_path_name(service: &str) -> String {
    format!("amko--{}", hex(service))
}

/// Whether a name marks a monitor that an AMKO made.
#[must_use]
pub fn is_amko_name(name: &str) -> bool {
    name.starts_with("amko--")
}

/// Whether a name is that of the monitor that all passthrough services share, which is never deleted.
#[must_use]
pub fn is_shared(name: &str) -> bool {
    name.starts_with(SHARED)
}

/// Name of the monitor that all passthrough services of a tenant share (amko 6.2).
#[must_use]
pub fn shared_name(identity: &Identity) -> String {
    format!("{SHARED}{}", identity.uuid())
}

/// Name of the service that a monitor with this description was made for.
#[must_use]
pub fn described_service(description: &str) -> Option<&str> {
    let rest = description.strip_prefix("created by: amko, gsname: ")?;
    Some(rest.split(", path: ").next().unwrap_or(rest))
}

pub(crate) fn path_description(tls: bool, service: &str, path: &str, template: Option<&str>) -> String {
    let mut text = format!("created by: amko, gsname: {service}, path: {path}, protocol: {}", scheme(tls));
    if let Some(template) = template {
        text.push_str(", created from: ");
        text.push_str(template);
    }
    text
}

pub(crate) fn non_path_description(service: &str) -> String {
    format!("created by: amko, gsname: {service}")
}

/// Path and TLS flag of a path monitor's description. Unlike the original's reader it copes with commas in the path.
pub(crate) fn described_path(description: &str) -> Option<(&str, bool)> {
    let (_, rest) = description.split_once(", path: ")?;
    let (path, rest) = rest.rsplit_once(", protocol: ")?;
    Some((path, rest.starts_with("https")))
}

fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}

fn hex(text: &str) -> String {
    Sha1::digest(text.as_bytes()).iter().fold(String::with_capacity(40), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // catalogue amko: 200
    #[test]
    fn names_are_those_of_the_specification() {
        assert_eq!(path_name(false, "foo.avi.com", "/"), "amko--ca83bd5048b64a70aba2f3f666da479ab62a588e");
        assert_eq!(path_name(true, "foo.avi.com", "/"), "amko--31484e14a6ab0438f71e5c6daef57b183f8e4bdf");
        assert_eq!(path_name(false, "foo.avi.com", "/bar"), "amko--4840199bd9890d2070fdf5c52958599949b2b3ca");
        assert_eq!(path_name(true, "foo.avi.com", "/bar"), "amko--6ff05f98cb2d3fa6ff870e759e6c1bf6a5d71eac");
        assert_eq!(non_path_name("svc.avi.com"), "amko--12d238ea214039311de685f12e697d91c96097d1");
    }

    #[test]
    fn descriptions_can_be_read_back() {
        let text = path_description(true, "foo.avi.com", "/a,b", Some("System-GSLB-HTTPS"));
        assert_eq!(
            text,
            "created by: amko, gsname: foo.avi.com, path: /a,b, protocol: https, created from: System-GSLB-HTTPS"
        );
        assert_eq!(described_service(&text), Some("foo.avi.com"));
        assert_eq!(described_path(&text), Some(("/a,b", true)));
        let text = non_path_description("svc.avi.com");
        assert_eq!((described_service(&text), described_path(&text)), (Some("svc.avi.com"), None));
        assert_eq!(described_service("created by: amko"), None);
    }
}
