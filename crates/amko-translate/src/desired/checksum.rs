//! Check sums of services and monitors as AMKO's HTTP interface shows them (amko 5.7, 8.1).
//!
//! Sums of FNV-1a hashes, so that two that are compared tell whether the original would have written. Nothing is decided
//! by them here: bodies are compared as a whole.

use super::{DownResponse, GslbService, HealthMonitor, Member, MonitorRefs, PoolAlgorithm, VsRef};
use crate::MemberKind;

impl GslbService {
    /// `GraphChecksum`.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        let servers = self.members().map(|(priority, member)| server(priority, member));
        let objects = self.objects.iter().filter(|object| object.kind != MemberKind::ThirdParty);
        let objects = objects.map(|object| format!("{object}/{}", self.name.tenant));
        let persistence = self.persistence.as_ref();
        sum([
            sorted(servers),
            sorted(self.domain_names.iter().cloned()),
            sorted(objects),
            sorted(self.monitors.names().iter().cloned()),
            hash(&quoted(&self.created_by)),
            self.ttl.map_or(0, |ttl| hash(&ttl.to_string())),
            persistence.map_or(0, |persistence| hash(&persistence.profile)),
            persistence.and_then(|persistence| persistence.pki_profile.as_deref()).map_or(0, hash),
            self.algorithm.checksum(),
            self.down_response.map_or(0, DownResponse::checksum),
            hash(if self.monitors == MonitorRefs::None { "true" } else { "false" }),
        ])
    }
}

impl HealthMonitor {
    /// Check sum of all monitors that are made for a service; 0 for none.
    #[must_use]
    pub fn checksum_of(monitors: &[&Self]) -> u32 {
        let Some(first) = monitors.first() else { return 0 };
        let port = first.to_body()["monitor_port"].to_string();
        let of_service = match first.probe {
            super::Probe::Http { .. } => hash(&format!("created by: amko, gsname: {}", first.service)),
            super::Probe::Port { .. } => 0,
        };
        let descriptions = monitors.iter().map(|monitor| hash(&monitor.description));
        let whole = [hash(first.kind()), hash(&port), of_service, hash(&first.created_by)];
        sum(whole.into_iter().chain(descriptions))
    }
}

impl PoolAlgorithm {
    fn checksum(self) -> u32 {
        let name = hash(self.name());
        match self {
            Self::RoundRobin | Self::Topology => name,
            Self::ConsistentHash { mask } => sum([name, hash(&mask.to_string())]),
            Self::Geo { fallback_mask: None } => sum([name, hash(Self::RoundRobin.name())]),
            Self::Geo { fallback_mask: Some(mask) } => {
                sum([name, hash(Self::ConsistentHash { mask }.name()), hash(&mask.to_string())])
            }
        }
    }
}

impl DownResponse {
    fn checksum(self) -> u32 {
        match self {
            Self::None | Self::AllRecords | Self::Empty => hash(self.name()),
            Self::FallbackIp(address) => sum([hash(self.name()), hash(&address.to_string())]),
        }
    }
}

/// `<vs_uuid>-<cluster_uuid>-<weight>-<priority>-<public IP>`; the address in place of identifiers where none are sent.
fn server(priority: u32, member: &Member) -> String {
    let who = match &member.vs {
        Some(VsRef::Known(identifiers)) => format!("{}-{}", identifiers.vs_uuid, identifiers.cluster_uuid),
        Some(VsRef::Missing) => "-".to_owned(),
        None => member.address.to_string(),
    };
    let public_ip = member.public_ip.map(|address| address.to_string()).unwrap_or_default();
    format!("{who}-{}-{priority}-{public_ip}", member.ratio)
}

/// Hash of the texts, ascending, as compact JSON.
fn sorted(texts: impl Iterator<Item = String>) -> u32 {
    let mut texts: Vec<_> = texts.collect();
    texts.sort();
    let quoted: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
    hash(&format!("[{}]", quoted.join(",")))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn sum(terms: impl IntoIterator<Item = u32>) -> u32 {
    terms.into_iter().fold(0, u32::wrapping_add)
}

/// FNV-1a, 32 bits.
fn hash(text: &str) -> u32 {
    const OFFSET: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    text.bytes().fold(OFFSET, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_specification() {
        for (text, expected) in [
            ("default", 2_470_140_894),
            ("avi-system", 38_279_865),
            ("admin/foo.avi.com", 3_636_412_896),
            ("admin/svc.avi.com", 320_265_618),
        ] {
            assert_eq!(hash(text), expected, "{text}");
        }
    }
}
