//! Counts of the HTTP proxy as `/metrics` shows them.

use lifecycle::{Family, Kind, Sample};

use crate::HttpStats;

pub(super) fn families(stats: &HttpStats) -> Vec<Family> {
    let counter = |name, help, value| Family::single(name, help, Kind::Counter, value);
    vec![
        counter("http_requests", "Requests of clients with a whole head", stats.requests),
        counter("http_requests_refused", "Requests refused with a 4xx of the engine's own", stats.requests_refused),
        by(
            "http_refused",
            "What made no request and is in no log: HTTP/1 heads, and HTTP/2 connections that clients broke",
            "reason",
            [
                ("head_too_large", stats.heads_too_large),
                ("head_malformed", stats.heads_malformed),
                ("http2_protocol", stats.http2_broken),
            ],
        ),
        counter("http_requests_retried", "Requests sent to another server or connection", stats.retries),
        counter("http_requests_without_server", "Requests for which no server could be used", stats.without_server),
        by(
            "http_connections",
            "Connections of clients; refused are those beyond the limit",
            "outcome",
            [("accepted", stats.connections), ("refused", stats.connections_refused)],
        ),
        Family::single("http_connections_open", "Connections of clients now", Kind::Gauge, stats.connections_open),
        counter("http_clients_timed_out", "Clients that did not send in time", stats.clients_timed_out),
        by(
            "http_handshakes",
            "TLS handshakes with clients",
            "outcome",
            [("passed", stats.handshakes), ("failed", stats.handshakes_failed)],
        ),
        by(
            "http_server_connections",
            "Connections to servers of pools",
            "outcome",
            [("opened", stats.server_connections), ("failed", stats.server_connections_failed)],
        ),
        counter("http_tunnels", "Connections that became tunnels, as for web sockets", stats.tunnels),
        by(
            "http_body_octets",
            "Octets of bodies, from clients and to them",
            "direction",
            [("in", stats.octets_in), ("out", stats.octets_out)],
        ),
    ]
}

fn by<const N: usize>(name: &'static str, help: &'static str, label: &'static str, values: [(&str, u64); N]) -> Family {
    let samples = values.map(|(is, value)| Sample { labels: vec![(label, is.to_owned())], value });
    Family { name, help, kind: Kind::Counter, samples: samples.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_is_shown_once() {
        // As many different values as there are counts.
        let stats = HttpStats {
            connections: 1,
            connections_open: 2,
            connections_refused: 3,
            handshakes: 4,
            handshakes_failed: 5,
            requests: 6,
            requests_refused: 7,
            clients_timed_out: 8,
            server_connections: 9,
            server_connections_failed: 10,
            retries: 11,
            without_server: 12,
            tunnels: 13,
            octets_in: 14,
            octets_out: 15,
            heads_too_large: 16,
            heads_malformed: 17,
            http2_broken: 18,
        };
        let mut shown: Vec<u64> =
            families(&stats).iter().flat_map(|family| family.samples.iter().map(|sample| sample.value)).collect();
        shown.sort_unstable();
        assert_eq!(shown, (1..=18).collect::<Vec<_>>());
    }
}
