//! Which of several engines probes a target, where they split the probes: each draws the same lot for itself.

use std::net::{IpAddr, SocketAddr};

/// The one of `engines` that probes what `monitor` asks of `address` under the name `host`; `None` without engines. The same
/// in every engine that knows the same ones, whatever their order; one that goes changes nothing between the others, so
/// that only its own targets move (rendezvous hashing).
#[must_use]
pub fn prober_of<'a>(engines: &[&'a str], monitor: &str, address: SocketAddr, host: &str) -> Option<&'a str> {
    let mut target = Digest::new();
    target.add(monitor.as_bytes());
    match address.ip() {
        IpAddr::V4(ip) => target.add(&ip.octets()),
        IpAddr::V6(ip) => target.add(&ip.octets()),
    }
    target.add(&address.port().to_be_bytes());
    target.add(host.as_bytes());
    engines.iter().copied().max_by_key(|engine| {
        let mut lot = target;
        lot.add(engine.as_bytes());
        (lot.end(), *engine)
    })
}

/// FNV-1a, finished by the mixer of SplitMix64: the same in every release and on every machine, which a hash of the
/// standard library does not promise.
#[derive(Clone, Copy)]
struct Digest(u64);

impl Digest {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        // What ends one part is in none of them.
        for byte in bytes.iter().copied().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn end(self) -> u64 {
        let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn owners(engines: &[&'static str], targets: u16) -> BTreeMap<u16, &'static str> {
        let target =
            |port| (port, prober_of(engines, "healthmonitor-1", ([192, 0, 2, 1], port).into(), "a.example.com"));
        (0..targets).map(target).map(|(port, owner)| (port, owner.unwrap())).collect()
    }

    #[test]
    fn each_engine_has_about_its_share_and_all_agree_whatever_their_order() {
        let three = owners(&["se-1", "se-2", "se-3"], 3_000);
        assert_eq!(three, owners(&["se-3", "se-1", "se-2"], 3_000));
        for engine in ["se-1", "se-2", "se-3"] {
            let share = three.values().filter(|owner| **owner == engine).count();
            assert!((900..1_100).contains(&share), "{engine} has {share} of 3000");
        }
    }

    #[test]
    fn only_the_targets_of_an_engine_that_goes_move() {
        let (before, after) = (owners(&["se-1", "se-2", "se-3"], 500), owners(&["se-1", "se-3"], 500));
        for (target, owner) in before {
            assert!(owner == "se-2" || after[&target] == owner, "{target}");
        }
    }

    #[test]
    fn without_engines_nobody_probes() {
        assert_eq!(prober_of(&[], "m", ([192, 0, 2, 1], 80).into(), ""), None);
    }
}
