//! System health monitors (avi-api appendix A).

use serde_json::{Value, json};

use super::{SystemObject, object};

/// The monitors, those for pools first, then the federated ones.
pub(super) fn health_monitors() -> Vec<SystemObject> {
    let head = json!({"http_request": "HEAD / HTTP/1.0", "http_response_code": ["HTTP_2XX", "HTTP_3XX"]});
    let udp = json!({"udp_request": "EnterYourRequestDataHere"});
    vec![
        monitor("System-HTTP", "HTTP", [10, 4, 3, 3], json!({"http_monitor": head})),
        monitor("System-HTTPS", "HTTPS", [10, 4, 3, 3], json!({"https_monitor": head})),
        monitor("System-TCP", "TCP", [10, 4, 2, 2], json!({"tcp_monitor": {}})),
        monitor("System-Ping", "PING", [10, 4, 2, 2], json!({})),
        monitor("System-UDP", "UDP", [4, 2, 2, 2], json!({"udp_monitor": udp})),
        monitor("System-SCTP", "SCTP", [10, 4, 2, 2], json!({"sctp_monitor": {}})),
        monitor("System-DNS", "DNS", [6, 4, 2, 2], json!({"dns_monitor": {"query_name": "www.google.com"}})),
        script("System-Xternal-Perl", PERL),
        script("System-Xternal-Shell", SHELL),
        script("System-Xternal-Python", PYTHON),
        monitor(
            "System-PingAccessAgent",
            "HTTPS",
            [10, 4, 2, 2],
            json!({
                "monitor_port": 3000,
                "https_monitor": {
                    "http_request": "GET /pa/heartbeat.ping HTTP/1.1",
                    "http_response_code": ["HTTP_2XX", "HTTP_3XX"],
                },
            }),
        ),
        monitor("System-GSLB-Ping", "PING", [10, 4, 2, 2], json!({"is_federated": true})),
        monitor(
            "System-GSLB-TCP",
            "TCP",
            [10, 4, 2, 2],
            json!({"is_federated": true, "monitor_port": 80, "tcp_monitor": {}}),
        ),
        monitor(
            "System-GSLB-HTTP",
            "HTTP",
            [10, 4, 3, 3],
            json!({"is_federated": true, "monitor_port": 80, "http_monitor": head}),
        ),
        monitor(
            "System-GSLB-HTTPS",
            "HTTPS",
            [10, 4, 3, 3],
            json!({"is_federated": true, "monitor_port": 443, "https_monitor": head}),
        ),
        monitor(
            "System-GSLB-UDP",
            "UDP",
            [4, 2, 2, 2],
            json!({"is_federated": true, "monitor_port": 443, "udp_monitor": udp}),
        ),
    ]
}

// A script monitor passes when it prints anything (avi-api 6.2); $1 is the address, $2 the port.
const PERL: &str = "#!/usr/bin/perl
use IO::Socket::IP;
print \"up\\n\" if IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1], Timeout => 5);
";
const SHELL: &str = "#!/bin/sh
nc -z -w 5 \"$1\" \"$2\" && echo up
";
const PYTHON: &str = "#!/usr/bin/env python3
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()
print('up')
";

fn script(name: &'static str, code: &str) -> SystemObject {
    monitor(name, "EXTERNAL", [30, 10, 2, 2], json!({"external_monitor": {"command_code": code}}))
}

/// `timing`: interval and time-out in seconds, checks to go up, checks to go down.
fn monitor(name: &'static str, kind: &str, timing: [u32; 4], mut body: Value) -> SystemObject {
    let [send_interval, receive_timeout, up, down] = timing;
    body["type"] = json!(format!("HEALTH_MONITOR_{kind}"));
    body["send_interval"] = json!(send_interval);
    body["receive_timeout"] = json!(receive_timeout);
    body["successful_checks"] = json!(up);
    body["failed_checks"] = json!(down);
    object("healthmonitor", name, body)
}
