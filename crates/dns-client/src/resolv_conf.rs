//! `resolv.conf`: the name servers of the machine.

use std::net::{IpAddr, SocketAddr};

/// Servers that are used; as many as the C library takes (resolv.conf(5)).
pub const SERVERS_MAX: usize = 3;
const PORT: u16 = 53;

/// The name servers that the text of a `resolv.conf` names, the first [`SERVERS_MAX`].
#[must_use]
pub fn servers_of(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| -> Option<IpAddr> {
        let mut words = line.split_whitespace();
        words.next().filter(|word| *word == "nameserver")?;
        words.next()?.parse().ok()
    };
    text.lines().filter_map(address).take(SERVERS_MAX).map(|address| (address, PORT).into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_servers_are_read_and_the_rest_is_passed_over() {
        let text = "# nameserver 192.0.2.9\nsearch example\nnameserver 192.0.2.1\nnameserver\tfd00::1 # ours\n\
                    nameserver fe80::1%eth0\nnameserver nonsense\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n";
        let servers: Vec<String> = servers_of(text).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[fd00::1]:53", "192.0.2.2:53"]);
        assert!(servers_of("").is_empty());
    }
}
